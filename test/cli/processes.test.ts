import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import * as CommandLine from "./CommandLine.ts"

const limit = { timeout: 120_000 }

describe("sluice run, as a process", () => {
  it.live(
    "passes output and exit code on",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* CommandLine.make
        const ended = yield* CliProcess.run(folder, [
          "run",
          "--",
          "sh",
          "-c",
          "printf 'a\\0b\\033[1m'; echo oops >&2; exit 42"
        ])
        assert.deepStrictEqual(ended, { code: 42, signal: null, stdout: "a\0b\x1b[1m", stderr: "oops\n" })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "ends with 127 for an unknown program, 128 + n for a signal, 7 for a time limit",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const unknown = yield* CliProcess.run(folder, ["run", "--", "no-such-program"])
        assert.strictEqual(unknown.code, 127)
        assert.match(unknown.stderr, /^sluice: command not found: "no-such-program"[^\n]*\n$/)
        assert.strictEqual((yield* call(["run", "--", "sh", "-c", "kill -9 $$"])).code, 137)
        assert.strictEqual((yield* call(["run", "--timeout", "200ms", "--", "sleep", "60"])).code, 7)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "gives the command standard input only when asked",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        assert.strictEqual((yield* call(["run", "--", "cat"], { stdin: "hello" })).stdout, "")
        assert.strictEqual(
          (yield* CliProcess.run(folder, ["run", "--stdin", "--", "cat"], { input: "hello" })).stdout,
          "hello"
        )
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "runs its own command and leaves others in the queue",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const added = yield* call(["add", "-q", "--", "touch", "other"])
        assert.strictEqual((yield* CliProcess.run(folder, ["run", "--", "echo", "mine"])).stdout, "mine\n")
        assert.isFalse(existsSync(path.join(folder, "other")))
        assert.strictEqual((yield* call(["job", "ls", "-q", "--state", "pending"])).stdout, added.stdout)
      }).pipe(Effect.scoped),
    limit
  )

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it.live(
      `lets the command finish at the first ${signal}, ends it at the second, and ends with ${code}`,
      () =>
        Effect.gen(function* () {
          const { call, folder } = yield* CommandLine.make
          const finishing = yield* CliProcess.start(folder, [
            "run",
            "--",
            "sh",
            "-c",
            "trap '' INT TERM; echo up; sleep 1; echo finished"
          ])
          yield* finishing.shows(/up/)
          yield* finishing.kill(signal)
          const first = yield* finishing.ended
          assert.deepInclude(first, { code, stdout: "up\nfinished\n" })
          assert.match(first.stderr, /the command was told \(SIG[A-Z]+\) and has 10s to finish; once more stops it now/)

          const stopped = yield* CliProcess.start(folder, [
            "run",
            "--",
            "sh",
            "-c",
            "trap '' INT TERM; echo $$ > pid; echo up; exec sleep 600"
          ])
          yield* stopped.shows(/up/)
          yield* stopped.kill(signal)
          yield* stopped.shows(/once more/)
          yield* stopped.kill(signal)
          assert.strictEqual((yield* stopped.ended).code, code)
          const pid = Number(readFileSync(path.join(folder, "pid"), "utf8"))
          assert.throws(() => process.kill(pid, 0))
          assert.match((yield* call(["job", "ls", "--json", "--state", "cancelled"])).stdout, /"state":"cancelled"/)
        }).pipe(Effect.scoped),
      limit
    )
  }
})

describe("sluice map, as a process", () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}\n`).join("")

  it.live(
    "prints blocks, in order when asked, tagged when asked, and names what failed",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const ordered = yield* CliProcess.run(folder, [
          "map",
          "-q",
          "-k",
          "-j3",
          "sh -c 'sleep 0.$((4 - $0)); echo $0; echo $0.'",
          ":::",
          "1",
          "2",
          "3"
        ])
        assert.deepInclude(ordered, { code: 0, stdout: "1\n1.\n2\n2.\n3\n3.\n", stderr: "" })
        const log = path.join(folder, "log.tsv")
        const failing = yield* call(["map", "-k", "--tag", "--joblog", log, "sh -c 'echo $0; test $0 != b'"], {
          stdin: "a\nb\nc\n"
        })
        assert.deepInclude(failing, { code: 1, stdout: "a\ta\nb\tb\nc\tc\n" })
        assert.match(failing.stderr, /1 of 3 failed\n {2}line 2: b: exit code 1\n/)
        const [header, ...lines] = readFileSync(log, "utf8").trimEnd().split("\n")
        assert.strictEqual(header, "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand")
        assert.deepStrictEqual(
          lines.map((line) => line.split("\t")).map(([seq, , , , , received, exit]) => [seq, received, exit]),
          [
            ["1", "2", "0"],
            ["2", "2", "1"],
            ["3", "2", "0"]
          ]
        )

        const again = yield* call(["map", "-k", "--retry-failed", "sh -c 'echo $0; test $0 != b'"], {
          stdin: "a\nb\nc\n"
        })
        assert.deepInclude(again, { code: 1, stdout: "a\nb\nc\n" })
        assert.strictEqual((yield* call(["map", "--retry-failed", "true"], { stdin: "a\n" })).code, 3)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "begins anew when it had finished",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        for (let time = 0; time < 2; time++) {
          assert.deepInclude(yield* call(["map", "-q", "-k", "echo {}", ":::", "a", "b"]), {
            code: 0,
            stdout: "a\nb\n"
          })
        }
        assert.deepStrictEqual(readdirSync(path.join(folder, "state/sluice/maps")), [])
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "fills in fields of records and keeps each inside its argument",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        writeFileSync(
          path.join(folder, "r.ndjson"),
          `${JSON.stringify({ name: "a b; rm -rf /", n: 1 })}\n${JSON.stringify({ name: "$(id)", n: [2] })}\n`
        )
        const ended = yield* call(["map", "-q", "-k", "--from", "r.ndjson", "printf '%s|' {name} {n}"])
        assert.deepInclude(ended, { code: 0, stdout: "a b; rm -rf /|1|$(id)|[2]|" })
        const missing = yield* call(["map", "--from", "r.ndjson", "echo {size}"])
        assert.deepInclude(missing, {
          code: 2,
          stdout: "",
          stderr: "sluice: the first record has no field {size}, which the command names; it has name, n\n"
        })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "stops early with --halt, and goes on with the rest",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const args = [
          "map",
          "-q",
          "-j1",
          "--halt",
          "now,fail=1",
          "sh -c 'echo $0; test $0 != 2 -o -e fixed'",
          ":::",
          "1",
          "2",
          "3",
          "4"
        ]
        const halted = yield* call(args)
        assert.deepInclude(halted, { code: 1, stdout: "1\n2\n" })
        writeFileSync(path.join(folder, "fixed"), "")
        const rest = yield* call(args)
        assert.deepInclude(rest, { code: 1, stdout: "1\n2\n3\n4\n" })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "goes on after SIGINT with what is left, each line once",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const args = ["map", "-q", "-j3", "sh -c 'echo $0 >> ledger; sleep 0.05'"]
        const input = numbers(60)
        const first = yield* CliProcess.start(folder, args, { input })
        yield* CliProcess.until(
          () =>
            existsSync(path.join(folder, "ledger")) &&
            readFileSync(path.join(folder, "ledger"), "utf8").split("\n").length > 15
        )
        yield* first.kill("SIGINT")
        assert.strictEqual((yield* first.ended).code, 130)
        // What had not started has left the queue: nobody else runs it.
        assert.strictEqual((yield* call(["job", "ls", "-q", "--state", "pending", "--state", "running"])).stdout, "")
        assert.strictEqual((yield* call(args, { stdin: input })).code, 0)
        const lines = readFileSync(path.join(folder, "ledger"), "utf8").trimEnd().split("\n").map(Number)
        assert.deepStrictEqual(
          lines.sort((a, b) => a - b),
          Array.from({ length: 60 }, (_, i) => i + 1)
        )
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "is refused while the same map runs, and another runs beside it without taking its lines",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const one = (name: string) => [
          "map",
          "-q",
          "-j1",
          `sh -c 'echo $PPID $(ps -o ppid= -p $PPID) $0 >> ${name}; while [ ! -e go ]; do sleep 0.02; done'`,
          ":::",
          "1",
          "2",
          "3"
        ]
        const first = yield* CliProcess.start(folder, one("first"))
        yield* CliProcess.until(() => existsSync(path.join(folder, "first")))
        const same = yield* call(one("first"))
        assert.strictEqual(same.code, 6)
        assert.match(same.stderr, /^sluice: this map is being run by process \d+; wait for it/)
        const second = yield* CliProcess.start(folder, one("second"))
        yield* CliProcess.until(() => existsSync(path.join(folder, "second")))
        writeFileSync(path.join(folder, "go"), "")
        assert.strictEqual((yield* first.ended).code, 0)
        assert.strictEqual((yield* second.ended).code, 0)
        for (const [name, { pid }] of [
          ["first", first],
          ["second", second]
        ] as const) {
          const lines = readFileSync(path.join(folder, name), "utf8").trimEnd().split("\n")
          for (const [i, line] of lines.entries()) assert.match(line, new RegExp(`\\b${pid}\\b.* ${i + 1}$`))
          assert.strictEqual(lines.length, 3)
        }
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "ends quietly when its reader goes",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* CommandLine.make
        const map = yield* CliProcess.start(folder, ["map", "-q", "-j2", "sh -c 'echo $0; sleep 0.02'"], {
          input: numbers(2000)
        })
        yield* map.shows(/\n/)
        map.child.stdout!.destroy()
        assert.deepInclude(yield* map.ended, { code: 0, stderr: "" })
      }).pipe(Effect.scoped),
    limit
  )
})
