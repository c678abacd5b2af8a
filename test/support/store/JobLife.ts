/**
 * One job from its enqueue to its result, over two processes on a served store, with one message on its way lost: a
 * producer waits for the result, a worker runs it, reports, keeps a step, fails once and retries.
 */
import { assert } from "@effect/vitest"
import { Clock, Effect, Layer, Schema } from "effect"
import { NodeClock } from "../queue/NodeClock.ts"
import { startNode } from "../queue/QueueNode.ts"
import { step, Task } from "../../../src/services/Queue/index.ts"
import { callOf, storeOver } from "../../../src/services/Store/Methods.ts"
import { makeClient } from "../../../src/services/Store/remote/StoreClient.ts"
import { serve } from "../../../src/services/Store/remote/StoreServer.ts"
import { type Store, store as wholeStore, type StoreServices } from "../../../src/services/Store/Store.ts"
import { type Fate, Proxy } from "./Proxy.ts"

const Work = Task.make("work", {
  payload: Schema.Struct({ n: Schema.Int }),
  success: Schema.Int,
  error: Schema.String,
  progress: Schema.Int,
  retry: "quick",
  group: "network"
})

/** The longest a call may take, in milliseconds. */
const unansweredMs = 10_000

/** Calls `answered` with how long each call took. */
const timed = (store: Store, answered: (millis: number) => void): Store =>
  storeOver((method, args) => {
    const call = callOf(store, method, args)
    return Effect.suspend(() => {
      const began = performance.now()
      return Effect.onExit(call, () => Effect.sync(() => answered(performance.now() - began)))
    })
  }, store.jobs)

/**
 * Answers how many messages were said. Fails when anything of the job was lost, or happened twice. In real time, the
 * producer's clock two minutes behind the store's and the worker's two ahead.
 */
export const liveWithout = (
  lost: number,
  cut: NonNullable<Fate["cut"]>
): Effect.Effect<number, unknown, StoreServices> =>
  Effect.gen(function* () {
    const store = yield* wholeStore
    const clock = yield* Clock.Clock
    let messages = 0
    let slowest = 0
    const process = (skewMs: number) =>
      Effect.gen(function* () {
        const own = new NodeClock(clock)
        own.skewMs = skewMs
        const proxy = new Proxy(
          (stream) => Effect.provideService(serve(store, stream), Clock.Clock, clock),
          () => (++messages === lost ? { cut } : {})
        )
        const client = yield* makeClient({ connect: proxy.connect, backoff: { firstMs: 1, capMs: 20 } }).pipe(
          Effect.provideService(Clock.Clock, own)
        )
        return timed(client, (millis) => {
          slowest = Math.max(slowest, millis)
        })
      })
    const runs: Array<number> = []
    let stepped = 0
    const handlers = Layer.mergeAll(
      Work.toLayer(({ n }, job) =>
        Effect.gen(function* () {
          runs.push(job.attempt)
          yield* job.progress(job.attempt)
          const kept = yield* step(
            job,
            "once",
            Schema.Int,
            Effect.sync(() => ++stepped)
          )
          yield* Effect.log("running")
          return job.attempt === 1 ? yield* Effect.fail("not yet") : n + kept
        })
      )
    )
    const producer = yield* startNode({ store: yield* process(-120_000), skewMs: -120_000 })
    const worker = yield* startNode({ store: yield* process(120_000), handlers, skewMs: 120_000 })
    const result = yield* producer.queue.run(Work, { n: 41 }).pipe(Effect.timeout("20 seconds"))
    yield* worker.stop
    yield* producer.stop

    const name = `message ${lost} cut ${cut}`
    const { jobs } = yield* store.jobs.list({}, { limit: 10, order: "oldest" })
    assert.strictEqual(result, 42, name)
    assert.deepStrictEqual(runs, [1, 2], `${name}: each attempt ran once`)
    assert.strictEqual(stepped, 1, `${name}: the step was made once`)
    assert.strictEqual(jobs.length, 1, `${name}: stored once`)
    assert.deepStrictEqual(
      jobs[0]!.attempts.map(({ number, outcome }) => [number, outcome]),
      [
        [1, "failed"],
        [2, "completed"]
      ],
      `${name}: settled once each`
    )
    const logs = yield* store.jobs.logs(jobs[0]!.id, { after: 0, limit: 10 })
    assert.strictEqual(logs.lines.length, 2, `${name}: each line once`)
    const [rollUp] = yield* store.rollUps.jobs({ width: 3_600_000, from: 0, to: 2 ** 52 })
    assert.deepInclude(rollUp, { arrivals: 1, starts: 2, completed: 1, failed: 1, retried: 1, recovered: 0 }, name)
    assert.deepStrictEqual(yield* store.workers.all, [], `${name}: nobody is left`)
    assert.isBelow(slowest, unansweredMs, `${name}: a call was not answered`)
    return messages
  }).pipe(Effect.scoped)

export const ways = ["before", "within", "after", "late"] as const

/** Loses each message of a life once, on a store of its own each time; answers how many there were. */
export const lostAtEach = (
  layer: Layer.Layer<StoreServices, unknown>,
  way: (lost: number) => (typeof ways)[number],
  step = 1
): Effect.Effect<number, unknown> =>
  Effect.gen(function* () {
    for (let lost = 1; ; lost += step) {
      const messages = yield* liveWithout(lost, way(lost)).pipe(Effect.provide(layer))
      if (messages < lost) return lost - 1
    }
  })
