/**
 * How long what `waking.test.ts` shows takes, on a store thread and the wall clock: medians, since others may have the
 * machine meanwhile.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Schema, Stream } from "effect"
import path from "node:path"
import { Pipeline, QueueSettings, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { folder } from "../Store/sqlite/SqliteStores.ts"

const number = { payload: Schema.Int, success: Schema.Int }
const First = Task.make("first", { ...number, group: "filesystem" })
const Second = Task.make("second", { ...number, group: "network" })
const Third = Task.make("third", { ...number, group: "own" })
/** Answers when it started. */
const When = Task.make("when", { payload: Schema.Void, success: Schema.Number, group: "memory-intensive" })
const Ends = Task.make("ends", { payload: Schema.Void, success: Schema.Number, group: "network" })
const Tells = Task.make("tells", { payload: Schema.Void, progress: Schema.Number, group: "network" })
const Line = Pipeline.make("line", { payload: Schema.Int }).stage(First).stage(Second).stage(Third)

const clock = Effect.sync(() => performance.timeOrigin + performance.now())
const handlers = Layer.mergeAll(
  First.toLayer((n) => Effect.succeed(n + 1)),
  Second.toLayer((n) => Effect.succeed(n * 2)),
  Third.toLayer((n) => Effect.succeed(n - 3)),
  When.toLayer(() => clock),
  Ends.toLayer(() => Effect.andThen(Effect.sleep("20 millis"), clock)),
  Tells.toLayer((_, job) =>
    Effect.andThen(
      Effect.andThen(Effect.sleep("50 millis"), Effect.flatMap(clock, job.progress)),
      Effect.sleep("200 millis")
    )
  ),
  Sluice.layerPipeline(Line)
)

const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[values.length >> 1]!
const reduced = process.env["SLUICE_LONG"] === "reduced"
const rounds = reduced ? 11 : 51
/** Machines that others use at the same time. */
const slack = reduced ? 5 : 1

describe("with a poll each hour, on SQLite", () => {
  it.live(
    "three stages take 30 ms at most, a child and progress 5 ms, progress in another process 100 ms",
    () =>
      Effect.gen(function* () {
        const file = path.join(yield* folder, "jobs.db")
        const settings = Layer.succeed(QueueSettings.Settings, {
          ...QueueSettings.defaults,
          pollInterval: Duration.hours(1)
        })
        const there = yield* Layer.build(
          Sluice.layerWorker().pipe(
            Layer.provideMerge(handlers),
            Layer.provideMerge(Sluice.layerSqlite({ path: file })),
            Layer.provide(settings)
          )
        )
        const here = yield* Layer.build(Layer.fresh(Sluice.layerSqlite({ path: file })).pipe(Layer.provide(settings)))
        const queue = Context.get(there, TaskQueue)
        const other = Context.get(here, TaskQueue)
        const pipelines: Array<number> = []
        const children: Array<number> = []
        const progress: Array<number> = []
        const elsewhere: Array<number> = []
        yield* queue.run(Line.task, 4)
        for (let round = 0; round < rounds; round++) {
          const begun = performance.now()
          assert.strictEqual(yield* queue.run(Line.task, 4), 7)
          pipelines.push(performance.now() - begun)

          const parent = yield* queue.enqueue(Ends, undefined)
          const child = yield* queue.enqueue(When, undefined, { after: [parent.id] })
          children.push((yield* child.await) - (yield* parent.await))

          const job = yield* queue.enqueue(Tells, undefined)
          const lag = (watched: typeof job) =>
            Effect.map(
              Stream.runHead(Stream.mapEffect(watched.progress, (at) => Effect.map(clock, (now) => now - at))),
              (first) => (first._tag === "Some" ? first.value : Number.POSITIVE_INFINITY)
            )
          const [near, far] = yield* Effect.all([lag(job), lag(other.job(Tells, job.id))], { concurrency: 2 })
          progress.push(near)
          elsewhere.push(far)
        }
        const figures = {
          pipeline: median(pipelines),
          child: median(children),
          progress: median(progress),
          elsewhere: median(elsewhere)
        }
        process.stdout.write(`medians in ms: ${JSON.stringify(figures)}\n`)
        assert.isAtMost(figures.pipeline, 30 * slack)
        assert.isAtMost(figures.child, 5 * slack)
        assert.isAtMost(figures.progress, 5 * slack)
        assert.isAtMost(figures.elsewhere, 100 * slack)
      }).pipe(Effect.scoped),
    120_000
  )
})
