// A job may wait for others. When one of those does not complete, the stated policy decides what becomes of it.
import { Effect, Layer, Result, Schema } from "effect"
import assert from "node:assert/strict"
import { Sluice, Task, TaskQueue } from "../src/index.ts"

const Build = Task.make("build", { payload: Schema.String, error: Schema.String, retry: "none" })
const Deploy = Task.make("deploy", { payload: Schema.String })
const Tidy = Task.make("tidy", { payload: Schema.Void })

const done: Array<string> = []
const note = (text: string) => Effect.sync(() => void done.push(text))

const Handlers = Layer.mergeAll(
  Build.toLayer((part) => (part === "broken" ? Effect.fail("does not compile") : note(`build ${part}`))),
  Deploy.toLayer((what) => note(`deploy ${what}`)),
  Tidy.toLayer(() => note("tidy"))
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue

  const parts = yield* queue.enqueueMany(Build, ["client", "server"])
  const deploy = yield* queue.enqueue(Deploy, "site", { after: parts.map(({ id }) => id) })
  yield* deploy.await
  assert.equal(done.at(-1), "deploy site")
  assert.equal(done.length, 3)

  const broken = yield* queue.enqueue(Build, "broken")
  const never = yield* queue.enqueue(Deploy, "broken", { after: [broken.id] }) // the default: cancelled with it
  const anyway = yield* queue.enqueue(Tidy, undefined, { after: [broken.id], onParentFailure: "run" })
  yield* anyway.await
  const end = yield* Effect.result(never.await)
  assert(Result.isFailure(end) && end.failure._tag === "JobFailed")
  assert.deepEqual([end.failure.state, end.failure.failure.cause], ["cancelled", "ParentFailed"])
  assert.equal(done.at(-1), "tidy")
  console.log(done.join(", "))
})

const Main = Sluice.layerWorker().pipe(Layer.provide(Handlers), Layer.provideMerge(Sluice.layerMemory()))

await Effect.runPromise(Effect.provide(program, Main))
