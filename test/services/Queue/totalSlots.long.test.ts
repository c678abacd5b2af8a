import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import path from "node:path"
import { Sluice, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"
import { temporaryFolder } from "../../cli/CommandLine.ts"
import { customers } from "../../support/queue/Customers.ts"

const enqueueAll = (queue: TaskQueue["Service"], tasks: ReturnType<typeof customers>["tasks"]) =>
  Effect.forEach(tasks, (task) => queue.enqueueMany(task, [1, 2, 3, 4, 5]), { discard: true, concurrency: 500 })

const completed = Effect.map(
  TaskQueue.use((queue) => queue.count({ states: ["completed"] })),
  ({ count }) => count
)

describe("a group per customer, 2,000 of them with five jobs each", () => {
  it.effect("has 1,000 jobs at a time in a worker of which nothing was said, in memory, and all done", () => {
    const { handlers, seen, tasks } = customers(2000)
    return Effect.gen(function* () {
      yield* enqueueAll(yield* TaskQueue, tasks)
      yield* Testing.drain()
      assert.strictEqual(seen.most, 1000)
      assert.strictEqual(yield* completed, 10_000)
    }).pipe(Effect.provide(Testing.layer(handlers)))
  })

  it.live("has 1,000 jobs at a time in a worker of which nothing was said, in a file, and all done", () => {
    const { handlers, seen, tasks } = customers(2000, Effect.sleep("200 millis"))
    return Effect.gen(function* () {
      const file = path.join(yield* temporaryFolder, "jobs.db")
      yield* Effect.gen(function* () {
        yield* enqueueAll(yield* TaskQueue, tasks)
        yield* Effect.repeat(Effect.andThen(Effect.sleep("100 millis"), completed), {
          until: (count) => count === 10_000
        })
        assert.strictEqual(seen.most, 1000)
      }).pipe(
        Effect.provide(
          Sluice.layerWorker().pipe(
            Layer.provideMerge(handlers),
            Layer.provideMerge(Sluice.layerSqlite({ path: file }))
          )
        )
      )
    }).pipe(Effect.scoped)
  })
})
