// Many jobs in one handler call: each keeps its own outcome, and a report follows when all of them have ended.
import { Effect, Exit, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { request, Sluice, Task, TaskQueue } from "../src/index.ts"

const Insert = Task.make("insert", {
  payload: { row: Schema.Int },
  error: Schema.String,
  retry: "none",
  batch: { maxBatchSize: 50, maxWaitTime: "50 millis" }
})

const Report = Task.make("report", { payload: Schema.String, success: Schema.String })

let calls = 0
const handlers = Layer.merge(
  Insert.toBatchLayer((items) =>
    Effect.sync(() => {
      calls++
      return items.map(({ payload }) => (payload.row === 13 ? Exit.fail("row 13 is bad") : Exit.void))
    })
  ),
  Report.toLayer((batchKey) =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const { count } = yield* queue.count({ batchKey, states: ["completed"] })
      return `${count} rows inserted`
    }).pipe(Effect.orDie)
  )
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const { done, jobs } = yield* queue.enqueueSet({
    jobs: Array.from({ length: 230 }, (_, row) => request(Insert, { row })),
    onDone: request(Report, "import-1"),
    batchKey: "import-1"
  })
  assert.equal(yield* done.await, "229 rows inserted")
  assert.equal(yield* Effect.flip(jobs[13]!.await), "row 13 is bad")
  assert.equal(calls, 5)
  console.log(`230 jobs in ${calls} calls; one failed, alone`)
})

const Main = Sluice.layerWorker().pipe(
  Layer.provideMerge(handlers),
  Layer.provideMerge(Sluice.layerSqlite({ path: "batches.db" }))
)

await Effect.runPromise(Effect.provide(program, Main))
