import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Schema } from "effect"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { threadId } from "node:worker_threads"
import { ResourceGroup, Sluice, Task, TaskQueue } from "../../../../src/services/Queue/index.ts"

const module = new URL("./threadHandlers.ts", import.meta.url)

describe("a job in a thread", () => {
  it.live(
    "has its hard limit from the moment a thread takes it, however long it waited for one",
    () =>
      Effect.gen(function* () {
        const Wait = Task.make("wait", {
          payload: Schema.Number,
          group: ResourceGroup.make("threads", 4),
          hardLimit: "1500 millis",
          retry: "none"
        })
        const queue = yield* TaskQueue
        const worker = Sluice.layerWorker({ threads: 1, slots: { threads: 4 } }).pipe(
          Layer.provide(Wait.toThreadLayer({ module, export: "waits" }))
        )
        yield* Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(Wait, [600, 600, 600, 600])
          // Together they take longer than the limit of each, one after the other in the only thread.
          for (const job of jobs) yield* queue.waitFor(job.id)
          const states = yield* Effect.forEach(jobs, (job) => Effect.map(job.status, ({ state }) => state))
          assert.deepStrictEqual(states, ["completed", "completed", "completed", "completed"])
          const late = yield* queue.enqueue(Wait, 60_000)
          const { failure, state } = yield* queue.waitFor(late.id)
          assert.deepStrictEqual([state, failure!.cause], ["failed", "TimedOut"])
        }).pipe(Effect.provide(worker))
      }).pipe(Effect.provide(Sluice.layerMemory())),
    20_000
  )

  it.live("runs on the event loop while it is not known to compute, where it answers and fails as in a thread", () => {
    const Where = Task.make("where", { payload: Schema.Int, success: Schema.Struct({ thread: Schema.Int }) })
    const Rejects = Task.make("rejects", { payload: Schema.Int, retry: "none" })
    const Missing = Task.make("missing", { payload: Schema.Int, retry: "none" })
    const Tells = Task.make("tells", { payload: Schema.Int, success: Schema.String })
    const handlers = Layer.mergeAll(
      Where.toThreadLayer({ module: new URL("../../../support/queue/crunch.ts", import.meta.url), when: "computing" }),
      Rejects.toThreadLayer({ module, export: "rejects", when: "computing" }),
      Missing.toThreadLayer({ module, export: "nothing", when: "computing" }),
      Tells.toThreadLayer({ module, export: "tells", when: "computing" })
    )
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      assert.deepStrictEqual(yield* queue.run(Where, 1), { thread: threadId })
      const rejected = yield* Effect.flip(queue.run(Rejects, 1))
      assert.strictEqual(rejected._tag === "JobFailed" && rejected.failure.message, "wrong")
      const missing = yield* Effect.flip(queue.run(Missing, 1))
      assert.match(missing.message, /exports no function "nothing"/)
      const told = yield* queue.enqueue(Tells, 1)
      assert.strictEqual(yield* told.await, "told")
      assert.deepStrictEqual(
        (yield* told.logs).map(({ message }) => message),
        ["starting", "done"]
      )
    }).pipe(
      Effect.provide(Sluice.layerWorker().pipe(Layer.provideMerge(handlers), Layer.provideMerge(Sluice.layerMemory())))
    )
  })

  for (const when of ["always", "computing"] as const) {
    it.live(`may be a module of CommonJS, its handler named or its default (${when})`, () => {
      const folder = mkdtempSync(path.join(tmpdir(), "sluice-module-"))
      const file = (name: string, code: string) => {
        writeFileSync(path.join(folder, name), code)
        return path.join(folder, name)
      }
      const task = (name: string) => Task.make(name, { payload: Schema.Int, success: Schema.Int, retry: "none" })
      const [Whole, Default, Named] = [task("whole"), task("default"), task("named")]
      const handlers = Layer.mergeAll(
        Whole.toThreadLayer({ module: file("whole.cjs", "module.exports = (n) => n + 1"), when }),
        Default.toThreadLayer({ module: file("default.cjs", "exports.default = (n) => n + 2"), when }),
        Named.toThreadLayer({
          module: file("named.cjs", "Object.assign(exports, Object.fromEntries([['add', (n) => n + 3]]))"),
          export: "add",
          when
        })
      )
      return Effect.gen(function* () {
        const queue = yield* TaskQueue
        assert.strictEqual(yield* queue.run(Whole, 0), 1)
        assert.strictEqual(yield* queue.run(Default, 0), 2)
        assert.strictEqual(yield* queue.run(Named, 0), 3)
      }).pipe(
        Effect.provide(
          Sluice.layerWorker({ threads: 1 }).pipe(
            Layer.provideMerge(handlers),
            Layer.provideMerge(Sluice.layerMemory())
          )
        )
      )
    })

    it.live(`is tried again while its module is not there, broken, or lacks it (${when})`, () => {
      const file = path.join(mkdtempSync(path.join(tmpdir(), "sluice-module-")), "late.mjs")
      const Late = Task.make("late", {
        payload: Schema.Int,
        success: Schema.Int,
        retry: { times: 10, firstMs: 20, capMs: 20, jitter: 0 }
      })
      return Effect.gen(function* () {
        const queue = yield* TaskQueue
        const job = yield* queue.enqueue(Late, 4)
        const failsWith = (message: RegExp) =>
          job.status.pipe(
            Effect.repeat({
              until: (seen) => seen.failure !== undefined && message.test(seen.failure.message),
              schedule: Schedule.spaced("5 millis")
            })
          )
        yield* failsWith(/ModuleNotLoaded/)
        writeFileSync(file, "throw new Error('broken')")
        yield* failsWith(/broken/)
        writeFileSync(file, "export const other = 1")
        yield* failsWith(/exports no function "default"/)
        writeFileSync(file, "export default (n) => 2 * n")
        assert.strictEqual(yield* job.await, 8)
        assert.isAtLeast((yield* job.status).attempt, 4)
      }).pipe(
        Effect.provide(
          Sluice.layerWorker({ threads: 1 }).pipe(
            Layer.provideMerge(Late.toThreadLayer({ module: file, when })),
            Layer.provideMerge(Sluice.layerMemory())
          )
        )
      )
    })
  }
})
