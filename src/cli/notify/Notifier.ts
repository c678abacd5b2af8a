/**
 * `--notify`: runs a command for each finished job, or tells the desktop. Whatever that does, the job is not touched,
 * and what fails is told once.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { accessSync, constants } from "node:fs"
import path from "node:path"
import { ProcessGroup, SecretVariables } from "../../services/Queue/index.ts"
import { environmentOf, linesOf, type Notice } from "./Notice.ts"

/** A command for `sh`, or the desktop. */
export type Target = string

export const desktop: Target = "desktop"

/** A notifier is ended after that long, with what it started: who waits for `run` waits for it too. */
const longest = Duration.seconds(10)
/** Of what it writes so much is kept, in characters, for the line that says why it failed. */
const excerptMost = 200

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

type Words = readonly [program: string, ...args: ReadonlyArray<string>]

/** Without a program of the text: what it says is an argument. */
const script = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"]

const desktopWords = (lines: readonly [string, string]): Words =>
  process.platform === "darwin"
    ? ["osascript", ...script.flatMap((line) => ["-e", line]), ...lines]
    : ["notify-send", "--app-name=sluice", "--", ...lines]

const isOnPath = (program: string, env: Surroundings["env"]): boolean =>
  (env["PATH"] ?? "").split(":").some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Why nothing can be told, before there is something to tell; undefined: it can, as far as is known. */
export const obstacle = (target: Target, env: Surroundings["env"]): string | undefined => {
  if (target !== desktop) return undefined
  const [program] = desktopWords(["", ""])
  return isOnPath(program, env)
    ? undefined
    : `${program} is not on PATH, so the desktop will not be told; --notify COMMAND runs a command instead`
}

/** Runs it to its end; answers why it failed. With the run its process group ends. */
const ran = ([program, ...args]: Words, { cwd, env }: Surroundings): Effect.Effect<string | undefined> =>
  Effect.callback<string | undefined>((resume) => {
    let text = ""
    const child = spawn(program, args, {
      cwd,
      env: SecretVariables.withoutOwnSecrets(env),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        if (text.length < excerptMost) text += part.slice(0, excerptMost - text.length)
      })
    }
    const over = (why: string | undefined) => {
      // What it has left behind may write on; nobody reads it.
      child.stdout.destroy()
      child.stderr.destroy()
      resume(Effect.succeed(why))
    }
    child.once("error", (error) => over(`could not be started: ${error.message}`))
    child.once("exit", (code, signal) => {
      const end = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`
      // What it wrote last is on its way still.
      setImmediate(() => over(code === 0 ? undefined : `${end}${text.trim() === "" ? "" : `: ${text.trim()}`}`))
    })
    return Effect.sync(() => {
      if (child.pid !== undefined) ProcessGroup.signal(child.pid, "SIGKILL")
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: longest,
      orElse: () => Effect.succeed(`was not done within ${Duration.format(longest)} and was ended`)
    })
  )

export interface Notifier {
  /** Completes when the notifier has, at most 10 s later. */
  readonly tell: (target: Target, notice: Notice, surroundings: Surroundings) => Effect.Effect<void>
}

/** `note` takes one line for a person. */
export const make = (note: (line: string) => Effect.Effect<void>): Notifier => {
  let hasFailed = false
  const run = (words: Words, surroundings: Surroundings) =>
    Effect.flatMap(ran(words, surroundings), (why) => {
      if (why === undefined || hasFailed) return Effect.void
      hasFailed = true
      return note(`sluice: the notifier ${why} (told once)`)
    })
  return {
    tell: (target, notice, { cwd, env }) => {
      const surroundings = { cwd, env: { ...env, ...environmentOf(notice) } }
      return run(target === desktop ? desktopWords(linesOf(notice)) : ["/bin/sh", "-c", target], surroundings)
    }
  }
}
