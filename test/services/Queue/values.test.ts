/** What look-ups answer as payload, result and progress of a job: the same on every store. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Latch, Schema, Stream } from "effect"
import { type JobId, JobValues, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { layerQueue, layerWorking, storeNames } from "../../support/doors/BothStores.ts"

class Place extends Schema.Class<Place>("Place")({ lat: Schema.Finite }) {}

const Visit = Task.make("visit", {
  payload: { at: Schema.DateFromString, place: Place, seats: Schema.BigInt },
  success: Schema.Struct({ until: Schema.DateFromString }),
  progress: Schema.DurationFromMillis
})
/** The same name in another program. */
const VisitOfText = Task.make("visit", { payload: Schema.Struct({ at: Schema.String, more: Schema.Int }) })
const Said = Task.make("said", { payload: Schema.String, success: Schema.String })
const Done = Task.make("done", { payload: Schema.Void })

const visit = { at: new Date(5), place: new Place({ lat: 1 }), seats: 3n }
const visitJson = { at: "1970-01-01T00:00:00.005Z", place: { lat: 1 }, seats: "3" }

const idsFor = (id: JobId) => ({ ids: [id] })

/** By every look-up that answers jobs. */
const lookedUp = (id: JobId) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    return [
      yield* queue.get(id),
      ...(yield* queue.list(idsFor(id))).jobs,
      ...(yield* Stream.runCollect(queue.stream(idsFor(id)))),
      ...(yield* Stream.runCollect(queue.watch(id).pipe(Stream.take(1)))),
      yield* queue.waitFor(id, ["pending", "running"])
    ]
  })

describe.each(storeNames)("on %s", (store) => {
  const gate = Latch.makeUnsafe()

  it.effect("values are decoded with the task where this process has a handler for it", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Visit, visit)
      const end = yield* Effect.forkChild(job.await)
      yield* job.progress.pipe(Stream.take(1), Stream.runDrain)
      const jobs = [...(yield* lookedUp(job.id)), yield* job.status]
      assert.lengthOf(jobs, 6)
      for (const { payload, progress, result } of jobs) {
        assert.deepStrictEqual(payload, visit)
        assert.instanceOf((payload as typeof visit).place, Place)
        assert.deepStrictEqual(progress, Duration.millis(2))
        assert.isUndefined(result)
      }
      yield* gate.open
      yield* Fiber.join(end)
      assert.deepStrictEqual((yield* queue.get(job.id)).result, { until: new Date(6) })
      assert.deepStrictEqual((yield* queue.waitFor(job.id)).result, { until: new Date(6) })
      assert.deepStrictEqual((yield* job.status).result, { until: new Date(6) })
    }).pipe(
      Effect.provide(
        layerWorking(
          store,
          Visit.toLayer((_, { progress }) =>
            Effect.gen(function* () {
              yield* progress(Duration.millis(2))
              yield* gate.await
              return { until: new Date(6) }
            })
          )
        )
      )
    )
  )

  it.effect("a task without a handler here is JSON, its handle's own record decoded", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Visit, visit)
      for (const record of yield* lookedUp(job.id)) {
        assert.deepStrictEqual(record.payload, visitJson)
        assert.deepStrictEqual(JSON.parse(JSON.stringify(record)).payload, visitJson)
      }
      assert.deepStrictEqual((yield* job.status).payload, visit)
      assert.deepStrictEqual((yield* queue.job(Visit, job.id).status).payload, visit)
      const text = yield* queue.enqueue(Said, "5")
      assert.strictEqual((yield* queue.get(text.id)).payload, "5")
      yield* queue.edit(text.id, { payload: { other: 1 } })
      assert.deepStrictEqual((yield* queue.get(text.id)).payload, { other: 1 })
      assert.deepStrictEqual((yield* text.status).payload, { other: 1 })
    }).pipe(Effect.provide(layerQueue(store)))
  )

  it.effect("a value that does not fit its task is JSON among the others of a list", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause()
      const { id } = yield* queue.enqueue(VisitOfText, { at: "noon", more: 1 })
      yield* queue.enqueue(Visit, visit)
      const { jobs } = yield* queue.list({ tasks: ["visit"] }, { order: "oldest" })
      assert.deepStrictEqual(
        jobs.map(({ payload }) => payload),
        [{ at: "noon", more: 1 }, visit]
      )
      assert.deepStrictEqual((yield* queue.job(Visit, id).status).payload, { at: "noon", more: 1 })
    }).pipe(
      Effect.provide(
        layerWorking(
          store,
          Visit.toLayer(({ at }) => Effect.succeed({ until: at }))
        )
      )
    )
  )

  it.effect("who passes jobs on asks for JSON of every task", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Visit, visit)
      yield* job.await
      const record = yield* queue.get(job.id).pipe(Effect.provideService(JobValues, "json"))
      const listed = yield* queue.list({}).pipe(Effect.provideService(JobValues, "json"))
      const streamed = yield* Stream.runCollect(queue.stream({})).pipe(Effect.provideService(JobValues, "json"))
      for (const { payload, result } of [record, ...listed.jobs, ...streamed]) {
        assert.deepStrictEqual(payload, visitJson)
        assert.deepStrictEqual(result, { until: "1970-01-01T00:00:00.005Z" })
      }
    }).pipe(
      Effect.provide(
        layerWorking(
          store,
          Visit.toLayer(({ at }) => Effect.succeed({ until: at }))
        )
      )
    )
  )

  it.effect("nothing is undefined where its task is known, else null", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Done, undefined)
      yield* job.await
      const { payload, progress, result } = yield* queue.get(job.id)
      assert.deepStrictEqual([payload, result, progress], [undefined, undefined, undefined])
      const json = yield* queue.get(job.id).pipe(Effect.provideService(JobValues, "json"))
      assert.deepStrictEqual([json.payload, json.result, json.progress], [null, null, undefined])
    }).pipe(
      Effect.provide(
        layerWorking(
          store,
          Done.toLayer(() => Effect.void)
        )
      )
    )
  )
})
