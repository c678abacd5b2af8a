import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Ref, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { JobStore, Task, TaskQueue, TaskRegistry } from "../../../src/services/Queue/index.ts"
import { rank } from "../../../src/services/Queue/policy/Rank.ts"
import { standard } from "../../../src/services/Queue/policy/RetryDelay.ts"
import * as Testing from "../../../src/testing/index.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", { at: Schema.Date, worth: Schema.Boolean }) {}

/** A program on a queue with these handlers. */
const withHandlers = (handlers: Layer.Layer<never, never, TaskRegistry>, options: Testing.TestQueueOptions = {}) =>
  Effect.provide(Testing.layer(handlers, options))

const failureOf = <S, E, G>(job: { readonly await: Effect.Effect<S, E, G> }) => Effect.flip(job.await)

describe("results", () => {
  const Dated = Task.make("dated", {
    payload: Schema.Struct({ day: Schema.Date, count: Schema.Int }),
    success: Schema.Struct({ next: Schema.Date }),
    error: Unlucky,
    retry: "none"
  })
  const handler = Dated.toLayer(({ count, day }) =>
    count < 0
      ? Effect.fail(new Unlucky({ at: day, worth: false }))
      : Effect.succeed({ next: new Date(day.getTime() + count * 86_400_000) })
  )
  const day = new Date("2026-03-01T00:00:00Z")

  it.effect("typed results and errors arrive as their types, here and in another process", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const worker = yield* startNode({ store, handlers: handler })
      const other = yield* startNode({ store })
      for (const { queue } of [worker, other]) {
        const fiber = yield* Effect.forkChild(queue.run(Dated, { day, count: 1 }))
        const failing = yield* Effect.forkChild(Effect.flip(queue.run(Dated, { day, count: -1 })))
        yield* TestClock.adjust("2 seconds")
        const { next } = yield* Fiber.join(fiber)
        assert.instanceOf(next, Date)
        assert.strictEqual(next.toISOString(), "2026-03-02T00:00:00.000Z")
        assert.deepStrictEqual(yield* Fiber.join(failing), new Unlucky({ at: day, worth: false }))
      }
    }).pipe(Effect.scoped)
  )

  it.effect("runMany answers in the order of the payloads, and fails with the first failure", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const results = yield* queue.runMany(
        Dated,
        [3, 1, 2].map((count) => ({ day, count }))
      )
      assert.deepStrictEqual(
        results.map(({ next }) => next.getUTCDate()),
        [4, 2, 3]
      )
      const error = yield* Effect.flip(
        queue.runMany(Dated, [
          { day, count: 1 },
          { day, count: -1 }
        ])
      )
      assert.strictEqual(error._tag, "Unlucky")
      assert.deepStrictEqual(yield* queue.runMany(Dated, []), [])
    }).pipe(withHandlers(handler))
  )

  it.effect("a defect reaches the waiter with its message, its stack rests with the job", () => {
    const Bad = Task.make("bad", { payload: Schema.String, retry: "none" })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      for (const how of ["die", "throw", "reject", "handler"]) {
        const job = yield* queue.enqueue(Bad, how)
        yield* Testing.drain()
        const error = yield* failureOf(job)
        assert.strictEqual(error._tag, "JobFailed")
        if (error._tag !== "JobFailed") return
        assert.strictEqual(error.failure.cause, "Defect")
        assert.include(error.failure.message, `no ${how}`)
        assert.include(error.failure.stack ?? "", "attempts.test.ts")
      }
    }).pipe(
      withHandlers(
        Bad.toLayer((how) => {
          const error = new Error(`no ${how}`)
          switch (how) {
            case "die":
              return Effect.die(error)
            case "throw":
              return Effect.sync(() => {
                throw error
              })
            case "reject":
              return Effect.promise(() => Promise.reject(error))
            default:
              throw error
          }
        })
      )
    )
  })

  it.effect("a result that does not fit the schema buries the job as BadResult", () => {
    const Wrong = Task.make("wrong", { payload: Schema.Void, success: Schema.Int })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Wrong, undefined)
      yield* Testing.drain()
      const { attempt, failure, state } = yield* job.status
      assert.deepStrictEqual([state, attempt, failure?.cause], ["failed", 1, "BadResult"])
    }).pipe(withHandlers(Wrong.toLayer(() => Effect.succeed("three" as unknown as number))))
  })

  it.effect("a result of another version of the task is a defect of who awaits it, not a hang", () => {
    const options = { payload: Schema.Void, unique: { onConflict: "existing" }, idempotencyKey: () => "one" } as const
    const Old = Task.make("versioned", { ...options, success: Schema.Date })
    const New = Task.make("versioned", { ...options, success: Schema.Struct({ count: Schema.DateFromString }) })
    return Effect.gen(function* () {
      const store = yield* sharedMemory
      yield* startNode({ store, handlers: Old.toLayer(() => Effect.delay(Effect.succeed(new Date(0)), "1 second")) })
      const { queue } = yield* startNode({ store })
      const first = yield* queue.enqueue(New, undefined)
      const waiting = yield* Effect.forkChild(Effect.exit(first.await))
      const many = yield* Effect.forkChild(Effect.exit(queue.runMany(New, [undefined])))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Failure")
      assert.strictEqual((yield* Fiber.join(many))._tag, "Failure")
    }).pipe(Effect.scoped)
  })
})

describe("errors that do not serialise", () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  const hostile = {
    get message(): string {
      throw new Error("do not look")
    },
    toString() {
      throw new Error("do not print")
    },
    toJSON() {
      throw new Error("do not save")
    }
  }
  const values: ReadonlyArray<readonly [string, unknown]> = [
    ["circular", circular],
    ["bigint", 12n],
    ["nested bigint", { n: 12n }],
    ["function", () => 1],
    ["symbol", Symbol("s")],
    ["undefined", undefined],
    ["hostile", hostile],
    ["no prototype", Object.create(null)],
    ["ten megabytes", "x".repeat(10_000_000)],
    ["an error of ten megabytes", new Error("y".repeat(10_000_000))]
  ]
  const Raise = Task.make("raise", { payload: Schema.Struct({ value: Schema.Int, how: Schema.String }), retry: "none" })
  const handler = Raise.toLayer(({ how, value }) => {
    const error = values[value]![1]
    switch (how) {
      case "die":
        return Effect.die(error)
      case "fail":
        return Effect.fail(error as never)
      default:
        return Effect.fail(new Task.NonRetryable({ message: "enough", detail: error }))
    }
  })
  values.forEach(([name], value) => {
    for (const how of ["die", "fail", "detail"]) {
      it.effect(`${name}, as ${how}: the job is buried, its failure bounded`, () =>
        Effect.gen(function* () {
          const queue = yield* TaskQueue
          const job = yield* queue.enqueue(Raise, { value, how })
          yield* Testing.drain({ within: "1 minute" })
          const { failure, state } = yield* job.status
          assert.strictEqual(state, "failed")
          assert.strictEqual(failure?.cause, how === "detail" ? "NonRetryable" : "Defect")
          assert.isAtMost(failure!.message.length, 4096)
          assert.isAtMost(JSON.stringify(failure).length, 4096 + 2 * 16_384 + 1000)
        }).pipe(withHandlers(handler))
      )
    }
  })

  it.effect("a retryable predicate that throws buries the job, saying so", () => {
    const Picky = Task.make("picky", {
      payload: Schema.Void,
      error: Unlucky,
      retryable: () => {
        throw new Error("cannot say")
      }
    })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Picky, undefined)
      yield* Testing.drain({ within: "1 hour" })
      const { attempt, failure, state } = yield* job.status
      assert.deepStrictEqual([state, attempt, failure?.cause], ["failed", 1, "Defect"])
      assert.include(failure?.message, "cannot say")
    }).pipe(withHandlers(Picky.toLayer(() => Effect.fail(new Unlucky({ at: new Date(0), worth: true })))))
  })
})

describe("payloads", () => {
  it.effect("one that does not decode is buried at once with its bytes", () => {
    const Strict = Task.make("strict", { payload: Schema.Struct({ day: Schema.DateFromString }) })
    const Loose = Task.make("strict", { payload: Schema.Struct({ day: Schema.Int }) })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Loose, { day: 7 })
      yield* Testing.drain({ within: "1 minute" })
      const { attempt, failure, payload, state } = yield* queue.get(job.id)
      assert.deepStrictEqual([state, attempt, failure?.cause], ["failed", 1, "Undecodable"])
      assert.deepStrictEqual(payload, { day: 7 })
    }).pipe(withHandlers(Strict.toLayer(() => Effect.void)))
  })

  it.effect("one that does not fit its schema is refused with the field's name", () => {
    const Strict = Task.make("strict", { payload: Schema.Struct({ width: Schema.Int }) })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const error = yield* Effect.flip(queue.enqueue(Strict, { width: 1.5 }))
      assert.strictEqual(error._tag === "EnqueueError" && error.reason._tag, "InvalidPayload")
      assert.include(error.message, "width")
      assert.strictEqual((yield* queue.count({})).count, 0)
    }).pipe(withHandlers(Layer.empty))
  })
})

describe("retries", () => {
  const attemptsAt: Array<number> = []
  const starts = (retry: Task.RetryOption | undefined, retryable?: (error: Unlucky) => boolean) => {
    const Flaky = Task.make("flaky", {
      payload: Schema.Boolean,
      error: Unlucky,
      ...(retry === undefined ? {} : { retry }),
      ...(retryable === undefined ? {} : { retryable })
    })
    return Effect.gen(function* () {
      attemptsAt.length = 0
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Flaky, true)
      yield* Testing.drain()
      assert.strictEqual((yield* job.status).state, "failed")
      return attemptsAt.slice(1).map((at, i) => at - attemptsAt[i]!)
    }).pipe(
      withHandlers(
        Flaky.toLayer((worth) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            attemptsAt.push(now)
            return Effect.fail(new Unlucky({ at: new Date(now), worth }))
          })
        )
      )
    )
  }

  it.effect("by default three, after 1, 2 and 4 s within the jitter", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 20; i++) {
        const gaps = yield* starts(undefined)
        assert.strictEqual(gaps.length, 3)
        gaps.forEach((gap, n) => {
          const planned = 1000 * 2 ** n
          assert.isAtLeast(gap, planned * (1 - standard.jitter))
          assert.isAtMost(gap, planned * (1 + standard.jitter) + 1)
        })
      }
    })
  )

  it.effect("quick: at once, then 0.2 s apart", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* starts("quick"), [0, 200, 200])
    })
  )

  it.effect("none: one attempt", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* starts("none"), [])
    })
  )

  it.effect("a cap of its own holds", () =>
    Effect.gen(function* () {
      const gaps = yield* starts({ times: 6, firstMs: 100, factor: 3, capMs: 1000, jitter: 0 })
      assert.deepStrictEqual(gaps, [100, 300, 900, 1000, 1000, 1000])
    })
  )

  it.effect("errors the predicate refuses are not retried", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* starts(undefined, () => false), [])
      assert.strictEqual((yield* starts(undefined, ({ worth }) => worth)).length, 3)
    })
  )

  it.effect("NonRetryable buries at once and keeps its detail", () => {
    const Final = Task.make("final", { payload: Schema.Void })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Final, undefined)
      yield* Testing.drain()
      const { attempt, failure } = yield* job.status
      assert.deepStrictEqual(
        [attempt, failure?.cause, failure?.message, failure?.error],
        [1, "NonRetryable", "no such customer", { customer: 7 }]
      )
    }).pipe(
      withHandlers(
        Final.toLayer(() =>
          Effect.fail(new Task.NonRetryable({ message: "no such customer", detail: { customer: 7 } }))
        )
      )
    )
  })

  it.effect("success after a failure completes the job, its attempts counted", () => {
    const Second = Task.make("second", { payload: Schema.Void, success: Schema.Int })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Second, undefined, { retries: 1 })
      yield* Testing.drain()
      assert.strictEqual(yield* job.await, 2)
    }).pipe(
      withHandlers(
        Second.toLayer((_, job) => (job.attempt === 1 ? Effect.die(new Error("first")) : Effect.succeed(job.attempt)))
      )
    )
  })
})

describe("progress and logs", () => {
  const Steps = Task.make("steps", { payload: Schema.Int, progress: Schema.Struct({ done: Schema.Int }) })
  const handler = Steps.toLayer((steps, job) =>
    Effect.gen(function* () {
      for (let done = 1; done <= steps; done++) {
        yield* job.progress({ done })
        yield* Effect.logInfo(`step ${done}`, { of: steps })
        yield* Effect.sleep("100 millis")
      }
      yield* Effect.logWarning("finished")
    })
  )

  it.effect("progress is seen as it changes, typed, and ends with the job", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      yield* startNode({ store, handlers: handler })
      const { queue } = yield* startNode({ store })
      const job = yield* queue.enqueue(Steps, 3)
      const seen = yield* Effect.forkChild(Stream.runCollect(job.progress))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        (yield* Fiber.join(seen)).map(({ done }) => done),
        [1, 2, 3]
      )
      assert.deepStrictEqual((yield* queue.get(job.id)).progress, { done: 3 })
    }).pipe(Effect.scoped)
  )

  it.effect("what a handler logs is kept with its job, in order and with its level", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Steps, 2)
      yield* Testing.drain()
      const lines = yield* job.logs
      assert.deepStrictEqual(
        lines.map(({ attempt, level, message }) => [attempt, level, message]),
        [
          [1, "info", 'step 1 {"of":2}'],
          [1, "info", 'step 2 {"of":2}'],
          [1, "warning", "finished"]
        ]
      )
    }).pipe(withHandlers(handler))
  )

  it.effect("logging what cannot be written as JSON harms nobody", () => {
    const Talk = Task.make("talk", { payload: Schema.Void })
    const circular: { self?: unknown } = {}
    circular.self = circular
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Talk, undefined)
      yield* Testing.drain()
      assert.strictEqual((yield* job.status).state, "completed")
      assert.strictEqual((yield* job.logs).length, 3)
    }).pipe(
      withHandlers(
        Talk.toLayer(() =>
          Effect.all([Effect.logInfo(circular), Effect.logInfo(12n), Effect.logInfo("fine")], { discard: true })
        )
      )
    )
  })

  it.effect("progress can be reported from outside while the job runs, and is refused otherwise", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const Wait = Task.make("wait", { payload: Schema.Void })
      yield* startNode({ store, handlers: Wait.toLayer(() => Effect.sleep("10 seconds")) })
      const { queue } = yield* startNode({ store })
      const job = yield* queue.enqueue(Wait, undefined)
      yield* TestClock.adjust("1 second")
      yield* queue.reportProgress(job.id, 1, { percent: 40 })
      assert.deepStrictEqual((yield* job.status).progress, { percent: 40 })
      assert.strictEqual((yield* Effect.flip(queue.reportProgress(job.id, 2, 1)))._tag, "WrongState")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Effect.flip(queue.reportProgress(job.id, 1, 1)))._tag, "WrongState")
    }).pipe(Effect.scoped)
  )
})

describe("limits", () => {
  const ends: Array<string> = []
  const note = (what: string) => Effect.map(Clock.currentTimeMillis, (now) => void ends.push(`${what} ${now}`))

  it.effect("at the soft limit the handler is told and may clean up and finish", () => {
    ends.length = 0
    const Told = Task.make("told", {
      payload: Schema.Void,
      success: Schema.String,
      softLimit: "10 seconds",
      hardLimit: "1 minute"
    })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Told, undefined)
      yield* Testing.drain()
      assert.strictEqual(yield* job.await, "cleaned up")
      assert.deepStrictEqual(
        ends,
        ["told 10000 true", "cleaned 15000"].map((line) => line.replace(" true", ""))
      )
    }).pipe(
      withHandlers(
        Told.toLayer((_, job) =>
          Effect.gen(function* () {
            const { signal } = job
            assert.isFalse(signal.aborted)
            yield* Effect.raceFirst(Effect.never, job.softLimit)
            assert.isTrue(signal.aborted)
            yield* note("told")
            yield* Effect.sleep("5 seconds")
            yield* note("cleaned")
            return "cleaned up"
          })
        )
      )
    )
  })

  it.effect("at the hard limit it is interrupted, its finalizers run, and the attempt counts as TimedOut", () => {
    ends.length = 0
    const Endless = Task.make("endless", {
      payload: Schema.Void,
      softLimit: "1 second",
      hardLimit: "3 seconds",
      retry: "none"
    })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Endless, undefined)
      yield* Testing.drain()
      const { failure, finishedAt, state } = yield* job.status
      assert.deepStrictEqual([state, failure?.cause], ["failed", "TimedOut"])
      assert.deepStrictEqual(ends, ["released 3000"])
      assert.strictEqual(finishedAt, 3000)
    }).pipe(
      withHandlers(
        Endless.toLayer(() =>
          Effect.scoped(
            Effect.andThen(
              Effect.acquireRelease(Effect.void, () => note("released")),
              Effect.never
            )
          )
        )
      )
    )
  })

  it.effect(
    "a handler that cannot be interrupted is abandoned 5 s later: its slot is free, its late end ignored",
    () => {
      ends.length = 0
      const Stubborn = Task.make("stubborn", {
        payload: Schema.String,
        hardLimit: "1 second",
        retry: "none",
        group: "narrow"
      })
      return Effect.gen(function* () {
        const queue = yield* TaskQueue
        yield* queue.setLimit("narrow", 1)
        const job = yield* queue.enqueue(Stubborn, "stubborn")
        const next = yield* queue.enqueue(Stubborn, "next")
        yield* TestClock.adjust("5900 millis")
        assert.strictEqual((yield* job.status).state, "running")
        assert.strictEqual((yield* next.status).state, "pending")
        yield* TestClock.adjust("200 millis")
        const { failure, state } = yield* job.status
        assert.deepStrictEqual([state, failure?.cause], ["failed", "TimedOut"])
        assert.strictEqual((yield* next.status).state, "completed")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(ends, ["next 6000", "stubborn 30000"])
        assert.strictEqual((yield* job.status).state, "failed")
      }).pipe(
        withHandlers(
          Stubborn.toLayer((name) =>
            Effect.uninterruptible(
              Effect.andThen(name === "next" ? Effect.void : Effect.sleep("30 seconds"), note(name))
            )
          )
        )
      )
    }
  )

  it.effect("a task without limits runs as long as it takes, and a job of it may have one of its own", () => {
    const Long = Task.make("long", {
      payload: Schema.Void,
      success: Schema.Boolean,
      retry: "none",
      softLimit: Duration.infinity,
      hardLimit: Duration.infinity
    })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const long = yield* queue.enqueue(Long, undefined)
      const limited = yield* queue.enqueue(Long, undefined, { hardLimit: "2 seconds" })
      yield* TestClock.adjust("3 seconds")
      const failed = yield* failureOf(limited)
      assert.strictEqual(failed._tag === "JobFailed" && failed.failure.cause, "TimedOut")
      yield* TestClock.adjust("3 hours")
      assert.isFalse(yield* long.await)
    }).pipe(
      withHandlers(
        Long.toLayer((_, job) =>
          Effect.delay(
            Effect.sync(() => job.signal.aborted),
            "3 hours"
          )
        )
      )
    )
  })

  it.effect("limits of a single job stand over those of its task", () => {
    const Endless = Task.make("endless", { payload: Schema.Void, retry: "none" })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const short = yield* queue.enqueue(Endless, undefined, { hardLimit: "2 seconds" })
      const usual = yield* queue.enqueue(Endless, undefined)
      yield* Testing.drain()
      const ended = (job: typeof short) => Effect.map(job.status, ({ finishedAt }) => finishedAt)
      assert.strictEqual(yield* ended(short), 2000)
      assert.strictEqual(yield* ended(usual), 30 * 60_000)
    }).pipe(withHandlers(Endless.toLayer(() => Effect.never)))
  })

  it.effect("snooze ends the attempt without counting it", () => {
    ends.length = 0
    const Sleepy = Task.make("sleepy", { payload: Schema.Void, success: Schema.Int, retry: "none" })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Sleepy, undefined)
      yield* Testing.drain()
      assert.strictEqual(yield* job.await, 1)
      assert.deepStrictEqual(ends, ["run 0", "run 3600000", "run 7200000"])
      assert.strictEqual((yield* job.status).attempt, 1)
    }).pipe(
      withHandlers(
        Sleepy.toLayer((_, job) =>
          Effect.andThen(
            note("run"),
            Effect.suspend(() => (ends.length < 3 ? job.snooze("1 hour") : Effect.succeed(job.attempt)))
          )
        )
      )
    )
  })
})

describe("order and due times", () => {
  const order: Array<string> = []
  const Named = Task.make("named", { payload: Schema.String, group: "single" })
  const handler = Named.toLayer((name) =>
    Effect.gen(function* () {
      order.push(name)
      yield* Effect.sleep("1 second")
    })
  )

  it.effect("with one slot: priority, then due time, then sequence", () =>
    Effect.gen(function* () {
      order.length = 0
      const queue = yield* TaskQueue
      yield* queue.setLimit("single", 1)
      yield* queue.pause()
      for (const [name, priority] of [
        ["e", 9],
        ["c", 5],
        ["a", 1],
        ["d", 5],
        ["b", 1]
      ] as const) {
        yield* queue.enqueue(Named, name, { priority })
      }
      yield* queue.resume()
      yield* Testing.drain()
      assert.deepStrictEqual(order, ["a", "b", "c", "d", "e"])
    }).pipe(withHandlers(handler))
  )

  it.effect(
    "ageing lifts the lowest priority: at saturation it starts within nine steps of what came first",
    () =>
      Effect.gen(function* () {
        order.length = 0
        const queue = yield* TaskQueue
        yield* queue.setLimit("single", 1)
        yield* queue.enqueue(Named, "first", { priority: 1 })
        yield* queue.enqueue(Named, "lowest", { priority: 10 })
        // Two jobs a second of the highest priority, where one a second is done.
        for (let i = 0; i < 300; i++) {
          yield* queue.enqueueMany(Named, [`h${i}`, `h${i}`], { priority: 1 })
          yield* TestClock.adjust("1 second")
        }
        // It may be passed by jobs due in the first 9 × 30 s: 540 of them; it is the 541st or so of the line.
        yield* TestClock.adjust("245 seconds")
        const place = order.indexOf("lowest")
        const bound = (rank(0, 10, 30_000) - rank(0, 1, 30_000)) / 1000
        assert.strictEqual(bound, 270)
        assert.isAtLeast(place, 2 * bound - 2)
        assert.isAtMost(place, 2 * bound + 3)
      }).pipe(withHandlers(handler, { settings: {} })),
    20_000
  )

  it.effect("due times below a second are kept to the millisecond", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const jobs = yield* Effect.forEach([250, 35, 1, 999], (ms) => queue.enqueue(Named, "timed", { in: ms }))
      yield* Testing.drain()
      const starts = yield* Effect.forEach(jobs, (job) => Effect.map(job.status, ({ startedAt }) => startedAt))
      assert.deepStrictEqual(starts, [250, 35, 1, 999])
    }).pipe(withHandlers(handler))
  )

  it.effect("a job that waits beyond its expiry is cancelled, one that has started is not", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.setLimit("single", 1)
      const started = yield* queue.enqueue(Named, "started", { expiresIn: "500 millis" })
      const waiting = yield* queue.enqueue(Named, "waiting", { expiresIn: "500 millis" })
      const failure = yield* Effect.forkChild(Effect.flip(waiting.await))
      yield* Testing.drain()
      assert.strictEqual((yield* started.status).state, "completed")
      const error = yield* Fiber.join(failure)
      assert.strictEqual(error._tag === "JobFailed" && error.failure.cause, "Expired")
      assert.strictEqual((yield* waiting.status).state, "cancelled")
    }).pipe(withHandlers(handler))
  )

  it.effect("jobs that wait in a paused group expire within the sweep interval", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause("single")
      const job = yield* queue.enqueue(Named, "x", { expiresIn: "10 seconds" })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* job.status).failure?.cause, "Expired")
    }).pipe(withHandlers(handler))
  )
})

describe("groups over several workers", () => {
  it.effect("the limit of a group holds for the whole store", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      let running = 0
      let most = 0
      const Busy = Task.make("busy", { payload: Schema.Int, group: "shared" })
      const handler = Busy.toLayer((ms) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            most = Math.max(most, ++running)
          }),
          () => Effect.sleep(ms),
          () => Effect.sync(() => running--)
        )
      )
      const [a] = yield* Effect.all([
        startNode({ store, handlers: handler, worker: { slots: { shared: 4 } } }),
        startNode({ store, handlers: handler, worker: { slots: { shared: 4 } } })
      ])
      yield* a.queue.setLimit("shared", 5)
      yield* a.queue.enqueueMany(
        Busy,
        Array.from({ length: 100 }, (_, i) => 50 + (i % 7) * 30)
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(most, 5)
      yield* a.queue.setLimit("shared", 8)
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(most, 8)
      yield* a.queue.setLimit("shared", 2)
      yield* TestClock.adjust("500 millis")
      assert.isAtMost(running, 2)
      most = 0
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(most, 2)
      assert.strictEqual((yield* a.queue.count({ states: ["completed"] })).count, 100)
    }).pipe(Effect.scoped)
  )

  it.effect("slots of a worker change while it runs; 0 leaves the group to others", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const Busy = Task.make("busy", { payload: Schema.Int, group: "network" })
      const a = yield* startNode({
        store,
        handlers: Busy.toLayer((ms) => Effect.sleep(ms)),
        worker: { slots: { network: 0 } }
      })
      yield* a.queue.enqueueMany(
        Busy,
        Array.from({ length: 10 }, () => 60_000)
      )
      yield* TestClock.adjust("5 seconds")
      const running = Effect.map(a.queue.count({ states: ["running"] }), ({ count }) => count)
      assert.strictEqual(yield* running, 0)
      yield* a.worker.setSlots("network", 3)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* running, 3)
      yield* a.worker.setSlots("network", 1)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* running, 3)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* running, 1)
    }).pipe(Effect.scoped)
  )
})

describe("handlers", () => {
  const Late = Task.make("late", { payload: Schema.Int, success: Schema.Int })

  it.effect("a handler registered while the worker runs is used within the poll interval", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const registry = yield* Ref.make<TaskRegistry["Service"] | undefined>(undefined)
      const grab = Layer.effectDiscard(Effect.flatMap(TaskRegistry, (it) => Ref.set(registry, it)))
      const node = yield* startNode({ store, handlers: grab })
      const job = yield* node.queue.enqueue(Late, 1)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* job.status).state, "pending")
      const late = Late.toLayer((n) => Effect.succeed(n + 1)).pipe(
        Layer.provide(Layer.succeed(TaskRegistry, (yield* Ref.get(registry))!))
      )
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("1100 millis")
        assert.strictEqual(yield* job.await, 2)
      }).pipe(Effect.provide(late))
      // Its layer is closed: jobs wait again, and nobody spins.
      const after = yield* node.queue.enqueue(Late, 2)
      yield* TestClock.adjust("10 seconds")
      const { attempt, state } = yield* after.status
      assert.deepStrictEqual([state, attempt], ["pending", 0])
      assert.strictEqual((yield* node.queue.explain(after.id))._tag, "NoWorkerForTask")
    }).pipe(Effect.scoped)
  )

  it.effect("two handlers of one name are a defect of the program", () =>
    Effect.gen(function* () {
      const twice = Layer.mergeAll(
        Late.toLayer((n) => Effect.succeed(n)),
        Late.toLayer((n) => Effect.succeed(n))
      )
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(Testing.layer(twice))))
      assert.include(String(exit), "two handlers")
    })
  )

  it.effect("a job of an unknown task stays pending, and holds up nobody", () => {
    const Unknown = Task.make("unknown", { payload: Schema.Void, group: "single" })
    const Known = Task.make("known", { payload: Schema.Void, group: "single" })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.setLimit("single", 1)
      const unknown = yield* queue.enqueue(Unknown, undefined, { priority: 1 })
      const known = yield* queue.enqueue(Known, undefined, { priority: 10 })
      yield* Testing.drain()
      assert.strictEqual((yield* known.status).state, "completed")
      const { attempt, state } = yield* unknown.status
      assert.deepStrictEqual([state, attempt], ["pending", 0])
    }).pipe(withHandlers(Known.toLayer(() => Effect.void)))
  })
})

describe("retention", () => {
  it.effect("finished jobs go by age and count of their state, live ones never", () => {
    const Quick = Task.make("quick", { payload: Schema.Boolean, retry: "none" })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(
        Quick,
        Array.from({ length: 30 }, () => true)
      )
      yield* queue.enqueueMany(Quick, [false, false])
      const waiting = yield* queue.enqueue(Quick, true, { in: "10 days" })
      yield* TestClock.adjust("3 minutes")
      const count = (state: "completed" | "failed") => Effect.map(queue.count({ states: [state] }), (it) => it.count)
      assert.strictEqual(yield* count("completed"), 10)
      assert.strictEqual(yield* count("failed"), 2)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* count("completed"), 0)
      assert.strictEqual(yield* count("failed"), 2)
      assert.strictEqual((yield* waiting.status).state, "scheduled")
      const store = yield* JobStore
      assert.strictEqual((yield* store.status).live, 1)
    }).pipe(
      withHandlers(
        Quick.toLayer((well) => (well ? Effect.void : Effect.die(new Error("no")))),
        {
          settings: {
            retention: {
              completed: { ageMs: 3_600_000, count: 10 },
              failed: { ageMs: 86_400_000, count: 10 },
              cancelled: { ageMs: 1000, count: 10 }
            }
          }
        }
      )
    )
  })
})

describe("submit", () => {
  it.effect("runs closures within the slots of their group, by priority, then arrival", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const started: Array<string> = []
      const work = (name: string) =>
        Effect.andThen(
          Effect.sync(() => started.push(name)),
          Effect.as(Effect.sleep("1 second"), name)
        )
      const submit = (name: string, priority: number) =>
        Effect.forkChild(queue.submit(work(name), { resourceGroup: "memory-intensive", priority }))
      const fibers = yield* Effect.forEach(
        [
          ["a", 5],
          ["b", 5],
          ["e", 9],
          ["d", 5],
          ["c", 1]
        ] as const,
        ([name, priority]) => submit(name, priority)
      )
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(started, ["a", "b"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(started, ["a", "b", "c", "d", "e"])
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), ["a", "b", "e", "d", "c"])
    }).pipe(withHandlers(Layer.empty))
  )

  it.effect("errors and services are the caller's own; slots survive failures and interruptions at any moment", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      assert.strictEqual(yield* Effect.flip(queue.submit(Effect.fail("mine" as const))), "mine")
      const bad = yield* Effect.exit(queue.submit(Effect.void, { priority: 11 }))
      assert.include(String(bad), "priority is 11")
      for (let round = 0; round < 50; round++) {
        const fibers = yield* Effect.forEach(
          Array.from({ length: 8 }, (_, i) => i),
          (i) =>
            Effect.forkChild(
              queue.submit(i % 3 === 0 ? Effect.fail(i) : Effect.sleep(i * 3), { priority: 1 + (i % 10) })
            )
        )
        for (let i = 0; i < 8; i++) {
          yield* TestClock.adjust((round + i) % 4)
          yield* Effect.forkChild(Fiber.interrupt(fibers[(i * 5 + round) % 8]!))
        }
        yield* TestClock.adjust("1 second")
        for (const fiber of fibers) assert.isDefined(fiber.pollUnsafe())
      }
      // All three slots of computation are there: three at once, the fourth waits.
      const started: Array<number> = []
      yield* Effect.forEach([1, 2, 3, 4], (n) =>
        Effect.forkChild(
          queue.submit(
            Effect.andThen(
              Effect.sync(() => started.push(n)),
              Effect.sleep("1 second")
            )
          )
        )
      )
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(started, [1, 2, 3])
      const interrupted = yield* Effect.result(
        Effect.timeout(queue.submit(Effect.never).pipe(Effect.ignore), "0 millis")
      )
      assert.isTrue(Result.isFailure(interrupted))
    }).pipe(withHandlers(Layer.empty))
  )
})
