import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  type GroupOrders,
  Job,
  type JobStore,
  Pipeline,
  Pipelines,
  type Placements,
  Sluice,
  Task,
  TaskQueue,
  type TaskRegistry
} from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"
import { layerWorking, storeNames } from "../../support/doors/BothStores.ts"
import { SeededRandom, seeds } from "../../support/SeededRandom.ts"

class Spoilt extends Schema.TaggedError<Spoilt>()("Spoilt", { n: Schema.Int }) {}

const Count = Task.make("count", {
  payload: Schema.Struct({ to: Schema.Int }),
  success: Schema.Struct({ numbers: Schema.Array(Schema.Int) }),
  group: "network"
})
const Double = Task.make("double", { payload: Schema.Int, success: Schema.Int, error: Spoilt, retry: "none" })
const Text = Task.make("text", { payload: Schema.Int, success: Schema.String, group: "filesystem" })
const Die = Task.make("die", { payload: Schema.Int, retry: "none" })
const Nap = Task.make("nap", { payload: Schema.Int, success: Schema.Int })
const Join = Task.make("join", { payload: Schema.Array(Schema.String), success: Schema.String })

const spoilt = new Set<number>()
const seen: Array<string> = []
const stages = Layer.mergeAll(
  Count.toLayer(({ to }) => Effect.succeed({ numbers: Array.from({ length: to }, (_, i) => i) })),
  Double.toLayer((n) =>
    Effect.gen(function* () {
      yield* Effect.sleep(n % 3 === 0 ? "3 seconds" : "1 second")
      seen.push(`double ${n}`)
      if (spoilt.has(n)) return yield* new Spoilt({ n })
      return n * 2
    })
  ),
  Die.toLayer(() => Effect.die(new Error("no"))),
  Nap.toLayer((ms) => Effect.as(Effect.sleep(ms), ms)),
  Text.toLayer((n) => Effect.as(Effect.sleep("100 millis"), `<${n}>`)),
  Join.toLayer((parts) => Effect.succeed(parts.join("")))
)

const All = Pipeline.make("all", { payload: Schema.Struct({ to: Schema.Int }) })
  .stage(Count)
  .fanOut(Double, { items: ({ numbers }) => numbers, buffer: 4, concurrency: 2 })
  .stage(Text)
  .fanIn(Join)

const Sum = Pipeline.make("sum", { payload: Schema.Array(Schema.Int) })
  .fanOut(Double, { onFailure: "skip", buffer: 10 })
  .fold({ schema: Schema.Int, initial: 0, step: (sum, n) => sum + n })

const Wrong = Pipeline.make("wrong", { payload: Schema.Int }).stage(Double, { from: (n) => n + 0.5 })
const Dying = Pipeline.make("dying", { payload: Schema.Int }).stage(Die)

const drivers = Layer.mergeAll(
  Sluice.layerPipeline(All),
  Sluice.layerPipeline(Sum),
  Sluice.layerPipeline(Wrong),
  Sluice.layerPipeline(Dying)
)

const Range = Task.make("range", { payload: Schema.Int, success: Schema.Array(Schema.Int) })
const Square = Task.make("square", { payload: Schema.Int, success: Schema.Int })
const Quick = Pipeline.make("quick", { payload: Schema.Int })
  .stage(Range)
  .fanOut(Square, { buffer: 2 })
  .fold({ schema: Schema.String, initial: "", step: (text, n, i) => (i === 0 ? String(n) : `${text},${n}`) })
const Fading = Task.make("fading", { payload: Schema.Int, success: Schema.Int, retention: "none" })
const Brief = Pipeline.make("brief", { payload: Schema.Int })
  .stage(Range)
  .fanOut(Fading, { buffer: 2 })
  .fold({ schema: Schema.Int, initial: 0, step: (sum, n) => sum + n })
const quickHandlers = Layer.mergeAll(
  Fading.toLayer((n) => Effect.succeed(n + 1)),
  Sluice.layerPipeline(Brief),
  Range.toLayer((n) => Effect.succeed(Array.from({ length: n }, (_, i) => i))),
  Square.toLayer((n) => Effect.succeed(n * n)),
  Sluice.layerPipeline(Quick)
)

const test = (
  name: string,
  body: (parts: {
    readonly queue: TaskQueue["Service"]
    readonly pipelines: Pipelines["Service"]
  }) => Effect.Effect<void, unknown, GroupOrders | JobStore | Placements | TaskQueue | TaskRegistry>
) =>
  it.effect(name, () => {
    seen.length = 0
    spoilt.clear()
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const pipelines = yield* Pipelines
      return yield* body({ queue, pipelines })
    }).pipe(Effect.provide(Testing.layer(Layer.merge(stages, drivers))))
  })

/** Moves the clock until the effect is done. */
const through = <A, E, R>(effect: Effect.Effect<A, E, R>, step = "100 millis" as const) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    for (let i = 0; i < 3000; i++) {
      if (fiber.pollUnsafe() !== undefined) break
      yield* TestClock.adjust(step)
    }
    return yield* Fiber.join(fiber)
  })

describe("Pipeline", () => {
  test("a stage's result feeds the next task, a list fans out, and results come together in order", ({ queue }) =>
    Effect.gen(function* () {
      const joined = yield* through(queue.run(All.task, { to: 11 }))
      assert.strictEqual(joined, "<0><2><4><6><8><10><12><14><16><18><20>")
      assert.strictEqual(seen.length, 11)
    }))

  test("results are folded in order, without those of skipped items", ({ queue }) =>
    Effect.gen(function* () {
      spoilt.add(2)
      assert.strictEqual(yield* through(queue.run(Sum.task, [1, 2, 3])), 8)
      assert.strictEqual(yield* through(queue.run(Sum.task, [])), 0)
    }))

  test("a run fails with a stage's typed error, and goes on from the failed step", ({ pipelines, queue }) =>
    Effect.gen(function* () {
      spoilt.add(5)
      const run = yield* pipelines.start(All, { to: 8 })
      const error = yield* through(Effect.flip(run.await))
      assert.deepStrictEqual(error, new Spoilt({ n: 5 }))
      assert.strictEqual((yield* queue.count({ batchKey: Job.formatJobId(run.id), states: Job.liveStates })).count, 0)
      const before = seen.length
      spoilt.clear()
      yield* run.retry
      assert.strictEqual(yield* through(run.await), "<0><2><4><6><8><10><12><14>")
      const again = seen.slice(before)
      assert.isTrue(again.includes("double 5"))
      assert.isFalse(again.includes("double 0"))
    }))

  test("its status counts the jobs of each stage", ({ pipelines }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(All, { to: 8 })
      yield* TestClock.adjust(1)
      const [count, double, text, join] = yield* run.status
      assert.deepInclude(count!, { stage: "1", task: "count", completed: 1 })
      assert.deepInclude(double!, { stage: "2.1", task: "double", waiting: 2, running: 2, completed: 0 })
      assert.deepInclude(text!, { stage: "2.2", task: "text", waiting: 0, completed: 0 })
      assert.deepInclude(join!, { stage: "3", task: "join", waiting: 0 })
      yield* through(run.await)
      assert.deepStrictEqual(
        (yield* run.status).map(({ completed }) => completed),
        [1, 8, 8, 1]
      )
    }))

  test("a step knows its run, its stage and its place", ({ pipelines, queue }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(Sum, [5, 6, 7])
      yield* through(run.await)
      const { jobs } = yield* queue.list({ batchKey: Job.formatJobId(run.id) }, { order: "oldest" })
      assert.deepStrictEqual(
        jobs.map(({ extra }) => extra?.headers),
        [0, 1, 2].map((index) => ({
          [Pipeline.runHeader]: Job.formatJobId(run.id),
          [Pipeline.stageHeader]: "1",
          [Pipeline.indexHeader]: String(index)
        }))
      )
    }))

  test("the steps of a run are its owner's, its team's and its tenant's", ({ pipelines, queue }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(All, { to: 2 }, { owner: "ann", team: "web", partitionKey: "shop-1" })
      yield* through(run.await)
      const { jobs } = yield* queue.list({ batchKey: Job.formatJobId(run.id) })
      assert.isAbove(jobs.length, 4)
      for (const { extra, partitionKey } of jobs) {
        assert.deepInclude(extra!, { owner: "ann", team: "web" })
        assert.strictEqual(partitionKey, "shop-1")
      }
    }))

  test("cancelling a run cancels all of it, and nothing starts any more", ({ pipelines, queue }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(All, { to: 20 })
      yield* through(Effect.sleep("2 seconds"))
      yield* run.cancel("not wanted")
      const error = yield* through(Effect.flip(run.await))
      assert.strictEqual(error._tag, "JobFailed")
      yield* TestClock.adjust("1 second")
      const before = seen.length
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(seen.length, before)
      assert.strictEqual((yield* queue.count({ states: Job.liveStates })).count, 0)
    }))

  test("a run is unique, delayed and found like any job", ({ pipelines, queue }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(Sum, [1], { key: "nightly", in: "1 hour" })
      const again = yield* pipelines.start(Sum, [1, 2], { key: "nightly" })
      assert.strictEqual(again.id, run.id)
      assert.strictEqual((yield* queue.get(run.id)).state, "scheduled")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* through(pipelines.get(Sum, run.id).await), 2)
    }))

  test("a step whose payload is refused buries the run with its name", ({ pipelines }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(Wrong, 1)
      const error = yield* through(Effect.flip(run.await))
      assert.strictEqual(error._tag, "StageFailed")
      if (error._tag !== "StageFailed") return
      assert.deepInclude(error, { stage: "1", task: "double", job: 0, cause: "BadResult" })
      assert.match(error.message, /does not fit task double/)
    }))

  test("a step that dies buries the run with its job", ({ pipelines }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(Dying, 1)
      const error = yield* through(Effect.flip(run.await))
      assert.strictEqual(error._tag, "StageFailed")
      if (error._tag !== "StageFailed") return
      assert.deepInclude(error, { stage: "1", task: "die", cause: "Defect", message: "no" })
      assert.isAbove(error.job, 0)
    }))

  test("only a run that failed or was cancelled can be taken up again", ({ pipelines }) =>
    Effect.gen(function* () {
      const run = yield* pipelines.start(Sum, [1])
      const error = yield* Effect.flip(run.retry)
      assert.strictEqual(error._tag, "WrongState")
    }))

  for (const seed of seeds(20)) {
    test(`never more than the buffer waits, never more than the concurrency runs (seed ${seed})`, ({ queue }) =>
      Effect.gen(function* () {
        const random = new SeededRandom(seed)
        const whole = (from: number, to: number) => from + Math.floor(random.next() * (to - from + 1))
        const buffer = whole(1, 12)
        const concurrency = whole(1, 5)
        const items = Array.from({ length: whole(1, 60) }, () => whole(0, 2000))
        const Naps = Pipeline.make(`naps`, { payload: Schema.Array(Schema.Int) })
          .fanOut(Nap, { buffer, concurrency })
          .collect()
        const results = yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Layer.build(Sluice.layerPipeline(Naps))
            const running = yield* Effect.forkChild(queue.run(Naps.task, items))
            for (let i = 0; i < 2000 && running.pollUnsafe() === undefined; i++) {
              yield* TestClock.adjust("137 millis")
              const waiting = yield* queue.count({ tasks: ["nap"], states: ["scheduled", "pending"] })
              const run = yield* queue.count({ tasks: ["nap"], states: ["running"] })
              assert.isAtMost(waiting.count, buffer)
              assert.isAtMost(run.count, concurrency)
            }
            return yield* Fiber.join(running)
          })
        )
        assert.deepStrictEqual(results, items)
      }))
  }

  it.effect("feeds 10,000 items a buffer at a time, and folds their results in order", () => {
    let most = 0
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const Wide = Pipeline.make("wide", { payload: Schema.Int })
        .stage(Range)
        .fanOut(Square, { buffer: 150 })
        .fold({ schema: Schema.Int, initial: -1, step: (last, n, i) => (n === i && last === i - 1 ? i : Number.NaN) })
      const worker = Sluice.layerWorker({ slots: { computation: 7 } }).pipe(
        Layer.provide(
          Layer.mergeAll(
            Sluice.layerPipeline(Wide),
            Range.toLayer((n) => Effect.succeed(Array.from({ length: n }, (_, i) => i))),
            Square.toLayer((n) =>
              Effect.gen(function* () {
                if (n % 50 === 0) {
                  const live = yield* Effect.orDie(queue.count({ states: Job.liveStates }))
                  most = Math.max(most, live.count)
                }
                yield* Effect.yieldNow
                return n
              })
            )
          )
        )
      )
      assert.strictEqual(yield* Effect.provide(queue.run(Wide.task, 10_000), worker), 9999)
      assert.isAtMost(most, 150 + 7 + 1)
    }).pipe(Effect.provide(Sluice.layerMemory()))
  })

  it.effect("keeps its results from retention until it needs them no more", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const text = yield* queue.run(Quick.task, 60)
      assert.strictEqual(text.split(",").length, 60)
      yield* queue.runMany(
        Square,
        Array.from({ length: 100 }, (_, i) => i)
      )
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 40)
    }).pipe(
      Effect.provide(
        Sluice.layerWorker().pipe(
          Layer.provide(quickHandlers),
          Layer.provideMerge(Sluice.layerMemory({ maxFinished: 40 }))
        )
      )
    )
  )

  for (const store of storeNames)
    it.effect(`reads the results of steps that leave no history, and they go once the run has ended (${store})`, () =>
      TaskQueue.use((queue) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* through(queue.run(Brief.task, 12)), 78)
          yield* TestClock.adjust("30 seconds")
          const { jobs } = yield* queue.list({})
          assert.sameMembers(
            jobs.map(({ task }) => task),
            ["brief", "range"]
          )
        })
      ).pipe(Effect.provide(layerWorking(store, quickHandlers)))
    )

  it.effect("runs inline, in the caller's fiber", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      assert.strictEqual(yield* queue.run(Quick.task, 3), "0,1,4")
    }).pipe(Effect.provide(Testing.layerInline(quickHandlers)))
  )

  it("refuses options outside their range", () => {
    assert.throws(
      () => Pipeline.make("p", { payload: Count.payload }).stage(Count, { concurrency: 0 }),
      /the count stage: concurrency is 0/
    )
    const list = Pipeline.make("p", { payload: Schema.Array(Schema.Int) })
    assert.throws(() => list.fanOut(Double, { buffer: 1001 }), /buffer 1001/)
  })
})
