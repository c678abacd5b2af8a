// A key says which payloads are the same work. What a taken key does to an enqueue is stated by the task or the caller.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { Sluice, Task, TaskQueue } from "../src/index.ts"

const Invoice = Task.make("invoice", {
  payload: { order: Schema.String, note: Schema.String },
  success: Schema.String,
  idempotencyKey: ({ order }) => order,
  // The key stays taken for an hour, also when its job has finished: a double click an hour later is not a second
  // invoice.
  unique: { onConflict: "existing", window: "1 hour" }
})

const Reindex = Task.make("reindex", {
  payload: { folder: Schema.String },
  success: Schema.String,
  idempotencyKey: ({ folder }) => folder,
  // Each call pushes the start away: one run after the last change, and at the latest a second after the first.
  unique: { onConflict: "debounce", maxDelay: "1 second" }
})

const Handlers = Layer.mergeAll(
  Invoice.toLayer(({ note, order }) => Effect.succeed(`${order}: ${note}`)),
  Reindex.toLayer(({ folder }) => Effect.succeed(folder))
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue

  const first = yield* queue.enqueue(Invoice, { order: "A-1", note: "first" })
  assert.equal(yield* first.await, "A-1: first")
  const again = yield* queue.enqueue(Invoice, { order: "A-1", note: "second" })
  assert.deepEqual([again.outcome, again.id], ["existing", first.id])
  assert.equal(yield* again.await, "A-1: first")

  const refused = yield* Effect.flip(queue.enqueue(Invoice, { order: "A-1", note: "third" }, { onConflict: "reject" }))
  assert(refused._tag === "EnqueueError" && refused.reason._tag === "DuplicateJob")
  assert.equal(refused.reason.existing, first.id)

  const calls = yield* Effect.forEach([1, 2, 3], () => queue.enqueue(Reindex, { folder: "docs" }, { in: "50 millis" }))
  assert.deepEqual(
    calls.map(({ outcome }) => outcome),
    ["created", "replaced", "replaced"]
  )
  yield* calls[2]!.await
  assert.equal((yield* queue.count({ tasks: ["reindex"] })).count, 1)
  console.log("one invoice, one reindexing")
})

const Main = Sluice.layerWorker().pipe(Layer.provide(Handlers), Layer.provideMerge(Sluice.layerMemory()))

await Effect.runPromise(Effect.provide(program, Main))
