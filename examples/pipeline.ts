// Stages over the queue: a list becomes a job per item, each item goes through two stages, and their results come
// together in order.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { Pipeline, Pipelines, Sluice, Task } from "../src/index.ts"

class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { page: Schema.Int }) {}

const Pages = Task.make("pages", { payload: Schema.String, success: Schema.Array(Schema.Int) })
const Read = Task.make("read", { payload: Schema.Int, success: Schema.String, error: Unreadable, retry: "none" })
const CountWords = Task.make("count-words", { payload: Schema.String, success: Schema.Int })
const Report = Task.make("report", { payload: Schema.Array(Schema.Int), success: Schema.String })

let damaged = true
const Handlers = Layer.mergeAll(
  Pages.toLayer(() => Effect.succeed([1, 2, 3, 4, 5])),
  Read.toLayer((page) =>
    damaged && page === 4 ? Effect.fail(new Unreadable({ page })) : Effect.succeed("word ".repeat(page).trim())
  ),
  CountWords.toLayer((text) => Effect.succeed(text.split(" ").length)),
  Report.toLayer((counts) => Effect.succeed(`${counts.join(" + ")} words`))
)

const Count = Pipeline.make("count", { payload: Schema.String })
  .stage(Pages)
  .fanOut(Read, { concurrency: 2, buffer: 10 })
  .stage(CountWords)
  .fanIn(Report)

const program = Effect.gen(function* () {
  const pipelines = yield* Pipelines
  const run = yield* pipelines.start(Count, "book")

  // A step that is given up fails the run with its typed error …
  const error = yield* Effect.flip(run.await)
  assert(error instanceof Unreadable && error.page === 4)

  // … and the run goes on from there once the cause is gone.
  damaged = false
  yield* run.retry
  assert.equal(yield* run.await, "1 + 2 + 3 + 4 + 5 words")
  for (const { completed, stage, task } of yield* run.status) console.log(`${stage} ${task}: ${completed} done`)
})

const Main = Sluice.layerWorker().pipe(
  Layer.provide(Layer.merge(Handlers, Sluice.layerPipeline(Count))),
  Layer.provideMerge(Sluice.layerMemory())
)

await Effect.runPromise(Effect.provide(program, Main))
