/**
 * `sluice map … > FILE`, interrupted in all ways there are, then the same command again until it ends: the file is the
 * one of an uninterrupted run.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { SeededRandom } from "../support/SeededRandom.ts"
import { temporaryFolder } from "./CommandLine.ts"
import { launcher } from "../support/cli/Launcher.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"
const seedsFrom = Number(process.env.SLUICE_SEED ?? 1)
const seedCount = Number(process.env.SLUICE_SEEDS ?? (isReduced ? 10 : 200))
const lines = 12

/** Each line writes to both streams, some of them much, some nothing; the longest is longer than a small log. */
const script = `
n=$1
case $((n % 6)) in
  0) ;;
  1) echo "small $n"; echo "told $n" >&2 ;;
  2) seq $((n * 1000)); sleep 0.1 ;;
  3) printf 'no newline %s' "$n" ;;
  4) head -c 150000 /dev/zero | tr '\\0' "$n"; echo; sleep 0.05 ;;
  5) echo "fails $n"; exit 3 ;;
esac`

const mounts = process.getuid?.() === 0 && process.platform === "linux"

interface Surroundings {
  readonly folder: string
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string | undefined>>
}

const start = ({ args, env, folder }: Surroundings, redirection: string): ChildProcess =>
  spawn("sh", ["-c", `exec "$0" "$@" ${redirection}`, process.execPath, launcher, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: "ignore",
    detached: true
  })

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode)
    else child.once("close", (code) => resolve(code))
  })

/** Waits until so many lines are recorded as finished, or the run has ended. */
const reached = async ({ folder }: Surroundings, finished: number, child: ChildProcess) => {
  const maps = path.join(folder, "sluice", "maps")
  for (;;) {
    const record = existsSync(maps) ? readdirSync(maps).find((name) => name.endsWith(".map")) : undefined
    const noted = record === undefined ? 0 : readFileSync(path.join(maps, record), "utf8").split("\n").length - 2
    if (noted >= finished || child.exitCode !== null || child.signalCode !== null) return
    await pause(5)
  }
}

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Each stops a run once so many lines are finished, or lets it fail, and answers when it is gone. */
const interruptions: Readonly<Record<string, (at: Surroundings, lines: number) => Promise<void>>> = {
  killed: async (at, lines) => {
    const child = start(at, "> out 2> err")
    await reached(at, lines, child)
    child.kill("SIGKILL")
    await ended(child)
  },
  "Ctrl-C": async (at, lines) => {
    const child = start(at, "> out 2> err")
    await reached(at, lines, child)
    child.kill("SIGINT")
    await ended(child)
  },
  "Ctrl-C twice": async (at, lines) => {
    const child = start(at, "> out 2> err")
    await reached(at, lines, child)
    child.kill("SIGINT")
    await pause(30)
    child.kill("SIGINT")
    await ended(child)
  },
  "a terminal that was closed": async (at, lines) => {
    // Its standard input is the terminal that `script` makes; the kernel hangs up when script is gone.
    const words = [process.execPath, launcher, ...at.args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")
    const child = spawn("script", ["-qfc", `${words} > out`, "/dev/null"], {
      cwd: at.folder,
      env: { ...process.env, ...at.env },
      stdio: "ignore"
    })
    await reached(at, lines, child)
    child.kill("SIGKILL")
    await ended(child)
  },
  "a full device": async (at) => {
    assert.strictEqual(await ended(start(at, "> /dev/full")), 9)
  },
  "a reader that has gone": async (at) => {
    await ended(start(at, "2> err | head -1 > head"))
  },
  "a full disk for the result": async (at, lines) => {
    if (!mounts) return
    const full = path.join(at.folder, "small")
    mkdirSync(full)
    const size = `size=${100 + (lines % 5) * 100}k`
    assert.strictEqual(spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", full]).status, 0)
    try {
      const code = await ended(start(at, "> small/out 2> err"))
      if (code !== 1) assert.strictEqual(code, 9, readFileSync(path.join(at.folder, "err"), "utf8"))
    } finally {
      spawnSync("umount", ["-l", full])
      rmSync(full, { recursive: true })
    }
  },
  "a full disk for the logs": async (at, lines) => {
    if (!mounts) return
    const logs = path.join(at.folder, "q.db.outputs")
    mkdirSync(logs, { recursive: true, mode: 0o700 })
    const size = `size=${100 + (lines % 4) * 60}k,mode=700`
    assert.strictEqual(spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", logs]).status, 0)
    try {
      const child = start(at, "> out 2> err")
      await reached(at, lines, child)
      child.kill("SIGINT")
      await ended(child)
    } finally {
      spawnSync("umount", ["-l", logs])
    }
  }
}

/** Blocks in any order, told apart where the commands do. */
const sorted = (text: string) => [...text].sort().join("")

describe("a map with a redirect", () => {
  for (let seed = seedsFrom; seed < seedsFrom + seedCount; seed++) {
    const random = new SeededRandom(seed)
    const keepOrder = random.chance(0.7)
    const small = random.chance(0.3)
    const kinds = Array.from({ length: 1 + random.below(3) }, () => random.pick(Object.keys(interruptions)))
    it.live(
      `seed ${seed}: ${keepOrder ? "in order" : "as it ends"}${small ? ", small logs" : ""}, after ${kinds.join(", ")}`,
      () =>
        Effect.gen(function* () {
          const folder = yield* temporaryFolder
          writeFileSync(path.join(folder, "script"), script)
          const numbers = Array.from({ length: lines }, (_, i) => String(i + 1))
          const at: Surroundings = {
            folder,
            args: ["map", "-q", "-j3", ...(keepOrder ? ["-k"] : []), "sh script {}", ":::", ...numbers],
            env: {
              HOME: folder,
              XDG_STATE_HOME: folder,
              SLUICE_STORE: path.join(folder, "q.db"),
              ...(small ? { SLUICE_OUTPUT_LIMIT: "64KiB" } : {})
            }
          }
          const whole = Buffer.concat(
            numbers.map((number) => spawnSync("sh", ["script", number], { cwd: folder, maxBuffer: 1e9 }).stdout)
          ).toString("latin1")
          yield* Effect.promise(async () => {
            for (const kind of kinds) {
              await interruptions[kind]!(at, random.below(lines))
              // Killed runs leave commands that their watchdog ends.
              if (existsSync(path.join(folder, "q.db"))) await pause(100)
            }
            let code = await ended(start(at, "> out 2> err"))
            const told = () => readFileSync(path.join(folder, "err"), "utf8")
            // A run whose terminal was closed may outlive `script`: it is waited for, as the refusal says.
            while (code === 6 && /^sluice: this map is being run by process \d+; wait for it/.test(told())) {
              await pause(100)
              code = await ended(start(at, "> out 2> err"))
            }
            assert.strictEqual(code, 1, told())
            const result = readFileSync(path.join(folder, "out"), "latin1")
            if (keepOrder) assert.isTrue(result === whole, `${result.length} bytes of ${whole.length}`)
            else assert.isTrue(sorted(result) === sorted(whole), `${result.length} bytes of ${whole.length}`)
          })
        }).pipe(Effect.scoped),
      120_000
    )
  }
})
