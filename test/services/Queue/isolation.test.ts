/** What goes wrong for one is that one's: the others of a turn, a store or a process hear and go on. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, Layer, Logger, References, type Scope, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type JobId, QueueSettings, Sluice, StoreError, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { StoreTurns } from "../../../src/services/Store/StoreTurns.ts"
import * as StoreTurnsLive from "../../../src/services/Store/StoreTurnsLive.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"
import { makeSqliteFile } from "../../support/queue/SqliteFile.ts"
import { StoreDriver } from "../../support/store/StoreDriver.ts"
import { type Store, toContext } from "../../../src/services/Store/Store.ts"

const Work = Task.make("work", { payload: Schema.Int, success: Schema.Int, group: "network" })
const works = Work.toLayer((n) => Effect.succeed(2 * n))

const onSqlite: Effect.Effect<Store, unknown, Scope.Scope> = Effect.gen(function* () {
  const file = makeSqliteFile()
  yield* Effect.addFinalizer(() => file.close)
  return yield* file.open
})

/** What is logged as an error meanwhile. */
const errors = Effect.map(Effect.succeed([] as Array<string>), (heard) => ({
  heard,
  layer: Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (logLevel === "Error") heard.push(String(message))
    })
  ])
}))

for (const [name, open] of [
  ["memory", sharedMemory],
  ["SQLite", onSqlite]
] as const) {
  describe(`on ${name}`, () => {
    it.effect("somebody who fails as a turn is answered keeps nobody else from hearing", () =>
      Effect.gen(function* () {
        const { heard, layer } = yield* errors
        const store = yield* open
        yield* Effect.gen(function* () {
          const turns = yield* StoreTurns
          const driver = new StoreDriver(store)
          const now = yield* Clock.currentTimeMillis
          const stored = yield* Deferred.make<JobId>()
          const refuseToHear = () => {
            throw new Error("not I")
          }
          turns.onTaken(refuseToHear)
          turns.enqueue([driver.newJob({ payload: 1 }, now)], { stored: refuseToHear, refused: refuseToHear })
          turns.enqueue([driver.newJob({ payload: 2 }, now)], {
            stored: (ids, _, from) => Deferred.doneUnsafe(stored, Effect.succeed(ids[from]!)),
            refused: refuseToHear
          })
          assert.isAbove(yield* Deferred.await(stored), 0)
          assert.isAtLeast(heard.length, 1)
        }).pipe(
          Effect.provide(
            StoreTurnsLive.layer.pipe(Layer.provide(Layer.succeedContext(toContext(store))), Layer.provideMerge(layer))
          ),
          Effect.provideService(References.MinimumLogLevel, "Info")
        )
      }).pipe(Effect.scoped)
    )

    it.effect("a listener of the store that throws spoils neither the turn nor the other listeners", () =>
      Effect.gen(function* () {
        const store = yield* open
        const heard: Array<string> = []
        yield* store.jobs.onWake(() => {
          throw new Error("not I")
        })
        yield* store.jobs.onWake((wake) => heard.push(wake))
        const driver = new StoreDriver(store)
        const id = yield* driver.add()
        assert.strictEqual((yield* driver.job(id)).state, "pending")
        assert.include(heard, "ready")
      }).pipe(Effect.scoped)
    )

    it.effect(
      "an id that no store could have given ends its caller's own call, not the process and nobody else's",
      () =>
        Effect.gen(function* () {
          const node = yield* startNode({ store: yield* open, handlers: works })
          yield* TestClock.adjust("1 millis")
          const hostile = ["1m8mta5hh00", Number.NaN, 1.5, -1, 2 ** 60, null, {}] as ReadonlyArray<unknown>
          for (const id of hostile as ReadonlyArray<JobId>) {
            const [after, awaited, well] = yield* Effect.all(
              [
                Effect.exit(node.queue.enqueue(Work, 1, { after: [id] })),
                Effect.exit(node.queue.job(Work, id).await),
                Effect.exit(node.queue.run(Work, 21))
              ],
              { concurrency: "unbounded" }
            )
            assert.isTrue(Exit.isFailure(after), String(id))
            assert.isTrue(Exit.isFailure(awaited), String(id))
            assert.deepStrictEqual(well, Exit.succeed(42))
          }
          node.kill()
        }).pipe(Effect.scoped)
    )

    it.effect("who waits for a job when the queue closes is told so, and who begins to wait later", () =>
      Effect.gen(function* () {
        const store = yield* open
        const closing = yield* Effect.scoped(
          Effect.gen(function* () {
            const queue = yield* TaskQueue
            const jobs = yield* queue.enqueueMany(Work, [1, 2])
            const waiting = yield* Effect.forkDetach(Effect.flip(jobs[0]!.await))
            const many = yield* Effect.forkDetach(Effect.flip(queue.runMany(Work, [3, 4])))
            yield* Effect.yieldNow
            yield* Effect.yieldNow
            return { waiting, many, late: jobs[1]!.await }
          }).pipe(
            Effect.provide(
              Sluice.layer.pipe(
                Layer.provide(Layer.succeedContext(toContext(store))),
                Layer.provide(
                  Layer.succeed(QueueSettings.Settings, { ...QueueSettings.defaults, pollInterval: Duration.hours(1) })
                )
              )
            )
          )
        )
        for (const wait of [Fiber.join(closing.waiting), Fiber.join(closing.many), Effect.flip(closing.late)]) {
          const error = yield* wait
          assert.instanceOf(error, StoreError)
          assert.strictEqual((error as StoreError).reason._tag, "StoreClosed")
        }
      }).pipe(Effect.scoped)
    )
  })
}

describe("on memory, which keeps few finished jobs", () => {
  it.effect("the results of handles that this process holds are there however late they are awaited", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const jobs = yield* queue.enqueueMany(
        Work,
        Array.from({ length: 200 }, (_, i) => i)
      )
      assert.strictEqual(yield* jobs[199]!.await, 398)
      assert.isAtMost((yield* queue.list({}, { limit: 1000 })).jobs.length, 20)
      for (let i = 0; i < 200; i++) assert.strictEqual(yield* jobs[i]!.await, 2 * i)
      const unheld = yield* Effect.flip(queue.job(Work, jobs[0]!.id).await)
      assert.strictEqual(unheld._tag, "JobNotFound")
    }).pipe(
      Effect.provide(
        Sluice.layerWorker().pipe(
          Layer.provideMerge(works),
          Layer.provideMerge(Sluice.layerMemory({ maxFinished: 20 }))
        )
      )
    )
  )

  it.effect("what an operator removed is gone for them too", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Work, 1)
      yield* job.await
      yield* queue.remove(job.id)
      assert.strictEqual((yield* Effect.flip(job.await))._tag, "JobNotFound")
    }).pipe(
      Effect.provide(Sluice.layerWorker().pipe(Layer.provideMerge(works), Layer.provideMerge(Sluice.layerMemory())))
    )
  )
})
