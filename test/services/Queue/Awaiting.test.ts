/** Many results awaited of a store that answers from another thread, with a worker in this process. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schema } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { JobStore, QueueSettings, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as JobStoreSqlite from "../../../src/services/Store/sqlite/JobStoreSqlite.ts"

const Double = Task.make("double", { payload: Schema.Int, success: Schema.Int, group: "network" })

/** The store of a file, which says how many jobs it was asked for by id. */
const countedStore = (file: string, asked: { jobs: number }) =>
  Layer.effect(
    JobStore,
    Effect.map(JobStore, (store) => ({
      ...store,
      get: (ids: Parameters<typeof store.get>[0]) => {
        asked.jobs += ids.length
        return store.get(ids)
      }
    }))
  ).pipe(Layer.provideMerge(JobStoreSqlite.layer({ path: file })))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-awaiting-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true }))
)

describe("awaiting many jobs", () => {
  it.live("reads none of those that this process runs: their turns tell", () =>
    Effect.gen(function* () {
      const asked = { jobs: 0 }
      const sluice = Sluice.layerWorker({ slots: { network: 10 } }).pipe(
        Layer.provideMerge(Double.toLayer((n) => Effect.succeed(2 * n))),
        Layer.provideMerge(Sluice.layer),
        Layer.provideMerge(countedStore(path.join(yield* folder, "jobs.db"), asked)),
        Layer.provide(
          Layer.succeed(QueueSettings.Settings, { ...QueueSettings.defaults, pollInterval: Duration.hours(1) })
        )
      )
      const numbers = Array.from({ length: 300 }, (_, i) => i)
      const results = yield* Effect.all(
        [0, 1, 2].map(() => TaskQueue.use((queue) => queue.runMany(Double, numbers))),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(sluice))
      for (const result of results)
        assert.deepStrictEqual(
          result,
          numbers.map((n) => 2 * n)
        )
      assert.strictEqual(asked.jobs, 0)
    })
  )
})
