// The lines below that must not compile are errors to Effect's diagnostics as well.
// @effect-diagnostics missingEffectError:off missingEffectContext:off
/**
 * What must not compile: each `@ts-expect-error` fails `tsc` (part of `npm run check`) where the line below it
 * compiles. Nothing here is ever run.
 */
import { Context, DateTime, Effect, Exit, type Layer, Schedule, Schema, type Scope, type Stream } from "effect"
import {
  BatchProcessor,
  type EnqueueError,
  type JobFailed,
  type JobNotFound,
  request,
  Sluice,
  type StoreError,
  Task,
  TaskQueue,
  type TaskRegistry
} from "../../src/services/Queue/index.ts"
import * as Testing from "../../src/testing/index.ts"

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(..._proof: Equal<A, B> extends true ? [] : [never]): void => undefined

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}
class Other extends Schema.TaggedError<Other>()("Other", {}) {}
class Mailer extends Context.Service<Mailer, { readonly send: (to: string) => Effect.Effect<void> }>()(
  "types/Mailer"
) {}

const Resize = Task.make("resize", {
  payload: Schema.Struct({ file: Schema.String, width: Schema.Int, until: Schema.DateFromString }),
  success: Schema.Struct({ bytes: Schema.Int }),
  error: Refused,
  progress: Schema.Int
})
const Plain = Task.make("plain", { payload: Schema.String })

/** The payload as the fields of a struct. */
const Fields = Task.make("fields", {
  payload: { file: Schema.String, width: Schema.optionalKey(Schema.Int), kind: Schema.Literals(["png", "webp"]) },
  success: Schema.Int,
  idempotencyKey: ({ file }) => file,
  retry: Schedule.exponential("1 second").pipe(Schedule.upTo({ times: 5 }))
})
same<
  typeof Fields,
  Task.Task<{ readonly file: string; readonly width?: number; readonly kind: "png" | "webp" }, number>
>()
// @ts-expect-error a field is a schema
export const wrongField = () => Task.make("x", { payload: { file: "text" } })
declare const needy: Schema.Codec<string, string, Mailer, Mailer>
export const neededServices = () => [
  // @ts-expect-error a payload needs no service
  Task.make("x", { payload: needy }),
  // @ts-expect-error nor does a field of it
  Task.make("x", { payload: { a: needy } })
]

const payload = { file: "a.png", width: 10, until: new Date(0) }

/** Never called. */
export const payloads = Effect.gen(function* () {
  const queue = yield* TaskQueue
  yield* queue.enqueue(Resize, payload)
  // @ts-expect-error a field is missing
  yield* queue.enqueue(Resize, { file: "a.png" })
  // @ts-expect-error a field is of the wrong type
  yield* queue.enqueue(Resize, { ...payload, width: "10" })
  // @ts-expect-error the encoded form is not the type
  yield* queue.enqueue(Resize, { ...payload, until: "2026-01-01T00:00:00Z" })
  // @ts-expect-error a payload is needed
  yield* queue.enqueue(Resize)
  // @ts-expect-error one of many is wrong
  yield* queue.enqueueMany(Plain, ["a", 1])
  // @ts-expect-error also where tasks are mixed
  yield* queue.enqueueAll([request(Plain, "a"), request(Plain, 1)])
  // @ts-expect-error no such way to meet a conflict
  yield* queue.enqueue(Plain, "a", { onConflict: "ignore" })
  // @ts-expect-error a priority is a number
  yield* queue.enqueue(Plain, "a", { priority: "high" })
  // @ts-expect-error ids are branded
  yield* queue.get(12)
  yield* queue.enqueue(Fields, { file: "a", kind: "png" }, { at: new Date(0), deadline: DateTime.makeUnsafe(0) })
  // @ts-expect-error a field is missing
  yield* queue.enqueue(Fields, { kind: "png" })
  // @ts-expect-error a text is no time
  yield* queue.enqueue(Plain, "a", { at: "2030-01-01" })
})

/** Never called. */
export const results = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const run = queue.run(Resize, payload)
  same<Effect.Success<typeof run>, { readonly bytes: number }>()
  same<Effect.Error<typeof run>, Refused | JobFailed | JobNotFound | EnqueueError | StoreError>()
  const handle = yield* queue.enqueue(Resize, payload)
  same<Effect.Error<typeof handle.await>, Refused | JobFailed | JobNotFound | StoreError>()
  same<Stream.Success<typeof handle.progress>, number>()
  const [resize, plain] = yield* queue.enqueueAll([request(Resize, payload), request(Plain, "a")])
  same<Effect.Success<typeof resize.await>, { readonly bytes: number }>()
  same<Effect.Error<typeof plain.await>, JobFailed | JobNotFound | StoreError>()
  const { bytes } = yield* run
  same<typeof bytes, number>()
  // @ts-expect-error the result has no such field
  yield* Effect.map(run, (result) => result.width)
  // @ts-expect-error a task without an error fails with none of its own
  yield* Effect.catchTag(queue.run(Plain, "a"), "Refused", () => Effect.void)
  const many = yield* queue.runMany(Resize, [payload])
  same<typeof many, ReadonlyArray<{ readonly bytes: number }>>()
})

// Handlers.
export const good = Resize.toLayer(({ until, width }, job) =>
  Effect.gen(function* () {
    same<typeof until, Date>()
    yield* job.progress(width)
    if (width === 0) return yield* new Refused({ why: "nothing to do" })
    if (width === 1) return yield* job.snooze("1 minute")
    if (width === 2) return yield* new Task.NonRetryable({ message: "never" })
    return { bytes: width }
  })
)
// @ts-expect-error the result is of the wrong type
export const wrongResult = Resize.toLayer(() => Effect.succeed({ bytes: "many" }))
// @ts-expect-error the result is missing
export const noResult = Resize.toLayer(() => Effect.void)
// @ts-expect-error the error is not the task's
export const wrongError = Resize.toLayer(() => Effect.fail(new Other()))
// @ts-expect-error a task without errors has none
export const unexpectedError = Plain.toLayer(() => Effect.fail(new Refused({ why: "no" })))
export const wrongProgress = Resize.toLayer((_, job) =>
  // @ts-expect-error progress is of the wrong type
  Effect.as(job.progress("half"), { bytes: 1 })
)
// @ts-expect-error not a group
export const wrongGroup = () => Task.make("x", { payload: Schema.Void, group: 3 })

// What a handler needs shows in its layer.
const mails = Plain.toLayer((to) => Mailer.use(({ send }) => send(to)))
same<Layer.Services<typeof mails>, TaskRegistry | Mailer>()
const built = Plain.toLayer(
  Effect.map(
    Mailer,
    ({ send }) =>
      (to) =>
        send(to)
  )
)
same<Layer.Services<typeof built>, TaskRegistry | Mailer>()
/**
 * The scope of a handler is the handler's to close: `Effect.scoped`. The layer's own would stay open as long as the
 * worker.
 */
const leaking = Plain.toLayer(() => Effect.asVoid(Effect.acquireRelease(Effect.void, () => Effect.void)))
same<Layer.Services<typeof leaking>, TaskRegistry | Scope.Scope>()
const acquiring = Plain.toLayer(
  Effect.as(
    Effect.acquireRelease(Effect.void, () => Effect.void),
    () => Effect.void
  )
)
same<Layer.Services<typeof acquiring>, TaskRegistry>()

/** Never called. */
export const programs = () => {
  const program = TaskQueue.use((queue) => queue.run(Plain, "a"))
  Effect.runPromise(program.pipe(Effect.provide(Testing.layer(good))))
  // @ts-expect-error the mailer is missing
  Effect.runPromise(program.pipe(Effect.provide(Testing.layer(mails))))
  // @ts-expect-error and inline
  Effect.runPromise(program.pipe(Effect.provide(Testing.layerInline(mails))))
  // @ts-expect-error a worker needs a queue
  Effect.runPromise(program.pipe(Effect.provide(Sluice.layerWorker())))
  // @ts-expect-error and the queue must be provided
  Effect.runPromise(program)
}

/** Never called. Batches. */
export const batches = (): void => {
  const Batched = Task.make("batched", {
    payload: Schema.Struct({ n: Schema.Int }),
    success: Schema.Int,
    error: Refused,
    progress: Schema.Int,
    batch: { maxBatchSize: 50, maxWaitTime: "100 millis", groupBy: ({ n }) => String(n) }
  })
  const none = Batched.toBatchLayer((items) => {
    const [first] = items
    same<(typeof first & object)["payload"], { readonly n: number }>()
    return Effect.succeed(
      items.map(({ payload }) => (payload.n > 0 ? Exit.succeed(1) : Exit.fail(new Refused({ why: "" }))))
    )
  })
  same<typeof none, Layer.Layer<never, never, TaskRegistry>>()
  const needs = Batched.toBatchLayer((items) =>
    Effect.gen(function* () {
      yield* (yield* Mailer).send("all")
      for (const { job, settle } of items) {
        yield* job.progress(1)
        yield* settle(Exit.succeed(2))
      }
      return []
    })
  )
  same<typeof needs, Layer.Layer<never, never, TaskRegistry | Mailer>>()
  // @ts-expect-error a result of another type
  Batched.toBatchLayer((items) => Effect.succeed(items.map(() => Exit.succeed("one"))))
  // @ts-expect-error an error the task does not declare
  Batched.toBatchLayer((items) => Effect.succeed(items.map(() => Exit.fail(new Other()))))
  // @ts-expect-error success is a number: there is something to answer
  Batched.toBatchLayer(() => Effect.void)
  // @ts-expect-error a key of another type
  Task.make("keys", { payload: Schema.String, batch: { groupBy: () => 1 } })
  Task.make("void", { payload: Schema.String, batch: {} }).toBatchLayer(() => Effect.void)
  Task.make("of", {
    payload: Schema.Struct({ n: Schema.Int }),
    success: Schema.Int,
    batch: BatchProcessor.of<{ readonly n: number }, number>({
      maxBatchSize: 50,
      maxWaitTime: "100 millis",
      groupBy: ({ n }) => String(n),
      process: (items) => Effect.succeed(items.map(({ payload }) => Exit.succeed(payload.n)))
    })
  }).toBatchLayer()
}

/** Never called. */
export const sets = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const { done, jobs } = yield* queue.enqueueSet({
    jobs: [request(Plain, "a"), request(Resize, payload)],
    onDone: request(Resize, payload)
  })
  const last = yield* done.await
  same<typeof last, { readonly bytes: number }>()
  const second = yield* jobs[1].await
  same<typeof second, { readonly bytes: number }>()
})

const Convert = Task.make("convert", { payload: Schema.Struct({ mode: Schema.Literals(["fast", "small"]) }) })
const Draw = Task.make("draw", { payload: Schema.TaggedStruct("Circle", { radius: Schema.Int }) })

/** Never called. The task alone says what the payload is: literals may be written in place. */
export const literals = Effect.gen(function* () {
  const queue = yield* TaskQueue
  yield* queue.enqueue(Convert, { mode: "fast" })
  yield* queue.run(Convert, { mode: "fast" })
  yield* queue.enqueueMany(Convert, [{ mode: "fast" }, { mode: "small" }])
  yield* queue.runMany(Convert, [{ mode: "fast" }])
  yield* queue.enqueueAll([request(Convert, { mode: "fast" }), request(Draw, { _tag: "Circle", radius: 3 })])
  yield* queue.enqueue(Draw, { _tag: "Circle", radius: 3 })
  // @ts-expect-error no such literal
  yield* queue.enqueue(Convert, { mode: "slow" })
  // @ts-expect-error another tag
  yield* queue.run(Draw, { _tag: "Square", radius: 3 })
  // @ts-expect-error a field too many
  yield* queue.enqueue(Convert, { mode: "fast", level: 3 })
})
