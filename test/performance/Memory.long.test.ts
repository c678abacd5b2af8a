/**
 * What a job leaves behind in the heap once it is done: nothing. Rounds of jobs through a worker on the SQLite store,
 * with retention at work; the heap is read after a full collection at the end of each, and the upper end of its slope's
 * 95 % interval bounds what one job may leave. A handler that keeps a kilobyte of each job shows that the test would
 * see it.
 *
 * Reduced: 16 rounds of 1,500 jobs instead of 40 of 5,000.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import path from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { type SlopeEstimate, slopeOf } from "../../src/soak/Slope.ts"
import { QueueSettings, ResourceGroup, Sluice, Task, TaskQueue } from "../../src/services/Queue/index.ts"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"

const size = isReduced ? { rounds: 16, jobs: 1500 } : { rounds: 40, jobs: 5000 }
/** Left out: compiled code and caches fill. */
const warmUp = size.rounds / 4

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")

const Work = Task.make("work", {
  payload: Schema.Struct({ text: Schema.String }),
  success: Schema.Int,
  group: ResourceGroup.make("memory", 100)
})

const keepFew = { ageMs: 3_600_000, count: 500 }

/** Bytes of heap per job, with `keep` called for each job's text. */
const bytesPerJob = (keep: (text: string) => void) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const queueLayer = Sluice.layerWorker({ slots: { "*": 100 } }).pipe(
      Layer.provideMerge(
        Work.toLayer(({ text }) =>
          Effect.sync(() => {
            keep(text)
            return text.length
          })
        )
      ),
      Layer.provideMerge(Sluice.layerSqlite({ path: path.join(folder, "jobs.db") })),
      Layer.provideMerge(
        Layer.succeed(QueueSettings.Settings, {
          ...QueueSettings.defaults,
          retention: { completed: keepFew, failed: keepFew, cancelled: keepFew }
        })
      )
    )
    return yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const points: Array<{ readonly x: number; readonly y: number }> = []
      for (let round = 0; round < size.rounds; round++) {
        const payloads = Array.from({ length: size.jobs }, (_, i) => ({ text: `${round}:${i}`.padEnd(1000, "x") }))
        const lengths = yield* queue.runMany(Work, payloads)
        assert.strictEqual(lengths.length, size.jobs)
        gc()
        if (round >= warmUp) points.push({ x: round * size.jobs, y: process.memoryUsage().heapUsed })
      }
      return slopeOf([points])!
    }).pipe(Effect.provide(queueLayer))
  }).pipe(Effect.scoped)

const shown = ({ high, low, slope }: SlopeEstimate): string =>
  `${slope.toFixed(1)} bytes a job, 95 % interval ${low.toFixed(1)} to ${high.toFixed(1)}`

describe("the heap after many jobs", () => {
  it.live("grows by less than 40 bytes a job", () =>
    Effect.gen(function* () {
      const estimate = yield* bytesPerJob(() => undefined)
      assert.isBelow(estimate.high, 40, shown(estimate))
    })
  )

  it.live("shows a kilobyte that a handler keeps of every job", () =>
    Effect.gen(function* () {
      const kept: Array<string> = []
      const estimate = yield* bytesPerJob((text) => kept.push(text))
      assert.isAbove(estimate.low, 900, shown(estimate))
    })
  )
})
