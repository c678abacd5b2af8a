/**
 * A process with a worker whose handlers leave rejections behind; says as JSON what became of each job. With `throw`:
 * an exception instead.
 */
import { Effect, Exit, Layer, Schema } from "effect"
import { Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"

const options = { payload: Schema.Void, retry: "none", group: "network" } as const
const reject = (ms: number): void => {
  setTimeout(() => void Promise.reject(new Error(`loose after ${ms} ms`)), ms)
}

const Bystander = Task.make("bystander", options)
const AtOnce = Task.make("at-once", options)
const Soon = Task.make("soon", options)
const InPromise = Task.make("in-promise", options)
const InChild = Task.make("in-child", options)
const Late = Task.make("late", options)
const Odd = Task.make("odd", options)
const Together = Task.make("together", { ...options, batch: { maxBatchSize: 3, maxWaitTime: "20 millis" } })
const Throws = Task.make("throws", options)

const hostile = new Proxy(
  {},
  {
    get: () => {
      throw new Error("no")
    }
  }
)

const handlers = Layer.mergeAll(
  Bystander.toLayer(() => Effect.sleep("300 millis")),
  AtOnce.toLayer(() =>
    Effect.andThen(
      Effect.sync(() => void Promise.reject(new Error("loose at once"))),
      Effect.sleep("10 seconds")
    )
  ),
  Soon.toLayer(() =>
    Effect.andThen(
      Effect.sleep("20 millis"),
      Effect.andThen(
        Effect.sync(() => reject(5)),
        Effect.never
      )
    )
  ),
  InPromise.toLayer(() =>
    Effect.promise(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      reject(1)
      await new Promise((resolve) => setTimeout(resolve, 400))
    })
  ),
  InChild.toLayer(() =>
    Effect.all(
      [
        Effect.sleep("5 seconds"),
        Effect.andThen(
          Effect.sleep("15 millis"),
          Effect.sync(() => reject(2))
        )
      ],
      {
        concurrency: 2,
        discard: true
      }
    )
  ),
  Late.toLayer(() => Effect.sync(() => reject(30))),
  Odd.toLayer(() =>
    Effect.andThen(
      Effect.sync(() => void Promise.reject(hostile)),
      Effect.sleep("10 seconds")
    )
  ),
  Together.toBatchLayer((items) =>
    Effect.andThen(
      Effect.sync(() => void (items.length > 1 && Promise.reject(new Error("loose in company")))),
      Effect.as(
        Effect.sleep("20 millis"),
        items.map(() => Exit.void)
      )
    )
  ),
  Throws.toLayer(() =>
    Effect.andThen(
      Effect.sync(() => {
        setTimeout(() => {
          throw new Error("nobody catches this")
        }, 5)
      }),
      Effect.sleep("5 seconds")
    )
  )
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  if (process.argv[2] === "throw") {
    const job = yield* queue.enqueue(Throws, undefined)
    yield* job.await
  }
  const jobs = yield* Effect.forEach([Bystander, AtOnce, Soon, InPromise, InChild, Late, Odd], (task) =>
    queue.enqueue(task, undefined)
  )
  const batch = yield* queue.enqueueMany(Together, [undefined, undefined, undefined])
  const became = yield* Effect.forEach([...jobs, ...batch], (job) => queue.waitFor(job.id))
  yield* Effect.sleep("50 millis")
  process.stdout.write(
    `${JSON.stringify(became.map(({ attempt, failure, state, task }) => ({ task, state, attempt, why: failure?.message ?? "" })))}\n`
  )
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(
      Sluice.layerWorker({ slots: { "*": 20 } }).pipe(
        Layer.provideMerge(handlers),
        Layer.provideMerge(Sluice.layerMemory())
      )
    )
  )
)
