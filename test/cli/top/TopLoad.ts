/**
 * A busy store for `sluice top`: ten thousand jobs that wait, three that run and tell how far they are, one that
 * failed, and jobs that come and go a thousand events a second (enqueued, started, completed). `node TopLoad.ts STORE`
 * says `ready ID`, the id of the failed one, and goes on until it is ended. With a number after STORE that many jobs
 * are finished before.
 */
import { Effect, Layer, Schema } from "effect"
import { Job, Sluice, Task, TaskQueue } from "../../../src/index.ts"

const [store, finished = "0"] = process.argv.slice(2)

const Encode = Task.make("encode", {
  payload: Schema.Struct({ file: Schema.String }),
  success: Schema.Void,
  progress: Schema.Struct({ percent: Schema.Int, message: Schema.String }),
  group: "computation"
})
const Ping = Task.make("ping", { payload: Schema.Struct({ n: Schema.Int }), success: Schema.Void, group: "network" })
const Broken = Task.make("broken", {
  payload: Schema.Struct({}),
  success: Schema.Void,
  group: "filesystem"
})

const handlers = Layer.mergeAll(
  Encode.toLayer(({ file }, job) =>
    Effect.gen(function* () {
      for (let frame = 1; ; frame++) {
        yield* Effect.logInfo(`frame ${frame} of ${file}`)
        yield* job.progress({ percent: frame % 100, message: `pass ${Math.ceil(frame / 100)}` })
        yield* Effect.sleep("50 millis")
      }
    })
  ),
  Ping.toLayer(() => Effect.void),
  Broken.toLayer(() => Effect.die("the disk is no disk"))
)

const perSecond = 340

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const many = (n: number) => Array.from({ length: n }, (_, i) => ({ n: i }))
  for (let left = Number(finished); left > 0; left -= 5000) yield* queue.runMany(Ping, many(Math.min(5000, left)))
  const broken = yield* queue.enqueue(Broken, {}, { retries: 0 })
  yield* queue.waitFor(broken.id)
  for (let first = 0; first < 10_000; first += 1000)
    yield* queue.enqueueMany(
      Encode,
      Array.from({ length: 1000 }, (_, i) => ({ file: `episode-${first + i}.mkv` }))
    )
  console.log(`ready ${Job.formatJobId(broken.id)}`)
  // Each is enqueued, started and completed. By the clock: a late round makes up for it.
  const began = Date.now()
  let sent = 0
  return yield* Effect.suspend(() => {
    const due = Math.min(1000, Math.floor(((Date.now() - began) / 1000) * perSecond) - sent)
    sent += due
    return due === 0 ? Effect.void : queue.enqueueMany(Ping, many(due))
  }).pipe(Effect.andThen(Effect.sleep("100 millis")), Effect.forever)
})

const Main = Sluice.layerWorker().pipe(
  Layer.provide(handlers),
  Layer.provideMerge(Sluice.layerSqlite({ path: store! }))
)

await Effect.runPromise(Effect.provide(program, Main))
