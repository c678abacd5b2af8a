// A licence of four seats: a solver takes as many as it has threads, over all workers; each project runs one at a time.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { ResourceGroup, request, Sluice, Task, TaskQueue } from "../src/index.ts"

const solver = ResourceGroup.make("solver", 4, { policy: { keys: [{ keys: "*", policy: { order: "fifo" } }] } })

const Solve = Task.make("solve", { payload: { project: Schema.String, threads: Schema.Int }, group: solver })

let seats = 0
let most = 0
const running = new Set<string>()
const handlers = Solve.toLayer(({ project, threads }) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      assert.ok(!running.has(project), "a project runs one job at a time")
      running.add(project)
      seats += threads
      most = Math.max(most, seats)
    }),
    () => Effect.sleep("20 millis"),
    () =>
      Effect.sync(() => {
        running.delete(project)
        seats -= threads
      })
  )
)

const solve = (project: string, threads: number) =>
  request(Solve, { project, threads }, { partitionKey: project, slots: threads })

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const jobs = yield* queue.enqueueAll(Array.from({ length: 40 }, (_, i) => solve(`project-${i % 5}`, 1 + (i % 3))))
  yield* Effect.forEach(jobs, (job) => job.await, { concurrency: "unbounded" })
  assert.ok(most <= 4)
  console.log(`40 jobs, at most ${most} of 4 seats taken`)
  const refused = yield* Effect.flip(queue.enqueue(Solve, { project: "big", threads: 5 }, { slots: 5 }))
  console.log(refused.message)
})

const Main = Sluice.layerWorker().pipe(
  Layer.provideMerge(handlers),
  Layer.provideMerge(Sluice.layerSqlite({ path: "licence-seats.db" }))
)

await Effect.runPromise(Effect.provide(program, Main))
