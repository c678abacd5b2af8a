import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import { Job, type JobId, Pipeline } from "../../../src/services/Queue/index.ts"
import { withStore } from "../../services/Store/sqlite/SqliteStores.ts"
import * as CommandLine from "../CommandLine.ts"

describe("the steps of a pipeline's run", () => {
  it.live(
    "are listed by its id, and each says where it belongs",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const file = path.join(folder, "queue.db")
        const env = { SLUICE_STORE: file }
        const run = Job.formatJobId(1_000_000_000_000 as JobId)
        const headers = { [Pipeline.runHeader]: run, [Pipeline.stageHeader]: "2.1", [Pipeline.indexHeader]: "17" }
        yield* withStore({ path: file }, (driver) =>
          Effect.gen(function* () {
            const step = yield* driver.add({ extra: { batchKey: run, headers } })
            const others: Array<JobId> = [yield* driver.add()]
            for (let i = 0; i < 9; i++) others.push(yield* driver.add())
            const waiting = yield* driver.add({ after: others })
            const id = Job.formatJobId(step)
            assert.deepStrictEqual(
              (yield* json(["job", "ls", "--batch", run, "--json"], { env })).map((job) => job.id),
              [id]
            )
            assert.deepStrictEqual((yield* json(["job", "get", id, "--json"], { env }))[0].headers, headers)
            const shown = (yield* call(["job", "get", id], { env })).stdout
            assert.match(shown, new RegExp(`run +${run}\nstage +2.1, item 17`))
            assert.match((yield* call(["job", "get", Job.formatJobId(waiting)], { env })).stdout, /and 2 more/)
          })
        )
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "bounds of a worker's slots are checked",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        for (const bad of ["network=5..2", "network=0..2", "*=1..2", "network=a..b"]) {
          const { code, stderr } = yield* call(["worker", "--once", "-g", bad])
          assert.strictEqual(code, 2)
          assert.match(stderr, /GROUP=MIN\.\.MAX/)
        }
        assert.strictEqual((yield* call(["worker", "--once", "-q", "-g", "network=1..3"])).code, 0)
      }).pipe(Effect.scoped),
    30_000
  )
})
