import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "../CommandLine.ts"

/** The machine may be busy. */
const limit = { timeout: 60_000 }

const storeOf = (cli: CommandLine.CommandLine) => path.join(cli.folder, "state/sluice/queue.db")

describe("sluice queue", () => {
  it.live(
    "tells what is where, pauses, resumes and limits",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        yield* cli.call(["add", "-g", "network", "--", "true"])
        yield* cli.call(["add", "-g", "network", "--retry", "0", "--", "false"])
        yield* cli.call(["add", "--in", "1h", "--", "true"])
        assert.strictEqual((yield* cli.call(["queue", "pause", "network"])).code, 0)
        const network = () =>
          Effect.map(cli.json(["queue", "status", "--json"]), ([status]) =>
            status.groups.find((group: { name: string }) => group.name === "network")
          )
        assert.deepInclude(yield* network(), { paused: true, pending: 2, limit: 10, failed: 0 })
        yield* cli.call(["worker", "--once", "-q"])
        assert.deepInclude(yield* network(), { pending: 2 })
        assert.strictEqual((yield* cli.call(["queue", "resume", "network"])).code, 0)
        assert.strictEqual(
          (yield* cli.call(["queue", "limit", "network", "2"])).stdout,
          "group network runs at most 2 at a time (declared: 10)\n"
        )
        yield* cli.call(["worker", "--once", "-q"])
        const after = yield* network()
        assert.deepInclude(after, { paused: false, pending: 0, completed: 1, failed: 1, limit: 2 })
        assert.deepInclude(after.lastHour, { arrivals: 2, completed: 1, dead: 1 })
        assert.isAbove(after.lastHour.runMs.p95, 0)
        const [stats] = yield* cli.json(["queue", "stats", "--json", "--by-task", "--group", "network"])
        assert.deepInclude(stats, { name: "shell", arrivals: 2, completed: 1, dead: 1 })
        assert.isAbove(stats.waitMs.p99, 0)
        assert.strictEqual((yield* cli.call(["queue", "limit", "network", "default"])).code, 0)
        assert.strictEqual((yield* network()).limit, 10)
        assert.strictEqual((yield* cli.call(["queue", "pause", "netwrok"])).code, 3)
        const [usage] = yield* cli.json(["queue", "du", "--json"])
        assert.deepInclude(usage, { store: storeOf(cli), live: 1, finished: 2 })
        assert.deepStrictEqual(
          usage.usage.map(({ group, jobs, state, task }: Record<string, unknown>) => [group, task, state, jobs]).sort(),
          [
            ["computation", null, "scheduled", 1],
            ["network", null, "completed", 1],
            ["network", null, "failed", 1]
          ]
        )
        const shown = yield* cli.call(["queue", "du", "--by-task"])
        assert.match(shown.stdout, /^group +task +state +jobs +payloads +results +logs +outputs +together$/m)
        assert.match(shown.stdout, /^network +shell +failed +1 +[\d.]+ k?B +[\d.]+ k?B +0 B +[\d.]+ B +[\d.]+ k?B$/m)
        assert.notInclude(shown.stderr, "estimated")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "makes, lists and removes groups, not those that every store has nor those with jobs",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const named = (name: string) =>
          Effect.map(cli.json(["queue", "group", "ls", "--json"]), (groups) => groups.find((one) => one.name === name))
        const added = yield* cli.call(["queue", "group", "add", "gpu", "--limit", "2"])
        assert.deepInclude(added, { code: 0, stdout: "group gpu runs at most 2 at a time\n" })
        assert.strictEqual((yield* cli.call(["queue", "group", "add", "other", "-q"])).stdout, "other\n")
        assert.deepStrictEqual(yield* named("gpu"), {
          name: "gpu",
          limit: 2,
          limitBy: "operator",
          declaredLimit: 5,
          jobs: 0,
          paused: false
        })
        assert.deepInclude(yield* named("other"), { limit: 5, limitBy: "program" })
        assert.deepInclude(yield* named("network"), { limit: 10, limitBy: "default" })
        const { stdout } = yield* cli.call(["queue", "group", "ls"])
        assert.match(stdout, /^gpu +2 +an operator +5 +0$/m)
        assert.match(stdout, /^other +5 +a task or worker +5 +0$/m)

        assert.notInclude((yield* cli.call(["add", "-g", "gpu", "--", "true"])).stderr, "is new")
        for (const [args, code, said] of [
          [["add", "gpu"], 6, /group gpu is there already; another limit: sluice queue limit gpu N/],
          [["add", "x", "--limit", "0"], 2, /--limit is 0; expected 1 to 100000/],
          [["rm", "network"], 6, /group network belongs to every store; sluice queue limit network default/],
          [["rm", "gup"], 3, /no group "gup"; known are .*Did you mean "gpu"\?/],
          [["rm", "gpu"], 6, /group gpu has jobs, of which finished ones count; .*sluice job rm -g gpu --yes/]
        ] as const) {
          const refused = yield* cli.call(["queue", "group", ...args])
          assert.deepStrictEqual([refused.code, refused.stdout], [code, ""], args.join(" "))
          assert.match(refused.stderr, said)
        }
        assert.strictEqual((yield* cli.call(["job", "rm", "-g", "gpu", "--yes"])).code, 0)
        assert.deepInclude(yield* cli.call(["queue", "group", "rm", "gpu"]), {
          code: 0,
          stdout: "group gpu is removed\n"
        })
        assert.isUndefined(yield* named("gpu"))
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "opens a group in its hours, and says when a closed one opens",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const hours = (...words: ReadonlyArray<string>) => cli.call(["queue", "hours", ...words])
        const weekday = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][(new Date().getUTCDay() + 2) % 7]!
        const { stdout: id } = yield* cli.call(["add", "-g", "network", "--", "true"])
        const set = yield* hours("network", weekday, "1:00-2:00,", weekday, "3:00-4:00", "UTC")
        assert.strictEqual(set.code, 0)
        const said = `${weekday} 01:00-02:00, ${weekday} 03:00-04:00 UTC`
        assert.include(set.stdout, `group network works ${said}; it opens in `)
        const [row] = yield* cli.json(["queue", "hours", "network", "--json"])
        assert.deepInclude(row, { group: "network", hours: said, from: "operator" })
        assert.match(row.opensAt, /T01:00:00.000Z$/)
        const [explained] = yield* cli.json(["job", "explain", id.trim(), "--json"])
        assert.strictEqual(explained.reason, "GroupClosed")
        const advised = yield* cli.call(["job", "explain", id.trim()])
        assert.include(advised.stdout, `group network opens in `)
        const [status] = yield* cli.json(["queue", "status", "--json"])
        const kept = (name: string) =>
          status.groups.find((group: { readonly name: string }) => group.name === name).kept
        assert.deepStrictEqual(
          [kept("network"), kept("filesystem")],
          [{ reason: "GroupClosed", until: row.opensAt }, null]
        )
        const shown = yield* cli.call(["queue", "status"])
        assert.match(shown.stdout, /^network .* closed *$/m)
        assert.match(shown.stderr, /^group network opens in .*, at .*Z$/m)
        for (const [words, why] of [
          [["22:00-22:00", "UTC"], "which never opens"],
          [["22:00-06:00", "Mars/Base"], "expected the IANA name of a time zone"],
          [["22:00-06:00"], "expected days, times and a zone"]
        ] as const) {
          const refused = yield* hours("network", ...words)
          assert.deepInclude(refused, { code: 2, stdout: "" })
          assert.include(refused.stderr, why)
          assert.lengthOf(refused.stderr.trim().split("\n"), 1)
        }
        assert.strictEqual((yield* hours("network", "none")).stdout, "group network works at all hours\n")
        assert.deepInclude((yield* cli.json(["queue", "hours", "network", "--json"]))[0], {
          hours: null,
          opensAt: null
        })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "puts off what is deferrable within its deadline, and refuses what says nothing",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const add = (...flags: ReadonlyArray<string>) => cli.call(["add", ...flags, "--", "true"])
        const { stdout: id } = yield* add("--deferrable", "--deadline-in", "12h")
        const [job] = yield* cli.json(["job", "get", id.trim(), "--json"])
        assert.strictEqual(Date.parse(job.deadline) - Date.parse(job.dueAt), 12 * 3_600_000)
        for (const [flags, why] of [
          [["--deferrable"], "--deferrable needs to know by when"],
          [["--deferrable", "--in", "5m", "--deadline-in", "1h"], "leave out --at and --in"],
          [["--deferrable", "--deadline-in", "1h", "--deadline", "2099-01-01 00:00"], "give one of them"]
        ] as const) {
          const refused = yield* add(...flags)
          assert.deepInclude(refused, { code: 2, stdout: "" })
          assert.include(refused.stderr, why)
        }
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "orders a group, ranks what waits anew, and says where a job stands and whether its deadline was met",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const add = (...flags: ReadonlyArray<string>) =>
          Effect.map(cli.call(["add", "-g", "network", ...flags, "--", "true"]), ({ stdout }) => stdout.trim())
        const first = yield* add("-p", "1")
        const patient = yield* add("--deadline-in", "2h")
        const hurried = yield* add("-p", "10", "--deadline", new Date(Date.now() + 600_000).toISOString())
        const preview = yield* cli.call(["queue", "order", "network", "deadline", "--bound", "1h", "--dry-run"])
        assert.strictEqual(preview.stdout, "would order group network by deadline and rank 3 live jobs anew\n")
        assert.deepInclude((yield* cli.json(["queue", "order", "network", "--json"]))[0], { order: "priority" })
        const set = yield* cli.call(["queue", "order", "network", "deadline", "--bound", "1h"])
        assert.deepInclude(set, {
          code: 0,
          stdout: "group network goes by deadline: a job is passed only by jobs due at most 1 h after it\n",
          stderr: "3 live jobs ranked anew; other processes follow within 5 s\n"
        })
        assert.deepInclude((yield* cli.json(["queue", "order", "network", "--json"]))[0], {
          group: "network",
          order: "deadline",
          boundMs: 3_600_000,
          from: "operator",
          declared: null,
          operator: { order: "deadline", boundMs: 3_600_000 }
        })
        const [explained] = yield* cli.json(["job", "explain", patient, "--json"])
        assert.deepInclude(explained.place, { ahead: 2, passing: 1, exact: true, order: "deadline" })
        assert.deepStrictEqual(
          explained.place.passedBy.map(({ id }: { id: string }) => id),
          [hurried]
        )
        assert.match(
          (yield* cli.call(["job", "explain", hurried])).stdout,
          /\norder: group network goes by deadline \(this job: deadline in 10 min, run time not known yet\)\nahead: nothing\nbound: what becomes due from .* starts after it\n$/
        )
        assert.strictEqual((yield* cli.call(["queue", "limit", "network", "1"])).code, 0)
        yield* cli.call(["worker", "--once", "-q"])
        const jobs = yield* Effect.forEach([first, patient, hurried], (id) =>
          Effect.map(cli.json(["job", "get", id, "--json"]), ([job]) => job)
        )
        assert.deepStrictEqual(
          jobs.map(({ deadlineMet }) => deadlineMet),
          [null, true, true]
        )
        assert.isBelow(jobs[2].startedAt.localeCompare(jobs[1].startedAt), 1)
        assert.deepInclude(yield* cli.call(["queue", "order", "network", "sooner"]), { code: 2 })
        assert.deepInclude(yield* cli.call(["queue", "order", "network", "fifo", "--bound", "1m"]), { code: 2 })
        assert.deepInclude(yield* cli.call(["queue", "order", "netwrok"]), { code: 3 })
        assert.match(
          (yield* cli.call(["queue", "order", "network", "default"])).stdout,
          /^group network goes by priority/
        )
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "drain says when nobody will drain it",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        assert.strictEqual((yield* cli.call(["queue", "drain"])).code, 0)
        yield* cli.call(["add", "--", "true"])
        assert.deepInclude(yield* cli.call(["queue", "drain", "-q"]), {
          code: 6,
          stderr: "sluice: no worker is alive, so nothing will drain; start one with: sluice worker -d\n"
        })
      }).pipe(Effect.scoped),
    limit
  )
})

describe("a store that is not there", () => {
  it.live(
    "does not make a store for those who only look, and makes one for those who add",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        assert.deepInclude(yield* cli.call(["--store", "new.db", "job", "ls"]), { code: 5, stdout: "" })
        assert.isFalse(existsSync(path.join(cli.folder, "new.db")))
        assert.strictEqual((yield* cli.call(["--store", "new.db", "add", "--", "true"])).code, 0)
        assert.strictEqual((yield* cli.call(["--store", "missing/new.db", "add", "--", "true"])).code, 5)
      }).pipe(Effect.scoped),
    limit
  )
})

describe("sluice doctor", () => {
  it.live(
    "says what is wrong and what to do, and fails only for problems",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const well = yield* cli.call(["doctor"])
        assert.strictEqual(well.code, 0, well.stdout)
        yield* cli.call(["add", "--", "true"])
        const alone = yield* cli.call(["doctor"])
        assert.strictEqual(alone.code, 1)
        assert.match(alone.stdout, /problem +workers +none alive, 1 jobs pending: sluice worker -d/)
        const none = yield* cli.json(["doctor", "--json", "--store", "memory:"])
        assert.isTrue(none.every(({ state }) => state === "ok"))
      }).pipe(Effect.scoped),
    limit
  )
})

describe("sluice enqueue", () => {
  const module = `
import { Effect, Schema } from "effect"
import { Task } from ${JSON.stringify(new URL("../../../src/index.ts", import.meta.url).href)}
export const Double = Task.make("double", { payload: Schema.Struct({ n: Schema.Int }), success: Schema.Int })
export default Double.toLayer(({ n }) => Effect.as(Effect.log("doubling"), n * 2))
`

  it.live(
    "checks the payload, enqueues a task of the module, and the worker of the same module runs it",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        writeFileSync(path.join(cli.folder, "tasks.ts"), module)
        writeFileSync(path.join(cli.folder, "payload.json"), '{"n": 4}')
        const enqueue = (...args: ReadonlyArray<string>) => cli.call(["enqueue", "--tasks", "tasks.ts", ...args])
        const ids = [
          (yield* enqueue("double", "--payload", '{"n": 21}')).lines[0]!,
          (yield* enqueue("double", "--payload", "@payload.json")).lines[0]!
        ]
        yield* cli.call(["worker", "--once", "-q", "--tasks", "tasks.ts"])
        for (const [i, result] of [42, 8].entries()) {
          assert.deepInclude((yield* cli.json(["job", "get", "--json", ids[i]!]))[0], {
            state: "completed",
            task: "double",
            result
          })
        }
        assert.match((yield* cli.call(["job", "logs", ids[0]!])).stdout, /info doubling\n/)
        for (const [args, code, said] of [
          [["dubble"], 3, /has no task "dubble"; it has double\. Did you mean "double"\?/],
          [["double", "--payload", '{"n": "x"}'], 2, /the payload does not fit task double/],
          [["double", "--payload", "{"], 2, /the payload is not JSON/],
          [["double", "--payload", "@none.json"], 3, /cannot be read/]
        ] as const) {
          const ended = yield* enqueue(...args)
          assert.strictEqual(ended.code, code, ended.stderr)
          assert.match(ended.stderr, said)
          assert.match(ended.stderr, /^sluice: [^\n]+\n$/)
        }
        assert.strictEqual((yield* cli.call(["enqueue", "double"])).code, 2)
      }).pipe(Effect.scoped),
    limit
  )
})

describe("sluice completions", () => {
  it.live(
    "know every command and flag, and ask the store for ids, groups and tasks",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const bash = (yield* cli.call(["completions", "bash"])).stdout
        assert.match(bash, /--keep-order/)
        assert.match(bash, /complete -F _sluice_with_values sluice/)
        assert.notMatch(bash, /complete -F _sluice sluice/)
        const zsh = (yield* cli.call(["completions", "zsh"])).stdout
        assert.match(zsh, /:the job'\\''s id, [^\n]*:_sluice_jobs'/)
        assert.match(zsh, /--group[^\n]*:_sluice_groups'/)
        const fish = (yield* cli.call(["completions", "fish"])).stdout
        assert.match(fish, /-l group -s g -x -a '\(sluice queue status -q/)
        for (const script of [bash, zsh, fish]) assert.notMatch(script, /sluice --completions/)
      }).pipe(Effect.scoped),
    limit
  )
})
