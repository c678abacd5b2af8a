import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { statSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "../CommandLine.ts"

/** The machine may be busy. */
const limit = { timeout: 60_000 }

const add = (cli: CommandLine.CommandLine, ...args: ReadonlyArray<string>) =>
  Effect.map(cli.call(["add", "-q", ...args]), ({ lines }) => lines[0]!)

const runAll = (cli: CommandLine.CommandLine) => cli.call(["worker", "--once", "-q"])

describe("jobs from the command line", () => {
  it.live(
    "are added, run by a worker and looked at",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const added = yield* cli.call([
          "add",
          "--tag",
          "nightly",
          "-p",
          "2",
          "--",
          "sh",
          "-c",
          "echo out; echo err >&2; pwd"
        ])
        assert.match(added.stderr, /no worker is alive; start one in the background with: sluice worker -d/)
        const id = added.lines[0]!
        assert.match(id, /^[0-9a-z]{11}$/)
        assert.deepInclude((yield* cli.json(["job", "ls", "--json", "--tag", "nightly"]))[0], {
          id,
          state: "pending",
          priority: 2,
          task: "shell",
          group: "computation",
          tags: ["nightly"]
        })
        assert.match((yield* cli.call(["job", "explain", id])).stdout, /no worker is alive; sluice worker -d/)

        assert.strictEqual((yield* runAll(cli)).code, 0)
        const [job] = yield* cli.json(["job", "get", "--json", id])
        assert.deepInclude(job, { state: "completed", attempt: 1, error: null })
        assert.deepInclude(job.result, { exitCode: 0, signal: null, stdout: `out\n${cli.folder}\n`, stderr: "err\n" })
        // The environment may hold secrets.
        assert.notProperty(job.payload, "env")
        assert.property((yield* cli.json(["job", "get", "--json", "--env", id]))[0].payload, "env")
        assert.deepInclude(yield* cli.call(["job", "logs", id]), {
          code: 0,
          stdout: `out\n${cli.folder}\n`,
          stderr: "err\n"
        })
        assert.deepInclude(yield* cli.call(["job", "wait", id]), { code: 0, stdout: `${id} completed\n` })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "find their id, attempt, group and store in the environment, and report progress",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const id = yield* add(
          cli,
          "-g",
          "network",
          "--",
          "sh",
          "-c",
          "echo $SLUICE_JOB_ID $SLUICE_ATTEMPT $SLUICE_GROUP $SLUICE_STORE"
        )
        yield* runAll(cli)
        const store = path.join(cli.folder, "state/sluice/queue.db")
        assert.strictEqual((yield* cli.call(["job", "logs", id])).stdout, `${id} 1 network ${store}\n`)
        assert.strictEqual(statSync(store).mode & 0o777, 0o600)
        assert.strictEqual(statSync(path.dirname(store)).mode & 0o777, 0o700)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "that fail are retried, buried, listed as dead letters and redriven",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const flag = path.join(cli.folder, "flag")
        const id = yield* add(cli, "--retry", "0", "--", "sh", "-c", `test -e ${flag} || { echo missing >&2; exit 4; }`)
        yield* runAll(cli)
        const [dead] = yield* cli.json(["dlq", "ls", "--json"])
        assert.deepInclude(dead, { id, state: "failed" })
        assert.deepInclude(dead.failure, { cause: "Failed", message: "the command ended with exit code 4", attempt: 1 })
        assert.strictEqual((yield* cli.call(["job", "logs", id])).stderr, "missing\n")
        assert.strictEqual((yield* cli.call(["job", "wait", id])).code, 1)

        assert.deepInclude(yield* cli.call(["dlq", "redrive", "--all", "--dry-run"]), {
          code: 0,
          stdout: "would redrive 1 job\n"
        })
        const refused = yield* cli.call(["dlq", "redrive", "--all"])
        assert.deepInclude(refused, { code: 4, stderr: "sluice: this would redrive 1 job; say --yes to do it\n" })
        writeFileSync(flag, "")
        assert.strictEqual((yield* cli.call(["dlq", "redrive", "--all", "--yes"])).code, 0)
        yield* runAll(cli)
        assert.strictEqual((yield* cli.json(["job", "get", "--json", id]))[0].state, "completed")
        assert.strictEqual((yield* cli.call(["dlq", "redrive", id])).code, 6)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "wait for their parents, and are cancelled with them",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const parent = yield* add(cli, "--", "true")
        const child = yield* add(cli, "--after", parent, "--", "true")
        assert.strictEqual((yield* cli.json(["job", "explain", "--json", child]))[0].reason, "WaitingForJobs")
        assert.strictEqual((yield* cli.call(["job", "cancel", parent, "--reason", "not needed"])).code, 0)
        const [job] = yield* cli.json(["job", "get", "--json", child])
        assert.deepInclude(job, { state: "cancelled" })
        assert.strictEqual(job.failure.cause, "ParentFailed")
        assert.strictEqual((yield* cli.call(["job", "wait", child])).code, 8)
        assert.strictEqual((yield* cli.call(["add", "--after", "00000000001", "--", "true"])).code, 3)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "with a key taken answer the live job",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const first = yield* add(cli, "--key", "report", "--", "true")
        const second = yield* cli.call(["add", "--key", "report", "--", "false"])
        assert.strictEqual(second.lines[0], first)
        assert.match(second.stderr, /a live job has this key already; nothing was added/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "that wait are edited and snoozed; others refuse",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const id = yield* add(cli, "--", "true")
        assert.strictEqual((yield* cli.call(["job", "edit", id, "--priority", "1"])).code, 0)
        assert.strictEqual((yield* cli.call(["job", "snooze", id, "1h"])).code, 0)
        assert.deepInclude((yield* cli.json(["job", "get", "--json", id]))[0], {
          state: "scheduled",
          waitReason: "time",
          priority: 1
        })
        assert.strictEqual((yield* cli.call(["job", "edit", id, "--in", "0s"])).code, 0)
        yield* runAll(cli)
        assert.strictEqual((yield* cli.call(["job", "edit", id, "--priority", "1"])).code, 6)
        assert.strictEqual((yield* cli.call(["job", "snooze", id, "1h"])).code, 6)
        assert.strictEqual((yield* cli.call(["job", "cancel", id])).code, 6)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "are changed in bulk only with --yes, and --dry-run changes nothing",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const ids = [
          yield* add(cli, "--tag", "a", "--", "true"),
          yield* add(cli, "--tag", "a", "--", "true"),
          yield* add(cli, "--", "true")
        ]
        assert.strictEqual(
          (yield* cli.call(["job", "cancel", "--tag", "a", "--dry-run"])).stdout,
          "would cancel 2 jobs\n"
        )
        assert.strictEqual((yield* cli.call(["job", "cancel", "--tag", "a"])).code, 4)
        assert.strictEqual((yield* cli.json(["job", "ls", "--json", "--state", "pending"])).length, 3)
        assert.strictEqual((yield* cli.call(["job", "cancel", "--tag", "a", "--yes"])).stdout, "cancelled 2 jobs\n")
        assert.deepStrictEqual((yield* cli.call(["job", "ls", "-q", "--state", "pending"])).lines, [ids[2]!])
        assert.strictEqual((yield* cli.call(["queue", "purge", "--yes"])).stdout, "removed 2 jobs\n")
        assert.strictEqual((yield* cli.call(["queue", "purge", "--state", "pending", "--yes"])).code, 2)
        // One refusal does not keep the others from being changed, and decides the exit code.
        const both = yield* cli.call(["job", "cancel", "00000000001", ids[2]!])
        assert.deepInclude(both, { code: 3, stdout: `cancelled ${ids[2]}\n` })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "with hostile names never reach the terminal raw, in any view",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const hostile = "\x1b]0;pwned\x07\x1b[31m\u202e__proto__\r\n"
        const id = yield* add(cli, "--tag", "\x1b[2J", "--", "echo", hostile)
        yield* add(cli, "--retry", "0", "--tag", "__proto__", "--", "/no/such\x1b[2Jprogram")
        yield* runAll(cli)
        for (const args of [
          ["job", "ls", "--wide"],
          ["job", "get", id],
          ["dlq", "ls"],
          ["job", "ls", "--json"],
          ["job", "get", "--json", id]
        ]) {
          const { stderr, stdout } = yield* cli.call(args)
          assert.notMatch(stdout + stderr, CommandLine.control)
        }
        // Byte for byte where it is no terminal.
        assert.strictEqual((yield* cli.call(["job", "logs", id])).stdout, `${hostile}\n`)
        assert.strictEqual((yield* cli.json(["job", "ls", "--json", "--tag", "__proto__"])).length, 1)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "keep folder and environment of an edited command, and are not edited into what no worker can run",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const id = yield* add(cli, "--", "echo", "before")
        const edit = (payload: string) => cli.call(["job", "edit", id, "--payload", payload])
        for (const [payload, expected] of [
          ['{"command": []}', /the payload does not fit a command: .*command/],
          ['{"comand": ["echo"]}', /the payload does not fit a command: .*comand/],
          ["5", /the payload does not fit a command/],
          ['{"umask": 9007199254740993}', /the number 9007199254740993 is not exact/]
        ] as const) {
          const { code, stderr } = yield* edit(payload)
          assert.strictEqual(code, 2)
          assert.match(stderr, expected)
        }
        assert.strictEqual((yield* edit('{"command": ["echo", "after"]}')).code, 0)
        yield* runAll(cli)
        assert.match((yield* cli.call(["job", "logs", id])).stdout, /^after$/m)
        const file = path.join(cli.folder, "payload.json")
        const second = yield* add(cli, "--", "echo", "before")
        writeFileSync(file, '\ufeff{"command": ["echo", "marked"]}')
        assert.strictEqual((yield* cli.call(["job", "edit", second, "--payload", `@${file}`])).code, 0)
        writeFileSync(file, Buffer.from('{"command": ["echo", "\xe9"]}', "latin1"))
        const { code, stderr } = yield* cli.call(["job", "edit", second, "--payload", `@${file}`])
        assert.strictEqual(code, 2)
        assert.match(stderr, /payload.json is not UTF-8/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "a snooze never brings forward, and numbers out of bounds are refused with the bound",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const id = yield* add(cli, "--at", "2036-01-01T00:00:00Z", "--", "true")
        yield* cli.call(["job", "snooze", id, "1h"])
        assert.strictEqual((yield* cli.json(["job", "get", "--json", id]))[0].dueAt, "2036-01-01T00:00:00.000Z")
        for (const [args, expected] of [
          [
            ["add", "--retry", "9007199254740991", "--", "true"],
            /retries is 9007199254740991; expected a whole number/
          ],
          [
            ["add", "--retry", "1e999", "--", "true"],
            /does not fit --retry: a whole number of at most 9007199254740991/
          ],
          [["add", "--retry", "0x10", "--", "true"], /does not fit --retry: a number\./],
          [
            ["add", "--at", "1969-01-01T00:00:00Z", "--", "true"],
            /at is -31536000000; expected milliseconds since 1970/
          ],
          [["add", "--tag", "", "--", "true"], /tags\[0\] is ""/],
          [["job", "ls", "--task", "no name"], /filter.tasks\[0\] is "no name"/],
          [["scale", "event", "add", "network", "--cron", "0 0 30 2 *", "--for", "1h", "--factor", "2"], /never comes/]
        ] as const) {
          const { code, stderr } = yield* cli.call(args)
          assert.strictEqual(code, 2, args.join(" "))
          assert.match(stderr, expected)
          assert.match(stderr, /^[^\n]+\n$/)
        }
        assert.strictEqual((yield* cli.call(["job", "ls", "--since", "36500d", "-q"])).code, 0)
        const { stderr } = yield* cli.call(["job", "ls", "-q"], { env: { SLUICE_LEESE: "5s", SLUICE_MINE: "1" } })
        assert.strictEqual(stderr, "")
        const loud = yield* cli.call(["job", "ls"], {
          env: { SLUICE_LEESE: "5s", SLUICE_MINE: "1", SLUICE_GROUP: "x" }
        })
        assert.strictEqual(loud.stderr, "sluice: SLUICE_LEESE is no setting; did you mean SLUICE_LEASE?\n")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "refuse a NUL, an endless payload and broken JSON in one line",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        for (const [args, stdin] of [
          [["add", "--", "echo", "a\0b"], ""],
          [["add", "--stdin", "--", "cat"], Buffer.alloc(100 * 1024 * 1024, 97)],
          [["job", "edit", "00000000001", "--payload", "{broken"], ""],
          [["job", "edit", "00000000001", "--payload", "-"], Buffer.alloc(100 * 1024 * 1024, 97)]
        ] as const) {
          const { code, stderr, stdout } = yield* cli.call(args, { stdin })
          assert.strictEqual(code, 2)
          assert.strictEqual(stdout, "")
          assert.match(stderr, /^[^\n]+\n$/)
          assert.isBelow(stderr.length, 400)
        }
        assert.strictEqual((yield* cli.call(["job", "ls", "-q"])).stdout, "")
      }).pipe(Effect.scoped),
    limit
  )
})
