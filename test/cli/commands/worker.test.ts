import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import { withStore } from "../../services/Store/sqlite/SqliteStores.ts"
import * as CommandLine from "../CommandLine.ts"

describe("worker ls", () => {
  it.live(
    "counts running jobs by what the store says now, not by the last beat",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const file = path.join(folder, "queue.db")
        const env = { SLUICE_STORE: file }
        yield* withStore({ path: file }, (driver) =>
          Effect.gen(function* () {
            yield* driver.enqueue([{ group: "g" }, { group: "g" }, { group: "g" }])
            const [first, second] = [yield* driver.join(), yield* driver.join()]
            const jobs = yield* driver.claim(first, 2, "g")
            yield* driver.claim(second, 1, "g")
            const busy = Effect.map(json(["worker", "ls", "--json"], { env }), (workers) =>
              workers.map((worker) => worker.busy)
            )
            assert.deepStrictEqual(yield* busy, [{ g: 2 }, { g: 1 }])
            yield* driver.settle(first, jobs[0]!, "completed")
            assert.deepStrictEqual(yield* busy, [{ g: 1 }, { g: 1 }])
            assert.include((yield* call(["worker", "ls"], { env })).stdout, "running")
          })
        )
      }),
    30_000
  )
})
