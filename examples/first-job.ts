// One task, one job, one file. The job is on disk before it is acknowledged, and its result comes back typed.
import { Console, Effect, Layer, Schema } from "effect"
import { readFile } from "node:fs/promises"
import { Sluice, Task, TaskQueue } from "../src/index.ts"

// What producer, worker and command line share: a name, the schemas, the resource group whose slots its jobs take.
const CountWords = Task.make("count-words", {
  payload: { file: Schema.String },
  success: Schema.Struct({ words: Schema.Int }),
  group: "filesystem"
})

// How the work is done. It may run more than once for one job: reading a file twice does no harm.
const CountWordsLive = CountWords.toLayer(({ file }) =>
  Effect.gen(function* () {
    const text = yield* Effect.promise(() => readFile(file, "utf8"))
    return { words: text.split(/\s+/).filter(Boolean).length }
  })
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const { words } = yield* queue.run(CountWords, { file: import.meta.filename })
  yield* Console.log(`${words} words`)
})

const Main = Sluice.layerWorker().pipe(
  Layer.provide(CountWordsLive),
  Layer.provideMerge(Sluice.layerSqlite({ path: "jobs.db" }))
)

await Effect.runPromise(Effect.provide(program, Main))
