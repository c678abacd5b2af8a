import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import { Outputs, type StoredOutput } from "../../../../src/services/Queue/Outputs.ts"
import { beyond } from "../../../../src/services/Queue/outputs/Pruning.ts"
import * as OutputsLive from "../../../../src/services/Queue/OutputsLive.ts"
import * as QueueSettings from "../../../../src/services/Queue/QueueSettings.ts"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import * as OutputPruner from "../../../../src/services/Queue/upkeep/OutputPruner.ts"
import { Worker } from "../../../../src/services/Queue/Worker.ts"
import { start, StoreDriver } from "../../../support/store/StoreDriver.ts"
import { store as wholeStore, type StoreServices } from "../../../../src/services/Store/Store.ts"

const stored = (job: number, bytes: number, changedAt: number): StoredOutput => ({
  job: job as JobId,
  attempts: 1,
  bytes,
  changedAt
})

describe("logs that are too many", () => {
  const logs = [stored(1, 40, 3), stored(2, 30, 1), stored(3, 20, 2), stored(4, 10, 4)]
  const gone = (total: number, isEnded: (job: number) => boolean = () => true) =>
    beyond(logs, isEnded, total).map(({ job }) => Number(job))

  it("go, the oldest first, until the others are no more than allowed", () => {
    assert.deepStrictEqual(gone(100), [])
    assert.deepStrictEqual(gone(99), [2])
    assert.deepStrictEqual(gone(70), [2])
    assert.deepStrictEqual(gone(69), [2, 3])
    assert.deepStrictEqual(gone(0), [2, 3, 1, 4])
  })

  it("stay while their jobs have not ended, however many they are", () => {
    assert.deepStrictEqual(
      gone(69, (job) => job !== 2),
      [3, 1]
    )
    assert.deepStrictEqual(
      gone(0, () => false),
      []
    )
  })
})

/** Logs of `bytes` of a job that completed, one that runs and one that is gone. */
const prepared = (bytes: number) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const driver = new StoreDriver(yield* wholeStore)
    const outputs = yield* Outputs
    const session = yield* driver.join()
    const [ended, running, gone] = yield* Effect.all([driver.add(), driver.add(), driver.add()])
    const jobs = yield* driver.claim(session, 2)
    yield* driver.settle(session, jobs[0]!, "completed")
    yield* driver.change({ ids: [gone] }, { _tag: "Remove" })
    for (const job of [ended, running, gone]) {
      const log = outputs.begin(job, 1)
      yield* Effect.promise(async () => log.write(Buffer.alloc(bytes), "stdout"))
      log.end({ endedAt: start, outcome: "completed", exitCode: 0, message: "" })
    }
    const left = Effect.map(outputs.stored, (all) => all.map(({ job }) => job).sort((a, b) => a - b))
    return { ended, running, gone, session, left }
  })

/** Of which the upkeep asks only this. */
const worker = (session: number, isFresh = true) =>
  Layer.succeed(Worker, { status: Effect.succeed({ session, isFresh }) } as never)

const surroundings =
  (outputTotalBytes: number) =>
  <A, E>(body: Effect.Effect<A, E, StoreServices | Outputs>) =>
    body.pipe(
      Effect.provide(OutputsLive.layer.pipe(Layer.provideMerge(JobStoreMemory.layer()))),
      Effect.provideService(QueueSettings.Settings, { ...QueueSettings.defaults, outputTotalBytes })
    )

describe("the upkeep of logs", () => {
  it.effect(
    "removes after a minute, not at once, those of jobs that are gone, and of ended ones what is too much",
    () =>
      surroundings(150)(
        Effect.gen(function* () {
          const { ended, gone, left, running, session } = yield* prepared(100)
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* Layer.build(OutputPruner.layer.pipe(Layer.provide(worker(session))))
              yield* TestClock.adjust("30 seconds")
              assert.deepStrictEqual(yield* left, [ended, running, gone])
              yield* TestClock.adjust("1 minute")
              assert.deepStrictEqual(yield* left, [running])
            })
          )
        })
      )
  )

  it.effect("keeps those of ended jobs while there is room, and is left to a worker whose lease is fresh", () =>
    surroundings(1_000_000)(
      Effect.gen(function* () {
        const { ended, gone, left, running, session } = yield* prepared(100)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Layer.build(OutputPruner.layer.pipe(Layer.provide(worker(session, false))))
            yield* TestClock.adjust("5 minutes")
            assert.deepStrictEqual(yield* left, [ended, running, gone])
          })
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Layer.build(OutputPruner.layer.pipe(Layer.provide(worker(session))))
            yield* TestClock.adjust("5 minutes")
            assert.deepStrictEqual(yield* left, [ended, running])
          })
        )
      })
    )
  )
})
