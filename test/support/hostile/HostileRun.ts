/** Calls commands in-process on copies of a hostile store, and says what was wrong with each. */
import { Duration, Effect, Option } from "effect"
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { ExitCode } from "../../../src/cli/ExitCode.ts"
import * as CliProcess from "../../cli/CliProcess.ts"
import type { CommandLine } from "../../cli/CommandLine.ts"
import { callsOf } from "./HostileCalls.ts"
import { type Hostility, makeHostile } from "./HostileStore.ts"
import { rawCharacterIn } from "./HostileText.ts"

/**
 * A command takes 2 s at most, of which the start of its process takes some 0.7 s of CPU time. Measured is the CPU time
 * of the thread that it is called on, which others on a busy machine do not lengthen.
 */
const mostCpuMs = 1300
/** One that waits takes no CPU time: it has ended by then, however busy the machine. */
const longest = Duration.seconds(20)

export interface HostileStores {
  /** Made by Sluice, with jobs in every state and settings of every kind. */
  readonly file: string
  readonly job: string
  readonly failed: string
}

/** A store with a bit of everything, closed and in one file. */
export const makeStore = (cli: CommandLine): Effect.Effect<HostileStores> =>
  Effect.gen(function* () {
    const file = path.join(cli.folder, "made", "queue.db")
    mkdirSync(path.dirname(file))
    const env = { SLUICE_STORE: file }
    const call = (...args: ReadonlyArray<string>) =>
      Effect.flatMap(cli.call(args, { env }), ({ code, stderr, stdout }) =>
        code === 0 ? Effect.succeed(stdout.trim()) : Effect.die(new Error(`${args.join(" ")}: ${code} ${stderr}`))
      )
    const failed = yield* call(
      "add",
      "-q",
      "--retry",
      "0",
      "--tag",
      "tag",
      "--",
      "sh",
      "-c",
      "echo out; echo err >&2; exit 3"
    )
    yield* call("add", "-q", "--key", "key-0", "--deadline-in", "1h", "--", "echo", "word")
    yield* CliProcess.run(cli.folder, ["worker", "--once", "-q"], { env })
    const job = yield* call(
      "add",
      "-q",
      "-g",
      "network",
      "--in",
      "1h",
      "--key",
      "key-1",
      "--tag",
      "tag",
      "--",
      "echo",
      "word"
    )
    yield* call("add", "-q", "--after", job, "--", "echo", "word")
    yield* call("add", "-q", "-g", "filesystem", "--", "echo", "word")
    yield* call("queue", "pause", "filesystem")
    yield* call("queue", "limit", "network", "7")
    yield* call("queue", "order", "network", "shortest")
    yield* call("queue", "hours", "network", "mon-fri 22:00-06:00 Europe/Berlin")
    yield* call("scale", "set", "network", "--max", "5")
    yield* call(
      "scale",
      "event",
      "add",
      "network",
      "--from",
      "2030-01-01T00:00:00Z",
      "--for",
      "1h",
      "--factor",
      "2",
      "--note",
      "word"
    )
    yield* call("alert", "add", "deep", "backlog", "10")
    yield* call("alert", "silence", "deep", "--for", "1h", "--why", "word")
    const db = new DatabaseSync(file)
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return { file, job, failed }
  })

export const canaryIn = (folder: string): string => path.join(folder, "canary")

export const hostileCopy = (stores: HostileStores, how: Hostility, folder: string): string => {
  const copy = path.join(folder, "hostile.db")
  copyFileSync(stores.file, copy)
  makeHostile(copy, how, canaryIn(folder))
  return copy
}

export type Look = "text" | "json" | "terminal"

/** What a call on a copy of `store` did that it must not; nothing: all is well. */
export const wrongsOf = (
  cli: CommandLine,
  store: string,
  words: ReadonlyArray<string>,
  look: Look
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const folder = path.join(cli.folder, "call")
    mkdirSync(folder)
    const file = path.join(folder, "queue.db")
    copyFileSync(store, file)
    const env = { SLUICE_STORE: file, XDG_STATE_HOME: path.join(folder, "state"), TERM: "xterm" }
    // A worker follows the process that started it, which here would be the runner of the tests.
    const calling: Effect.Effect<Pick<CliProcess.Ended, "code" | "stdout" | "stderr">> =
      words[0] === "worker" && words[1] === "--once"
        ? CliProcess.run(folder, words, { env })
        : cli.call([...words, ...(look === "json" ? ["--json"] : [])], {
            env,
            cwd: folder,
            terminal: look === "terminal"
          })
    const before = process.threadCpuUsage()
    const ended = yield* Effect.timeoutOption(calling, longest)
    const { system, user } = process.threadCpuUsage(before)
    const cpuMs = (system + user) / 1000
    const canary = canaryIn(path.dirname(store))
    const ran = existsSync(canary)
    rmSync(canary, { force: true })
    rmSync(folder, { recursive: true, force: true })
    const wrongs = ran ? ["ran a text as a command"] : []
    if (cpuMs > mostCpuMs) wrongs.push(`took ${Math.round(cpuMs)} ms of CPU time`)
    if (Option.isNone(ended)) wrongs.push(`took longer than ${Duration.format(longest)}`)
    else {
      const { code, stderr, stdout } = ended.value
      // `run` passes on what its command ended with.
      if (words[0] !== "run" && !(Object.values(ExitCode) as ReadonlyArray<number | null>).includes(code))
        wrongs.push(`ended with ${code}`)
      for (const [name, output] of Object.entries({ stdout, stderr })) {
        const found = rawCharacterIn(output, look === "terminal")
        if (found !== undefined) wrongs.push(`${name} has ${found}`)
        if (!words.includes("--verbose") && /^\s+at \S.*:\d+:\d+\)?$/m.test(output))
          wrongs.push(`${name} has a stack: ${output.slice(0, 300)}`)
      }
      // With --verbose the cause stands beside the line.
      const clear = words.includes("--verbose") ? /^sluice\b/m : /^(?:sluice\b|\d{4}-)[^\n]*\n$/m
      if (code !== 0 && stdout === "" && !clear.test(stderr))
        wrongs.push(`ended with ${code} and no clear line: ${stderr.slice(0, 200)}`)
      if (look === "json" && code === 0)
        for (const line of stdout.split("\n").slice(0, -1)) {
          try {
            JSON.parse(line)
          } catch {
            wrongs.push(`stdout is no JSON: ${line.slice(0, 100)}`)
          }
        }
    }
    return wrongs.map((wrong) => `${words.join(" ")} (${look}): ${wrong}`)
  })

/** The calls of `callsOf` for this store, by command. */
export const callsFor = (stores: HostileStores, folder: string) =>
  Object.entries(callsOf({ ...stores, folder: path.join(folder, "call") })).flatMap(([command, calls]) =>
    typeof calls === "string" ? [] : calls.map((args) => ({ command, words: [...command.split(" "), ...args] }))
  )
