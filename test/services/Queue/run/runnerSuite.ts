import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, type Layer, Schedule, Schema } from "effect"
import * as ProcessGroup from "../../../../src/services/Queue/run/ProcessGroup.ts"
import { ProcessRunner, type RunOptions } from "../../../../src/services/Queue/run/ProcessRunner.ts"
import { ShellCommand, ShellResult } from "../../../../src/services/Queue/run/ShellCommand.ts"
import * as SystemWord from "../../../../src/services/Queue/run/SystemWord.ts"
import * as Umask from "../../../../src/services/Queue/run/Umask.ts"

const path = process.env["PATH"] ?? "/usr/bin:/bin"

type Words = ShellCommand["command"]

const argv = (command: Words, overrides: Partial<ShellCommand> = {}): ShellCommand => ({
  command,
  cwd: tmpdir(),
  env: { PATH: path },
  umask: Umask.current(),
  ...overrides
})

const sh = (script: string, overrides: Partial<ShellCommand> = {}) => argv(["sh", "-c", script], overrides)

const run = (command: ShellCommand, options?: RunOptions) => ProcessRunner.use((runner) => runner.run(command, options))

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8")

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sluice-run-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Waits for a state of the outside world that has no event we could listen to. */
export const eventually = (what: string, holds: () => boolean) =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.fail(`still not so: ${what}`))).pipe(
    Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 1000 })
  )

export const isRunning = (pid: number) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

/** What every way of starting a command keeps. */
export const runnerSuite = (name: string, runner: Layer.Layer<ProcessRunner>) =>
  layer(runner, { excludeTestServices: true })(name, (it) => {
    it.effect("gives back output, exit code and duration", () =>
      Effect.gen(function* () {
        const result = yield* run(sh("echo out; echo err >&2; sleep 0.05; exit 3"))
        assert.strictEqual(result.exitCode, 3)
        assert.strictEqual(result.signal, null)
        assert.strictEqual(text(result.stdout), "out\n")
        assert.strictEqual(text(result.stderr), "err\n")
        assert.isTrue(result.durationMs >= 50 && result.durationMs < 5000)
        assert.deepStrictEqual([result.stdoutDropped, result.stderrDropped, result.leftovers], [0, 0, false])
      })
    )

    it.effect("passes arguments on as they are, with no shell between", () =>
      Effect.gen(function* () {
        const args = ["two words", "$HOME", "*", "'\"", "-n", "", "line\nbreak", "ünï"] as const
        const result = yield* run(argv(["printf", "%s|", ...args]))
        assert.strictEqual(text(result.stdout), args.map((arg) => `${arg}|`).join(""))
      })
    )

    it.effect("passes arguments on byte for byte, UTF-8 or not", () =>
      Effect.gen(function* () {
        const every = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1))
        for (const words of [
          [Buffer.from([0xe9])],
          [every, "two words", "$HOME `id` \\n '\"", "", "-n"],
          [Buffer.from([0x6e, 0xe9, 0x0a, 0x0a]), Buffer.from([0x27, 0xff, 0x5c, 0x25])],
          Array.from({ length: 12 }, (_, index) => (index % 3 === 0 ? Buffer.from([0xff, 0x30 + index]) : `w${index}`))
        ]) {
          const result = yield* run(argv(["printf", "%s\\0", ...words] as never))
          const expected = Buffer.concat(words.flatMap((word) => [Buffer.from(word as string), Buffer.from([0])]))
          assert.deepStrictEqual(Buffer.from(result.stdout), expected)
        }
      })
    )

    it.effect("finds program, folder and files whose names are not UTF-8", () =>
      Effect.gen(function* () {
        const cwd = Buffer.concat([Buffer.from(`${yield* folder}/caf`), Buffer.from([0xe9, 0x0a])])
        mkdirSync(cwd)
        for (const name of [Buffer.from([0x74, 0xe9]), Buffer.from("a=b"), Buffer.from("-x")]) {
          const path = Buffer.concat([cwd, Buffer.from("/"), name])
          writeFileSync(path, '#!/bin/sh\npwd -P; printf "%s" "$1"\n', { mode: 0o755 })
          const result = yield* run(
            argv([SystemWord.fromBytes(Buffer.concat([Buffer.from("./"), name])), "arg"], { cwd })
          )
          assert.deepStrictEqual(
            Buffer.from(result.stdout),
            Buffer.concat([cwd, Buffer.from("\narg")]),
            text(result.stderr)
          )
        }
        const missing = yield* Effect.flip(run(argv([Buffer.from([0x6e, 0xe9])])))
        assert.deepInclude(missing.reason, { _tag: "CommandNotFound", command: "n\\xE9" })
        const gone = Buffer.concat([cwd, Buffer.from([0xff])])
        assert.strictEqual(
          (yield* Effect.flip(run(argv(["true"], { cwd: gone })))).reason._tag,
          "WorkingDirectoryUnusable"
        )
      })
    )

    it.effect("gives an environment byte for byte, whatever its names and values, and not a variable more", () =>
      Effect.gen(function* () {
        const umasks = [Umask.current(), 0o077]
        const latin = [
          Buffer.from([0x41, 0x3d, 0xe9, 0x0a]),
          Buffer.from([0x6e, 0xe9, 0x3d, 0x31]),
          Buffer.from([0x5f, 0x58, 0x3d, 0xff])
        ]
        const env = {
          PATH: path,
          PWD: "/elsewhere",
          IFS: ":",
          "a.b": "dotted",
          "BASH_FUNC_x%%": "() {  :\n}",
          "-dash": "1",
          PS1: "$ ",
          sluice_0: "mine",
          EMPTY: ""
        }
        for (const umask of umasks) {
          for (const envBytes of [[], latin]) {
            const result = yield* run(argv(["env", "-0"], { env, umask, ...(envBytes.length > 0 && { envBytes }) }))
            const seen = Buffer.from(result.stdout)
              .toString("latin1")
              .split("\0")
              .filter((line) => line !== "")
            const expected = [
              ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
              ...envBytes.map((bytes) => bytes.toString("latin1"))
            ]
            assert.deepStrictEqual(seen.sort(), expected.sort())
          }
        }
      })
    )

    it.effect("shows no value of a variable on a command line", () =>
      Effect.gen(function* () {
        const result = yield* run(
          argv(["sh", "-c", "cat /proc/$$/cmdline /proc/self/cmdline", Buffer.from([0xe9])], {
            env: { PATH: path, PASSWORD: "CANARY" },
            envBytes: [Buffer.from([0x51, 0x3d, 0x51, 0x51, 0x51, 0xe9])]
          })
        )
        assert.isFalse(Buffer.from(result.stdout).includes("CANARY"))
        assert.isFalse(Buffer.from(result.stdout).includes("QQQ"))
        const refused = yield* Effect.flip(
          run(argv(["true", Buffer.from([0xe9])], { env: { PATH: path, "npm_config_//r/:_auth_token": "CANARY" } }))
        )
        assert.deepInclude(refused.reason, { _tag: "SpawnFailed", code: "EILSEQ" })
        assert.notInclude(refused.message, "CANARY")
      })
    )

    it.effect("names the signal that ended a command", () =>
      Effect.gen(function* () {
        const result = yield* run(sh("kill -s USR1 $$"))
        assert.strictEqual(result.exitCode, null)
        assert.strictEqual(result.signal, "SIGUSR1")
      })
    )

    it.effect("gives the recorded environment, the caller's additions, and nothing of its own", () =>
      Effect.gen(function* () {
        const env = { PATH: path, A: "1 = 'one'", SLUICE_JOB_ID: "recorded" }
        const result = yield* run(argv(["env", "-0"], { env }), { env: { SLUICE_JOB_ID: "j1", SLUICE_ATTEMPT: "2" } })
        const seen = text(result.stdout)
          .split("\0")
          .filter((line) => line !== "" && !line.startsWith("_="))
        assert.deepStrictEqual(
          seen.sort(),
          ["A=1 = 'one'", `PATH=${path}`, "SLUICE_ATTEMPT=2", "SLUICE_JOB_ID=j1"].sort()
        )
      })
    )

    it.effect("runs in the recorded working directory, and finds programs relative to it", () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        writeFileSync(join(cwd, "tool"), "#!/bin/sh\npwd -P\n", { mode: 0o755 })
        const result = yield* run(argv(["./tool"], { cwd }))
        assert.strictEqual(text(result.stdout), `${cwd}\n`)
      })
    )

    it.effect("creates files under the recorded umask and leaves the worker's own alone", () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const before = Umask.current()
        for (const [umask, mode] of [
          [0o077, 0o600],
          [0o002, 0o664],
          [0, 0o666],
          [0o027, 0o640]
        ] as const) {
          const result = yield* run(argv(["touch", `file-${umask}`], { cwd, umask }))
          assert.strictEqual(result.exitCode, 0, text(result.stderr))
          assert.strictEqual(statSync(join(cwd, `file-${umask}`)).mode & 0o777, mode)
        }
        assert.strictEqual(Umask.current(), before)
      })
    )

    it.effect("keeps binary output and output without a last line break exactly", () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256))
        writeFileSync(join(cwd, "data"), bytes)
        const result = yield* run(argv(["cat", "data"], { cwd }))
        assert.isTrue(Buffer.from(result.stdout).equals(bytes))
        const json = JSON.stringify(yield* Schema.encodeEffect(ShellResult)(result))
        const stored = yield* Schema.decodeUnknownEffect(ShellResult)(JSON.parse(json))
        assert.isTrue(Buffer.from(stored.stdout).equals(bytes))
        assert.strictEqual(text((yield* run(argv(["printf", "no newline"]))).stdout), "no newline")
      })
    )

    it.effect("bounds output, keeps its beginning and end, and streams all of it", () =>
      Effect.gen(function* () {
        let streamed = 0
        const result = yield* run(sh("echo first; yes | head -c 5000000; echo last; echo warn >&2"), {
          outputLimitBytes: 2000,
          onOutput: (chunk, stream) => {
            if (stream === "stdout") streamed += chunk.length
          }
        })
        const total = 5_000_000 + "first\nlast\n".length
        assert.strictEqual(streamed, total)
        assert.strictEqual(result.stdoutDropped, total - 2000)
        assert.strictEqual(result.stderrDropped, 0)
        const kept = text(result.stdout)
        assert.isTrue(kept.startsWith("first\ny\n"))
        assert.isTrue(kept.endsWith("y\nlast\n"))
        assert.include(kept, `[... ${total - 2000} bytes left out ...]`)
      })
    )

    it.effect("bounds output at 1 MiB by itself", () =>
      Effect.gen(function* () {
        const result = yield* run(sh("head -c 3000000 /dev/zero"))
        assert.strictEqual(result.stdoutDropped, 3_000_000 - 1024 * 1024)
      })
    )

    it.effect("feeds standard input, and end of file when there is none", () =>
      Effect.gen(function* () {
        const big = Buffer.alloc(3_000_000, "x")
        assert.strictEqual(text((yield* run(argv(["wc", "-c"], { stdin: big }))).stdout).trim(), "3000000")
        assert.strictEqual(text((yield* run(argv(["wc", "-c"]))).stdout).trim(), "0")
      })
    )

    it.effect("is not disturbed by a command that never reads its input", () =>
      Effect.gen(function* () {
        const result = yield* run(sh("exec <&-; exit 0", { stdin: Buffer.alloc(3_000_000, "x") }))
        assert.strictEqual(result.exitCode, 0)
      })
    )

    it.effect("waits for a command that closes its output and lives on", () =>
      Effect.gen(function* () {
        const result = yield* run(sh("echo before; exec >&- 2>&-; sleep 0.2; exit 4"))
        assert.strictEqual(result.exitCode, 4)
        assert.strictEqual(text(result.stdout), "before\n")
        assert.isTrue(result.durationMs >= 200)
      })
    )

    it.effect("waits for output that a helper still writes after the command's exit", () =>
      Effect.gen(function* () {
        const result = yield* run(sh("(sleep 0.2; echo late) & echo early"))
        assert.strictEqual(text(result.stdout), "early\nlate\n")
        assert.strictEqual(result.leftovers, false)
      })
    )

    it.effect(
      "ends what a command leaves behind, whether or not it holds the output, and says so",
      () =>
        Effect.gen(function* () {
          for (const background of ["sleep 1000", "sleep 1000 >/dev/null 2>&1"]) {
            let group = 0
            const result = yield* run(sh(`${background} & echo $!`), { onStart: (pid) => (group = pid) })
            assert.strictEqual(result.exitCode, 0)
            assert.strictEqual(result.leftovers, true)
            assert.isFalse(ProcessGroup.isAlive(group))
            assert.isFalse(isRunning(Number(text(result.stdout))))
          }
        }),
      10_000
    )

    it.effect("lets go of the output that a daemon in a session of its own keeps open", () =>
      Effect.gen(function* () {
        const result = yield* run(sh("setsid sh -c 'echo $$; sleep 1000' & sleep 0.2"))
        const daemon = Number(text(result.stdout))
        assert.isTrue(isRunning(daemon))
        assert.strictEqual(result.leftovers, false)
        process.kill(-daemon, "SIGKILL")
      })
    )

    it.effect("tells a missing command from one that may not be executed and from a missing folder", () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        writeFileSync(join(cwd, "plain"), "text", { mode: 0o644 })
        writeFileSync(join(cwd, "orphan"), "#!/no/such/interpreter\n", { mode: 0o755 })
        mkdirSync(join(cwd, "dir"))
        for (const umask of [Umask.current(), 0o077]) {
          const attempt = (command: ShellCommand) =>
            Effect.flip(run({ ...command, umask })).pipe(Effect.map((error) => [error.reason._tag, error.exitCode]))
          assert.deepStrictEqual(yield* attempt(argv(["no-such-command"])), ["CommandNotFound", 127])
          assert.deepStrictEqual(yield* attempt(argv(["./missing"], { cwd })), ["CommandNotFound", 127])
          assert.deepStrictEqual(yield* attempt(argv([""], { cwd })), ["CommandNotFound", 127])
          assert.deepStrictEqual(yield* attempt(argv(["sh"], { env: { PATH: cwd } })), ["CommandNotFound", 127])
          assert.deepStrictEqual(yield* attempt(argv(["./dir"], { cwd })), ["CommandNotExecutable", 126])
          assert.deepStrictEqual(yield* attempt(argv(["plain"], { cwd, env: { PATH: cwd } })), [
            "CommandNotExecutable",
            126
          ])
          assert.deepStrictEqual(yield* attempt(argv(["true"], { cwd: join(cwd, "gone") })), [
            "WorkingDirectoryUnusable",
            125
          ])
          assert.deepStrictEqual(yield* attempt(argv(["true"], { cwd: join(cwd, "plain") })), [
            "WorkingDirectoryUnusable",
            125
          ])
        }
        const orphan = yield* Effect.flip(run(argv(["./orphan"], { cwd })))
        assert.strictEqual(orphan.exitCode, 126)
        const message = (yield* Effect.flip(run(argv(["no-such\u001b[31m"])))).message
        assert.isFalse(message.includes("\u001b"), "control characters of job data never reach the terminal")
      })
    )

    it.effect("survives arguments the system refuses as too long", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(run(argv(["true", "x".repeat(3_000_000)])))
        assert.strictEqual(error.reason._tag, "SpawnFailed")
        assert.deepInclude(error.reason, { code: "E2BIG" })
      })
    )

    it.effect("refuses payloads the system could not carry out as written", () =>
      Effect.gen(function* () {
        const decode = Schema.decodeUnknownEffect(ShellCommand)
        const good = { command: ["true"], cwd: "/", env: {}, umask: 18 }
        yield* decode(good)
        const bytes = {
          ...good,
          command: ["cat", { base64: "6Q==" }],
          cwd: { base64: "L+k=" },
          envBytes: [{ base64: "QT3p" }]
        }
        const decoded = yield* decode(bytes)
        assert.deepStrictEqual(decoded.command, ["cat", Buffer.from([0xe9])] as never)
        assert.deepStrictEqual(JSON.parse(JSON.stringify(yield* Schema.encodeEffect(ShellCommand)(decoded))), bytes)
        for (const bad of [
          { command: [] },
          { command: ["a\0b"] },
          { env: { "A=B": "c" } },
          { env: { A: "\0" } },
          { command: [{ base64: "AOk=" }] },
          { command: [{ base64: "6Q" }] },
          { cwd: { base64: "", more: 1 }, env: { A: 1 } },
          { envBytes: [{ base64: "6Q==" }] },
          { envBytes: [{ base64: "PTE=" }] },
          { umask: 512 }
        ]) {
          yield* Effect.flip(decode({ ...good, ...bad }))
        }
      })
    )

    it.effect("sends SIGTERM to the whole group at the soft limit and lets the command finish in its own time", () =>
      Effect.gen(function* () {
        const soft = new AbortController()
        const fiber = yield* Effect.forkChild(
          run(
            sh(
              "trap 'echo told; sleep 0.1; echo done; exit 7' TERM; sh -c 'trap \"echo child told; exit\" TERM; while :; do sleep 0.01; done' & echo ready; while :; do sleep 0.01; done"
            ),
            {
              signal: soft.signal,
              onOutput: (chunk) => String(chunk).includes("ready") && setTimeout(() => soft.abort(), 50)
            }
          )
        )
        const result = yield* Fiber.join(fiber)
        assert.strictEqual(result.exitCode, 7)
        assert.deepStrictEqual(text(result.stdout).split("\n").sort(), ["", "child told", "done", "ready", "told"])
      })
    )

    it.effect("starts and ends a command whose soft limit had already passed", () =>
      Effect.gen(function* () {
        const result = yield* run(argv(["sleep", "1000"]), { signal: AbortSignal.abort() })
        assert.strictEqual(result.signal, "SIGTERM")
      })
    )

    it.effect("ends command and grandchildren when interrupted", () =>
      Effect.gen(function* () {
        let group = 0
        const pids: Array<number> = []
        const fiber = yield* Effect.forkChild(
          run(sh("sh -c 'sleep 1000 & echo $!; wait' & echo $!; wait"), {
            onStart: (pid) => (group = pid),
            onOutput: (chunk) => pids.push(...String(chunk).trim().split("\n").map(Number))
          })
        )
        yield* eventually("both have started", () => pids.length === 2)
        assert.isTrue(pids.every(isRunning))
        yield* Fiber.interrupt(fiber)
        assert.isFalse(ProcessGroup.isAlive(group))
        assert.deepStrictEqual(pids.map(isRunning), [false, false])
      })
    )

    it.effect("kills a group that ignores SIGTERM, forceKillAfter later", () =>
      Effect.gen(function* () {
        let group = 0
        let ready = false
        const fiber = yield* Effect.forkChild(
          run(sh("trap '' TERM; echo ready; while :; do sleep 0.01; done"), {
            forceKillAfter: "300 millis",
            onStart: (pid) => (group = pid),
            onOutput: () => (ready = true)
          })
        )
        yield* eventually("ready", () => ready)
        const start = performance.now()
        yield* Fiber.interrupt(fiber)
        assert.isFalse(ProcessGroup.isAlive(group))
        assert.isAtLeast(performance.now() - start, 300)
      })
    )

    it.effect("kills at once at the hard limit when the soft limit is long past", () =>
      Effect.gen(function* () {
        let group = 0
        let ready = false
        const soft = new AbortController()
        const fiber = yield* Effect.forkChild(
          run(sh("trap 'echo told' TERM; echo ready; while :; do sleep 0.01; done"), {
            forceKillAfter: "400 millis",
            signal: soft.signal,
            onStart: (pid) => (group = pid),
            onOutput: () => (ready = true)
          })
        )
        yield* eventually("ready", () => ready)
        soft.abort()
        yield* Effect.sleep("500 millis")
        assert.isTrue(ProcessGroup.isAlive(group))
        const start = performance.now()
        yield* Fiber.interrupt(fiber)
        assert.isFalse(ProcessGroup.isAlive(group))
        assert.isBelow(performance.now() - start, 400)
      })
    )

    it.effect("ends a stopped command", () =>
      Effect.gen(function* () {
        let group = 0
        const fiber = yield* Effect.forkChild(run(sh("kill -s STOP $$"), { onStart: (pid) => (group = pid) }))
        yield* eventually(
          "stopped",
          () => group > 0 && /^State:\s+T/m.test(readFileSync(`/proc/${group}/status`, "utf8"))
        )
        yield* Fiber.interrupt(fiber)
        assert.isFalse(ProcessGroup.isAlive(group))
      })
    )

    it.effect("fails as a defect and leaves no process when the caller's callback throws", () =>
      Effect.gen(function* () {
        let group = 0
        const exit = yield* Effect.exit(
          run(sh("echo x; sleep 1000"), {
            onStart: (pid) => (group = pid),
            onOutput: () => {
              throw new Error("caller's fault")
            }
          })
        )
        assert.strictEqual(exit._tag, "Failure")
        assert.isFalse(ProcessGroup.isAlive(group))
      })
    )

    it.effect(
      "reads no faster than its caller takes, waits for all of it after the exit, and ends when that fails",
      () =>
        Effect.gen(function* () {
          const waiting: Array<() => void> = []
          let taken = 0
          const folder = mkdtempSync(join(tmpdir(), "sluice-hold-"))
          const written = join(folder, "written")
          const fiber = yield* Effect.forkChild(
            run(sh(`head -c 1000000 /dev/zero; touch '${written}'; echo end`), {
              outputLimitBytes: 10,
              onOutput: (chunk) => {
                taken += chunk.length
                return new Promise<void>((resolve) => waiting.push(resolve))
              }
            })
          )
          yield* eventually("the first chunk", () => waiting.length === 1)
          yield* Effect.sleep("300 millis")
          assert.strictEqual(waiting.length, 1)
          assert.isBelow(taken, 200_000)
          assert.isFalse(existsSync(written))
          while (!existsSync(written)) {
            yield* Effect.sleep("1 millis")
            for (const resolve of waiting.splice(0)) resolve()
          }
          // The command has ended, and what it left in its pipe is held back for longer than leftovers are given.
          yield* Effect.sleep("1500 millis")
          for (; fiber.pollUnsafe() === undefined; yield* Effect.sleep("1 millis")) {
            for (const resolve of waiting.splice(0)) resolve()
          }
          const result = yield* Fiber.join(fiber)
          assert.strictEqual(taken, 1_000_004)
          assert.strictEqual(result.leftovers, false)
          const failed = yield* Effect.exit(
            run(sh("echo x; sleep 1000"), { onOutput: () => Promise.reject(new Error("cannot take it")) })
          )
          assert.strictEqual(failed._tag, "Failure")
          rmSync(folder, { recursive: true })
        })
    )

    it.effect("hears the last words of a command that is interrupted", () =>
      Effect.gen(function* () {
        let said = ""
        const fiber = yield* Effect.forkChild(
          // Of a command that it waits for in the foreground a shell says how it was ended.
          run(sh("trap 'echo bye; exit' TERM; echo ready; sleep 1000 & wait"), {
            onOutput: (chunk) => (said += String(chunk))
          })
        )
        yield* eventually("ready", () => said === "ready\n")
        yield* Fiber.interrupt(fiber)
        assert.match(said, /bye\n$/)
      })
    )

    it.effect(
      "runs many commands at once, each with its own output, and leaks no descriptor",
      () =>
        Effect.gen(function* () {
          const descriptors = () => readdirSync("/proc/self/fd").length
          yield* Effect.forEach(Array.from({ length: 40 }), () => run(argv(["true"])), { concurrency: 20 })
          const before = descriptors()
          const results = yield* Effect.forEach(
            Array.from({ length: 60 }, (_, index) => index),
            (index) => run(sh(`echo ${index}; echo ${index} >&2; exit ${index}`)),
            { concurrency: 20 }
          )
          results.forEach((result, index) => {
            assert.deepStrictEqual(
              [result.exitCode, text(result.stdout), text(result.stderr)],
              [index, `${index}\n`, `${index}\n`]
            )
          })
          yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.exit(run(argv(["no-such-command"]))))
          yield* eventually("descriptors closed", () => descriptors() <= before)
        }),
      20_000
    )
  })
