import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
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
})
