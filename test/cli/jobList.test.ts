/** What `sluice job ls` shows, in terminals of all widths. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { stripVTControlCharacters } from "node:util"
import * as CommandLine from "./CommandLine.ts"

const limit = { timeout: 60_000 }

/** Jobs that ended in several ways, and one that waits. */
const prepared = Effect.gen(function* () {
  const cli = yield* CommandLine.make
  const run = (...args: ReadonlyArray<string>) => cli.call(args)
  yield* run("map", "-q", "-j1", "--joblog", "log", "--shell", 'sleep 0.01; echo "got {}"', ":::", "20", "a b")
  yield* run("run", "-q", "--retry", "0", "-g", "network", "--", "sh", "-c", "exit 3")
  yield* run("run", "-q", "--retry", "0", "--", "sh", "-c", "kill -TERM $$")
  yield* run(
    "add",
    "-q",
    "--tag",
    "nightly",
    "--",
    "pg_dump",
    "--file",
    "backup of the whole database.sql",
    "customers"
  )
  return cli
})

describe("job ls", () => {
  it.live(
    "keeps what a job does readable at every width, and leaves out task and group first",
    () =>
      Effect.gen(function* () {
        const { call } = yield* prepared
        const at = (columns: number) =>
          Effect.map(call(["job", "ls"], { terminal: true, columns }), ({ stdout }) => {
            const lines = stripVTControlCharacters(stdout).split("\n").slice(0, -1)
            for (const line of lines) assert.isAtMost(line.length, columns)
            return lines
          })
        const headers = (line: string) => line.trim().split(/\s+/)
        const whole = yield* at(120)
        assert.deepStrictEqual(headers(whole[0]!), [
          "id",
          "state",
          "task",
          "group",
          "try",
          "exit",
          "ran",
          "when",
          "what"
        ])
        assert.match(whole[1]!, /pending .* pg_dump --file backup of the whole/)
        assert.match(whole[2]!, /failed +shell +computation +1\/1 +SIGTERM .* kill -TERM \$\$$/)
        assert.match(whole[3]!, /failed +shell +network +1\/1 +3 .* exit 3$/)
        assert.match(whole[4]!, /completed .* 0 .* sleep 0\.01; echo "got a b"$/)
        assert.match(whole[5]!, /completed .* 0 .* sleep 0\.01; echo "got 20"$/)

        assert.deepStrictEqual(headers((yield* at(80))[0]!), ["id", "state", "try", "exit", "ran", "when", "what"])
        const narrow = yield* at(60)
        assert.notInclude(narrow[0], "try")
        assert.include(narrow[0], "when")
        const narrowest = yield* at(40)
        assert.deepStrictEqual(headers(narrowest[0]!), ["id", "state", "what"])
        for (const [columns, lines] of [
          [60, narrow],
          [40, narrowest]
        ] as const) {
          assert.match(lines[1]!, /pg_dump --file/, String(columns))
          assert.match(lines[5]!, /sleep 0\.01; /, String(columns))
        }
      }),
    limit
  )

  it.live(
    "shows the chosen columns in their order, sorts by any, and finds text",
    () =>
      Effect.gen(function* () {
        const cli = yield* prepared
        const lines = (...args: ReadonlyArray<string>) => Effect.map(cli.call(["job", "ls", ...args]), (it) => it.lines)
        assert.deepStrictEqual(yield* lines("--columns", "exit,state", "--sort", "exit"), [
          "   exit  state",
          "      0  completed",
          "      0  completed",
          "      3  failed",
          "         pending",
          "SIGTERM  failed"
        ])
        const ids = yield* lines("-q")
        assert.deepStrictEqual(yield* lines("-q", "--sort", "id"), ids.toReversed())
        assert.deepStrictEqual(yield* lines("-q", "--sort", "-id", "--limit", "2"), ids.slice(0, 2))
        assert.deepStrictEqual(yield* lines("-q", "--grep", "PG_dump"), ids.slice(0, 1))
        assert.deepStrictEqual(yield* lines("-q", "--grep", "nightly"), ids.slice(0, 1))
        assert.deepStrictEqual(yield* lines("-q", "--grep", "got", "--limit", "1", "--oldest"), ids.slice(-1))
        assert.deepStrictEqual(yield* lines("--columns", "what", "--grep", "got a b"), [
          "what",
          'sleep 0.01; echo "got a b"'
        ])
        const { code, lines: none, stderr } = yield* cli.call(["job", "ls", "--grep", "nothing like it"])
        assert.deepStrictEqual([code, none, stderr], [0, [], "no job matches\n"])
      }),
    limit
  )

  it.live(
    "has the command and its end in --json, for one job and for many",
    () =>
      Effect.gen(function* () {
        const { json } = yield* prepared
        const jobs = yield* json(["job", "ls", "--json"])
        assert.deepStrictEqual(
          jobs.map(({ command, exitCode, signal }) => ({ command: command.at(-1), exitCode, signal })),
          [
            { command: "customers", exitCode: null, signal: null },
            { command: "kill -TERM $$", exitCode: null, signal: "SIGTERM" },
            { command: "exit 3", exitCode: 3, signal: null },
            { command: "sluice_input='a b'; sleep 0.01; echo \"got ${sluice_input}\"", exitCode: 0, signal: null },
            { command: "sluice_input='20'; sleep 0.01; echo \"got ${sluice_input}\"", exitCode: 0, signal: null }
          ]
        )
        for (const { ranMs, state } of jobs) assert.strictEqual(ranMs === null, state === "pending")
        const [one] = yield* json(["job", "get", "last", "--json"])
        assert.deepStrictEqual(one.command, ["pg_dump", "--file", "backup of the whole database.sql", "customers"])
      }),
    limit
  )

  it.live(
    "refuses in one line what it does not know",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        writeFileSync(path.join(folder, "x"), "")
        yield* call(["add", "-q", "--", "true"])
        for (const [args, said] of [
          [["--columns", "id,exti"], /"id,exti" does not fit --columns: columns are id, .*Did you mean "exit"/],
          [["--columns", ""], /does not fit --columns/],
          [["--sort", "--ran"], /--sort/],
          [["--sort=size"], /"size" does not fit --sort: columns are id, state/],
          [["--oldest", "--sort", "id"], /both say the order/],
          [["--columns", "id", "--json"], /both say what is shown/]
        ] as const) {
          const { code, stderr, stdout } = yield* call(["job", "ls", ...args])
          assert.deepStrictEqual([code, stdout], [2, ""], args.join(" "))
          assert.match(stderr, said)
          assert.match(stderr, /^[^\n]+\n$/)
        }
      }),
    limit
  )

  it.live("shows commands of a map as its job log and --dry-run do", () =>
    Effect.gen(function* () {
      const { call, folder } = yield* CommandLine.make
      const map = ["map", "--shell", "echo {} | cat", ":::", "a b"]
      assert.strictEqual((yield* call([...map.slice(0, 1), "--dry-run", ...map.slice(1)])).stdout, "echo 'a b' | cat\n")
      yield* call([...map.slice(0, 1), "--joblog", "log", ...map.slice(1)])
      assert.match(readFileSync(path.join(folder, "log"), "utf8"), /\techo 'a b' \| cat\n$/)
      assert.deepStrictEqual((yield* call(["job", "ls", "--columns", "what"])).lines, ["what", "echo 'a b' | cat"])
    })
  )
})

describe("job get", () => {
  it.live(
    "has what is known of each attempt of a command, in words and in --json",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const program = 'echo "try $SLUICE_ATTEMPT"; test "$SLUICE_ATTEMPT" = 2'
        assert.strictEqual((yield* call(["run", "-q", "--retry", "1", "--shell", "--", program])).code, 0)
        const [{ attempts }] = yield* json(["job", "get", "last", "--json"])
        assert.deepStrictEqual(
          attempts.map(({ failure, number, outcome }: Record<string, any>) => [number, outcome, failure?.message]),
          [
            [1, "failed", "the command ended with exit code 1"],
            [2, "completed", undefined]
          ]
        )
        for (const { endedAt, output, startedAt } of attempts) {
          assert.isAtLeast(Date.parse(endedAt), Date.parse(startedAt))
          assert.isTrue(existsSync(path.join(folder, "state/sluice/queue.db.outputs", output)), output)
        }
        const { stdout } = yield* call(["job", "get", "last"])
        assert.match(stdout, /attempt 1 +failed after .*: the command ended with exit code 1; 6 B of stdout/)
        assert.match(stdout, /attempt 2 +completed after .*; 6 B of stdout/)
      }),
    limit
  )
})
