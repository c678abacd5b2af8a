import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, statSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import * as CommandLine from "../CommandLine.ts"

const tasks = fileURLToPath(new URL("../../support/profiler/tasks.ts", import.meta.url))

const make = Effect.map(CommandLine.make, (line) => ({
  ...line,
  options: { env: { SLUICE_STORE: path.join(line.folder, "queue.db"), SLUICE_TASKS: tasks } }
}))

const answering = fileURLToPath(new URL("../../support/profiler/answeringTasks.ts", import.meta.url))

const work = ["profile", "run", "hash", "--payload", '{"n":50000}', "--times", "200"]

describe("profile", () => {
  it.live("run keeps a profile that ls lists, get shows in every form and diff compares", () =>
    Effect.gen(function* () {
      const { call, folder, json, options } = yield* make
      assert.strictEqual((yield* call(["profile", "ls"], options)).stdout, "")
      const shown = yield* call(work, options)
      assert.strictEqual(shown.code, 0)
      assert.include(shown.stdout, "hash")
      const [id] = (yield* call([...work, "-q"], options)).lines
      yield* call(["profile", "mark", "deploy", "1.4.2"], options)
      const listed = yield* json(["profile", "ls", "--json"], options)
      assert.deepStrictEqual(
        listed.map(({ kind, text }) => [kind, text]),
        [
          ["mark", "deploy 1.4.2"],
          ["profile", "run of hash"],
          ["profile", "run of hash"]
        ]
      )
      const [report] = yield* json(["profile", "get", "last", "--json"], options)
      assert.strictEqual(report.id, id)
      assert.deepInclude(report.tasks[0], { task: "hash", attempts: 200 })
      const folded = yield* call(["profile", "get", id!, "--format", "folded"], options)
      assert.match(folded.stdout, /^hash;.* \d+$/m)
      const file = path.join(folder, "out.cpuprofile")
      yield* call(["profile", "get", "last", "--format", "cpuprofile", "-o", file], options)
      assert.property(JSON.parse(readFileSync(file, "utf8")), "samples")
      const rows = yield* json(["profile", "diff", listed[2].id, "last", "--json"], options)
      assert.deepInclude(rows[0], { kind: "task", name: "hash (computation)" })
      const profiles = path.join(folder, "queue.db.profiles")
      assert.strictEqual(statSync(profiles).mode & 0o777, 0o700)
      assert.strictEqual(statSync(path.join(profiles, `${id}.cpuprofile`)).mode & 0o777, 0o600)
    })
  )

  it.live("run --timings measures rounds without a profile", () =>
    Effect.gen(function* () {
      const { json, options } = yield* make
      const [timings] = yield* json([...work, "--timings", "--rounds", "2", "--json"], options)
      assert.deepInclude(timings, { task: "hash", times: 200 })
      for (const figures of [timings.cpuUs, timings.wallUs, timings.yardstickUs]) {
        assert.strictEqual(figures.length, 2)
        for (const figure of figures) assert.isAbove(figure, 0)
      }
      assert.deepStrictEqual(yield* json(["profile", "ls", "--json"], options), [])
    })
  )

  it.live("run --timings --against measures two modules in turn, by CPU time or by what the task answers", () =>
    Effect.gen(function* () {
      const { call, json, options } = yield* make
      const both = ["--timings", "--against", tasks, "--rounds", "4", "--json"]
      const [timings] = yield* json([...work, ...both], options)
      assert.deepStrictEqual(
        timings.figures.map(({ figure }: { readonly figure: string }) => figure),
        ["cpu"]
      )
      for (const figure of ["ratio", "before", "after"]) assert.isAbove(timings.figures[0][figure], 0)

      const answers = ["--tasks", answering, "--against", answering, "--timings", "--metric", "answer", "--json"]
      const [answered] = yield* json(["profile", "run", "parse", ...answers, "--times", "2"], options)
      assert.deepStrictEqual(answered.figures, [
        { figure: "rows", ratio: 1, before: 12.5, after: 12.5 },
        { figure: "bytes", ratio: 1, before: 100.5, after: 100.5 }
      ])
      for (const [task, says] of [
        ["mute", 'answered "done"; with --metric answer a task answers costs by name'],
        ["instant", "rows is too short to measure"]
      ] as const) {
        const called = yield* call(["profile", "run", task, ...answers], options)
        assert.strictEqual(called.code, 2)
        assert.include(called.stderr, says)
      }
    })
  )

  it.live("says what was wrong and what to do", () =>
    Effect.gen(function* () {
      const { call, options } = yield* make
      // A store, so that commands that look find one.
      yield* call(["add", "--", "true"], options)
      for (const [args, code, says] of [
        [["profile", "get", "last"], 3, "profile ls lists them"],
        [["profile", "get", "../../etc/passwd"], 3, "no profile"],
        [["profile", "check", "hash"], 3, "profile baseline save"],
        [["profile", "check", "hash", "--runs", "2"], 2, "expected 8 to 100"],
        [["profile", "check", "hash", "--metric", "answer"], 2, "needs --against"],
        [["profile", "run", "hash", "--against", tasks], 2, "needs --timings"],
        [["profile", "run", "hash", "--timings", "--metric", "wall"], 2, "goes with --against"],
        [["profile", "baseline", "rm", "nothing"], 3, "no baseline nothing"],
        [["profile", "baseline", "save", "hash", "--name", "../x"], 2, "letters, digits and dashes"],
        [["profile", "mark"], 2, "1 to 200 characters"],
        [["profile", "run", "hsah"], 3, "has no task"],
        [["profile", "run", "hash"], 2, "does not fit task hash"],
        [["profile", "run", "hash", "--payload", '{"n":-1}'], 1, "failed"],
        [["profile", "start", "--job", "1m7z45bvw6x", "--for", "1s"], 2, "do not go together"]
      ] as const) {
        const called = yield* call(args, options)
        assert.strictEqual(called.code, code, called.stderr)
        assert.include(called.stderr, says)
      }
      const alone = yield* call(["profile", "start"], options)
      assert.deepStrictEqual([alone.code, alone.stderr.includes("sluice worker -d")], [3, true])
    })
  )
})
