// Customers share a group by their weights, whoever comes first and however much they bring.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { ResourceGroup, request, Sluice, Task, TaskQueue } from "../src/index.ts"

const reports = ResourceGroup.make("reports", 1, {
  policy: {
    fair: true,
    tiers: { pro: { weight: 3 } },
    keys: [{ keys: "pro-*", tier: "pro" }]
  }
})

const Report = Task.make("report", { payload: { customer: Schema.String }, group: reports })

const done: Array<string> = []
const handlers = Report.toLayer(({ customer }) => Effect.sync(() => void done.push(customer)))

const jobsOf = (customer: string, count: number) =>
  Array.from({ length: count }, () => request(Report, { customer }, { partitionKey: customer }))

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  yield* queue.pause("reports")
  // A thousand jobs of one customer stand in front of everybody else's.
  const first = yield* queue.enqueueAll(jobsOf("free-hog", 1_000))
  const others = yield* queue.enqueueAll([...jobsOf("free-one", 10), ...jobsOf("pro-one", 30)])
  yield* queue.resume("reports")
  yield* Effect.forEach(others, (job) => job.await, { concurrency: "unbounded" })
  const before = (customer: string) => done.slice(0, 50).filter((each) => each === customer).length
  const shares = ["free-hog", "free-one", "pro-one"].map(before)
  console.log(`of the first 50 starts: hog ${shares[0]}, one ${shares[1]}, pro ${shares[2]}`)
  assert.deepEqual(shares, [10, 10, 30])
  yield* Effect.forEach(first, (job) => job.await, { concurrency: "unbounded" })
})

const Main = Sluice.layerWorker().pipe(
  Layer.provideMerge(handlers),
  Layer.provideMerge(Sluice.layerSqlite({ path: "fair-shares.db" }))
)

await Effect.runPromise(Effect.provide(program, Main))
