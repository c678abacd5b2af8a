import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Duration, Effect, Exit, Layer, Logger, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  type EnqueueError,
  type EnqueueOptions,
  type JobFilter,
  type JobId,
  type JobStore,
  QueueSettings,
  request,
  ResourceGroup,
  Sluice,
  step,
  Task,
  TaskQueue,
  type TaskRegistry,
  type TimeInput,
  type WorkerOptions
} from "../../../src/services/Queue/index.ts"
import { layerQueue, layerWorking, storeNames } from "../../support/doors/BothStores.ts"
import * as Testing from "../../../src/testing/index.ts"

const Work = Task.make("work", { payload: Schema.Int, success: Schema.Int, group: "network" })
const Loose = Task.make("loose", { payload: Schema.Any, success: Schema.Any, group: "network", retry: "none" })
const Figure = Task.make("figure", { payload: Schema.Struct({ n: Schema.Finite }), group: "network" })
const unknownId = (2 ** 52) as JobId

/** Runs on each store, jobs staying where they are. */
const onStores = (name: string, body: (queue: TaskQueue["Service"]) => Effect.Effect<void, unknown, JobStore>) => {
  for (const store of storeNames)
    it.effect(`${name} (${store})`, () => TaskQueue.use(body).pipe(Effect.provide(layerQueue(store))))
}

const onWorkers = <E>(
  name: string,
  handlers: Layer.Layer<never, E, TaskRegistry>,
  body: (queue: TaskQueue["Service"]) => Effect.Effect<void, unknown, TaskQueue>
) => {
  for (const store of storeNames)
    it.effect(`${name} (${store})`, () => TaskQueue.use(body).pipe(Effect.provide(layerWorking(store, handlers))))
}

const anyOptions = (options: object) => options as EnqueueOptions

describe("what an enqueue takes", () => {
  const refused: ReadonlyArray<readonly [options: object, message: RegExp]> = [
    [
      { retries: Number.MAX_SAFE_INTEGER },
      /^retries is 9007199254740991; expected a whole number from 0 to 1,000,000$/
    ],
    [{ retries: 1.5 }, /^retries is 1.5/],
    [{ at: 8.64e15 + 1 }, /^at is 8640000000000001; expected milliseconds since 1970, at most 8640000000000000/],
    [{ at: 2 ** 53 }, /^at is 9007199254740992/],
    [{ at: "2030-01-01" }, /^at is "2030-01-01"/],
    [{ at: new Date(Number.NaN) }, /^at is NaN/],
    [{ deadline: new Date(Number.NaN) }, /^deadline is NaN/],
    [{ in: Number.POSITIVE_INFINITY }, /^in is Infinity; expected 0 ms to 36,500 d/],
    [{ in: "1 fortnight" }, /^in is "1 fortnight"; expected a duration/],
    [{ in: { second: 5 } }, /^in is \{"second":5\}; expected a duration/],
    [{ in: 5, at: 5 }, /^at and in both say when/],
    [{ deadline: 1e300 }, /^deadline is 1e\+300/],
    [{ expiresIn: Number.NaN }, /^expiresIn is NaN/],
    [{ softLimit: -1 }, /^softLimit is -1/],
    [{ priority: "5" }, /^priority is "5"; expected 1 \(first\) to 10/],
    [{ group: null }, /^group is null; expected letters/],
    [{ tags: "abc" }, /^tags is "abc"; expected a list/],
    [{ tags: Array.from({ length: 101 }, String) }, /^tags is .*; expected a list of at most 100/],
    [{ tags: ["ok", "\ud800"] }, /^tags\[1\] is "\\ud800"; expected 1 to 200 characters of well-formed Unicode/],
    [{ owner: "a\0b" }, /^owner is "a\\u0000b"/],
    [{ key: 42 }, /^key is 42; expected 1 to 1,000 characters/],
    [{ key: "\udc00" }, /^key is "\\udc00"/],
    [{ headers: { a: 1 } }, /^headers\["a"\] is 1; expected text/],
    [{ headers: { a: "x".repeat(20_000) } }, /^headers are 20,001 characters long/],
    [{ slots: 0 }, /^slots is 0/],
    [{ cost: 0 }, /^cost is 0; expected a number above 0/],
    [{ onConflict: "overwrite" }, /^onConflict is "overwrite"; expected reject, existing/],
    [{ onParentFailure: "explode" }, /^onParentFailure is "explode"; expected cancel, fail, run/],
    [{ delay: "5 seconds" }, /^"delay" is no field of options; known are in, at, group/],
    [{ maxDelay: "1 hour" }, /^maxDelay limits what debounce puts off, and onConflict is "existing"; leave it out$/],
    [
      { onConflict: "debounce", in: "5 seconds", maxDelay: 4000 },
      /^maxDelay is 4 s; expected at least the delay of this call, 5 s$/
    ],
    [{ retention: "1 hour" }, /^retention is "1 hour"; expected "none", or completed, failed and cancelled$/],
    [{ retention: null }, /^retention is null/],
    [{ retention: { dead: "none" } }, /^"dead" is no field of retention; known are completed, failed, cancelled$/],
    [{ retention: { failed: "1 hour" } }, /^retention.failed is "1 hour"; expected "none", or age and count$/],
    [{ retention: { failed: { days: 1 } } }, /^"days" is no field of retention.failed; known are age, count$/],
    [{ retention: { failed: { age: -1 } } }, /^retention.failed.age is -1/],
    [{ retention: { completed: { count: 0 } } }, /^retention.completed.count is 0; expected a whole number of at/],
    [{ spread: "1 minute" }, /^"spread" is no field of options/],
    [{ after: ["1m8mta5hh00"] }, /^after\[0\] is "1m8mta5hh00"; expected a job's id, a number; Job.parseJobId/],
    [{ after: [Number.NaN] }, /^after\[0\] is NaN/],
    [{ after: [1.5] }, /^after\[0\] is 1.5/],
    [{ after: "1m8mta5hh00" }, /^after is "1m8mta5hh00"; expected a list/]
  ]
  onStores("is within its bounds, or refused by its name", (queue) =>
    Effect.gen(function* () {
      for (const [options, message] of refused) {
        const error = yield* Effect.flip(queue.enqueue(Work, 1, anyOptions(options)))
        assert.strictEqual(error._tag === "EnqueueError" && error.reason._tag, "InvalidOption", String(message))
        assert.match(error.message, message)
      }
      assert.strictEqual((yield* queue.count({})).count, 0)
    })
  )

  onStores("may be a Date or a DateTime where it is a time", (queue) =>
    Effect.gen(function* () {
      const at = Date.UTC(2030, 0, 1, 12)
      const zoned = DateTime.makeZonedUnsafe(at + 2000, { timeZone: "Asia/Tokyo" })
      const { id } = yield* queue.enqueue(Work, 1, { at: new Date(at), deadline: DateTime.makeUnsafe(at + 1000) })
      const { due, extra } = yield* queue.get(id)
      assert.deepStrictEqual([due, extra?.deadline], [at, at + 1000])
      yield* queue.edit(id, { due: zoned, deadline: new Date(at + 3000) })
      const edited = yield* queue.get(id)
      assert.deepStrictEqual([edited.due, edited.extra?.deadline], [at + 2000, at + 3000])
      const count = (from: TimeInput) => Effect.map(queue.count({ from }), ({ count }) => count)
      assert.deepStrictEqual([yield* count(new Date(0)), yield* count(DateTime.makeUnsafe(at))], [1, 0])
      assert.strictEqual((yield* Effect.flip(queue.count({ to: new Date(Number.NaN) })))._tag, "InvalidOption")
    })
  )

  onStores("at its bounds is stored, listed and cancelled", (queue) =>
    Effect.gen(function* () {
      const most = { at: 8.64e15, retries: 1_000_000, deadline: 8.64e15, expiresIn: Duration.infinity, priority: 10 }
      const { id } = yield* queue.enqueue(Work, 1, most)
      const { due, extra, maxAttempts } = yield* queue.get(id)
      assert.deepStrictEqual([due, maxAttempts, extra?.deadline], [8.64e15, 1_000_001, 8.64e15])
      assert.strictEqual((yield* queue.list({})).jobs.length, 1)
      yield* queue.cancel(id)
      assert.strictEqual((yield* queue.get(id)).state, "cancelled")
    })
  )

  onStores("is the same on every store: a limit without end, a time with fractions", (queue) =>
    Effect.gen(function* () {
      const { id } = yield* queue.enqueue(Work, 1, { hardLimit: Duration.infinity, softLimit: 1.5, at: 99.5 })
      const { extra } = yield* queue.get(id)
      assert.deepStrictEqual(extra, { softLimit: 2, hardLimit: 36_500 * 86_400_000 })
      const later = yield* queue.enqueue(Work, 1, { in: 10_000.25 })
      assert.strictEqual((yield* queue.get(later.id)).due, 10_001)
    })
  )

  onStores("keeps keys of different scopes apart, wherever their colons stand", (queue) =>
    Effect.gen(function* () {
      const make = (name: string, unique: Task.UniqueOption = {}, group = "network") =>
        Task.make(name, { payload: Schema.Int, group, unique })
      const pairs: ReadonlyArray<readonly [Task.Task<number>, string, Task.Task<number>, string]> = [
        [make("mail"), "welcome:42", make("mail:welcome"), "42"],
        [make("a", { scope: "group" }, "g"), "h:1", make("b", { scope: "group" }, "g:h"), "1"],
        [make("task", { scope: "store" }), "task:x:1", make("x"), "1"],
        [make("a:b"), "1", make("a%3Ab".replace("%3A", "-")), "1"]
      ]
      for (const [first, key, second, other] of pairs) {
        const one = yield* queue.enqueue(first, 1, { key })
        const two = yield* queue.enqueue(second, 2, { key: other })
        assert.deepStrictEqual([one.outcome, two.outcome], ["created", "created"], `${first.name} ${key}`)
        assert.notStrictEqual((yield* queue.get(one.id)).uniqueKey, (yield* queue.get(two.id)).uniqueKey)
        assert.strictEqual((yield* queue.enqueue(first, 1, { key })).id, one.id)
      }
    })
  )
})

describe("ids", () => {
  const bad = [
    "1m8mta5hh00",
    Number.NaN,
    0,
    -1,
    1.5,
    2 ** 53,
    null,
    undefined,
    {},
    Symbol("x")
  ] as unknown as ReadonlyArray<never>
  onWorkers(
    "that are none are refused where they are given, and everything goes on",
    Work.toLayer((n) => Effect.succeed(n)),
    (queue) =>
      Effect.gen(function* () {
        for (const id of [...bad, unknownId as never]) {
          const what = String(id)
          const asked = [
            queue.get(id),
            queue.job(Work, id).await,
            queue.job(Work, id).status,
            queue.explain(id),
            queue.place(id),
            queue.waitFor(id),
            queue.cancel(id),
            queue.retry(id),
            queue.remove(id),
            queue.edit(id, { priority: 1 }),
            queue.edit(id, { payload: 1 }),
            queue.snooze(id, "1 second"),
            queue.reportProgress(id, 1, 5)
          ] as ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>>
          for (const [i, ask] of asked.entries()) {
            const error = yield* Effect.flip(ask)
            assert.strictEqual(error._tag, "JobNotFound", `${what}, ${i}`)
            if (what !== String(unknownId)) assert.match(error.message, /No job has the id .*parseJobId/)
          }
        }
        for (const id of bad) {
          assert.strictEqual((yield* Effect.flip(queue.logs(id)))._tag, "InvalidOption")
          assert.strictEqual((yield* Effect.flip(queue.list({ ids: [id] })))._tag, "InvalidOption")
          assert.isFalse(yield* queue.drainWorker(id))
        }
        const handle = yield* queue.enqueue(Work, 7)
        yield* Testing.drain()
        assert.strictEqual(yield* handle.await, 7)
      })
  )
})

describe("filters", () => {
  const refused: ReadonlyArray<readonly [filter: object, message: RegExp]> = [
    [{ task: "work" }, /^"task" is no field of filter; known are ids, tasks, groups/],
    [{ tasks: "work" }, /^filter.tasks is "work"; expected a list/],
    [{ states: ["done"] }, /^filter.states\[0\] is "done"; expected scheduled, pending/],
    [{ from: Number.NaN }, /^filter.from is NaN/],
    [{ to: "now" }, /^filter.to is "now"/],
    [{ tag: 5 }, /^filter.tag is 5/]
  ]
  onStores("with what is no filter change nothing and say so", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueueMany(Work, [1, 2, 3])
      for (const [given, message] of [...refused, [null, /^filter is null; expected an object/] as const]) {
        const filter = given as JobFilter
        for (const ask of [
          queue.removeWhere(filter),
          queue.cancelWhere(filter),
          queue.moveWhere(filter, "network"),
          queue.retryWhere(filter),
          queue.list(filter),
          queue.count(filter)
        ] as ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>>) {
          const error = yield* Effect.flip(ask)
          assert.strictEqual(error._tag, "InvalidOption")
          assert.match(error.message, message)
        }
      }
      assert.strictEqual((yield* queue.count({ states: ["pending"] })).count, 3)
      assert.match(
        (yield* Effect.flip(queue.moveWhere({}, "no group"))).message,
        /^group is "no group"; expected letters/
      )
      assert.strictEqual((yield* Effect.flip(queue.list({}, { limit: Number.NaN })))._tag, "InvalidOption")
      assert.strictEqual((yield* Effect.flip(queue.list({}, { cursor: "x" as never })))._tag, "InvalidOption")
    })
  )
})

describe("values", () => {
  const echo = Loose.toLayer((payload) => Effect.succeed(payload))
  onWorkers("of a loose schema are what JSON carries, or refused with their place", echo, (queue) =>
    Effect.gen(function* () {
      const refused: ReadonlyArray<readonly [value: unknown, place: RegExp]> = [
        [new Map([[1, 2]]), /an object of class Map at its root, which JSON does not carry/],
        [{ at: new Date(5) }, /an object of class Date at \["at"\]/],
        [{ a: [1, Number.NaN] }, /NaN at \["a"\]\[1\]/],
        [[undefined], /undefined at \[0\]/],
        [10n, /bigint at its root/],
        [{ f: () => 1 }, /function at \["f"\]/]
      ]
      for (const [value, place] of refused) {
        const error = yield* Effect.flip(queue.enqueue(Loose, value))
        assert.strictEqual(error._tag === "EnqueueError" && error.reason._tag, "InvalidPayload")
        assert.match(error.message, place)
      }
      const circle: { self?: unknown } = {}
      circle.self = circle
      assert.strictEqual((yield* Effect.flip(queue.enqueue(Loose, circle)))._tag, "EnqueueError")
      const given = JSON.parse('{"__proto__": {"x": 1}, "s": "\\ud800\\u0000", "n": [0, null, true]}') as object
      const handle = yield* queue.enqueue(Loose, { ...given, zero: -0, nothing: undefined })
      yield* Testing.drain()
      const { payload, result } = yield* queue.get(handle.id)
      const expected = { ...given, zero: 0 }
      for (const stored of [payload, result])
        assert.deepStrictEqual(typeof stored === "string" ? JSON.parse(stored) : stored, expected)
    })
  )

  const seen: Array<unknown> = []
  onWorkers(
    "are what the schema names, −0 being 0",
    Figure.toLayer((payload) => Effect.sync(() => void seen.push(payload))),
    (queue) =>
      Effect.gen(function* () {
        seen.length = 0
        const given = { n: -0, more: "beside the schema" }
        yield* queue.enqueue(Figure, given)

        yield* Testing.drain()
        assert.deepStrictEqual(seen, [{ n: 0 }])
        assert.isTrue(Object.is((seen[0] as { n: number }).n, 0))
      })
  )

  const misfit = Task.make("misfit", {
    payload: Schema.Literals(["result", "error"]),
    success: Schema.Any,
    error: Schema.Struct({ n: Schema.Int }),
    group: "network",
    retry: "none"
  })
  const other = Task.make("misfit", {
    payload: Schema.Literal("result"),
    success: Schema.Struct({ b: Schema.String }),
    group: "network"
  })
  onWorkers(
    "that do not fit their schema end as JobFailed that says what did not fit",
    misfit.toLayer((what) =>
      what === "result" ? Effect.succeed({ a: 1 }) : (Effect.fail({ n: 1.5 }) as Effect.Effect<never, { n: number }>)
    ),
    (queue) =>
      Effect.gen(function* () {
        const [result, error] = yield* queue.enqueueAll([request(misfit, "result"), request(misfit, "error")])
        yield* Testing.drain()
        const failed = yield* Effect.flip(error!.await)
        assert.match(
          (failed as { readonly message: string }).message,
          /^Defect: The error does not fit the task's schema: .*Expected an integer.*; it is \{"n":1.5\}$/s
        )
        const misread = yield* Effect.flip(queue.job(other, result!.id).await)
        assert.strictEqual(misread._tag, "JobFailed")
        assert.match(misread.message, /^BadResult: The result does not fit the schema it is awaited with: .*"b"/s)
      })
  )
})

describe("what is larger than maxPayloadBytes", () => {
  const most = 100
  const Wide = Task.make("wide", { payload: Schema.Any, success: Schema.Any, group: "network", retry: "none" })
  /** Makes what its payload names. */
  const handler = Wide.toLayer((payload) => Effect.succeed(made[(payload as { readonly nth: number }).nth]?.[0] ?? 0))

  /** Values, and their bytes as JSON. */
  const made: ReadonlyArray<readonly [value: unknown, bytes: number]> = [
    ["x".repeat(98), 100],
    ["x".repeat(99), 101],
    ["é".repeat(49), 100],
    ["日".repeat(33), 101],
    ["\n".repeat(49), 100],
    ["\n".repeat(50), 102],
    ["\u0001".repeat(17), 104],
    ["\ud800".repeat(17), 104],
    [Array.from({ length: 33 }, () => 12), 100],
    [Array.from({ length: 34 }, () => 12), 103],
    [{ ["k".repeat(94)]: 1 }, 100],
    [{ ["k".repeat(95)]: 1 }, 101],
    [{ a: { b: { c: "x".repeat(80) } } }, 100],
    [{ a: { b: { c: "x".repeat(81) } } }, 101]
  ]

  for (const store of storeNames)
    it.effect(`is refused as a payload, as a change of one and as a result, by its bytes (${store})`, () =>
      Effect.gen(function* () {
        const queue = yield* TaskQueue
        for (const [nth, [value, bytes]] of made.entries()) {
          assert.strictEqual(Buffer.byteLength(JSON.stringify(value)), bytes)
          const waiting = yield* queue.enqueue(Wide, 0, { in: "1 second" })
          const exits = yield* Effect.all([
            Effect.result(queue.enqueue(Wide, value, { in: "1 second" })),
            Effect.result(queue.edit(waiting.id, { payload: value }))
          ])
          for (const result of exits) {
            if (bytes <= most) assert.strictEqual(result._tag, "Success")
            else {
              const error = result._tag === "Failure" ? result.failure : undefined
              assert.strictEqual((error as EnqueueError).reason._tag, "PayloadTooLarge")
              assert.match(error!.message, /^The payload has \d+ bytes; at most 100 are taken/)
            }
          }
          const handle = yield* queue.enqueue(Wide, { nth })
          yield* Testing.drain()
          const { failure, state } = yield* queue.get(handle.id)
          assert.strictEqual(state, bytes <= most ? "completed" : "failed")
          if (bytes > most) assert.strictEqual(failure!.message, `The result has ${bytes} bytes; at most 100 are kept`)
        }
      }).pipe(Effect.provide(layerWorking(store, handler, { maxPayloadBytes: most })))
    )
})

describe("a step", () => {
  const Twice = Task.make("twice", {
    payload: Schema.Literals(["twice", "retried", "loop"]),
    success: Schema.Finite,
    retry: "none"
  })
  let tries = 0
  const handlers = Twice.toLayer((how, job) =>
    Effect.gen(function* () {
      if (how === "retried") {
        const flaky = Effect.suspend(() => (++tries < 3 ? Effect.fail("not yet" as never) : Effect.succeed(tries)))
        return yield* Effect.retry(step(job, "flaky", Schema.Finite, flaky), { times: 5 })
      }
      let sum = 0
      for (const n of [1, 2])
        sum += yield* step(job, how === "loop" ? `send ${n}` : "send", Schema.Finite, Effect.succeed(n))
      return sum
    })
  )
  onWorkers("of a name that is taken in its attempt is a defect that names it", handlers, (queue) =>
    Effect.gen(function* () {
      tries = 0
      const [twice, retried, loop] = yield* queue.enqueueAll([
        request(Twice, "twice"),
        request(Twice, "retried"),
        request(Twice, "loop")
      ])
      yield* Testing.drain()
      const error = yield* Effect.flip(twice!.await)
      assert.match(error.message, /^Defect: This attempt has two steps of the name "send"; give each its own/)
      assert.deepStrictEqual([yield* retried!.await, yield* loop!.await], [3, 3])
    })
  )
})

describe("snoozing", () => {
  onStores("never brings a job forward", (queue) =>
    Effect.gen(function* () {
      const later = yield* queue.enqueue(Work, 1, { in: "10 days" })
      yield* queue.snooze(later.id, "1 hour")
      assert.strictEqual((yield* queue.get(later.id)).due, 10 * 86_400_000)
      yield* queue.snooze(later.id, "20 days")
      assert.strictEqual((yield* queue.get(later.id)).due, 20 * 86_400_000)
      const ready = yield* queue.enqueue(Work, 1)
      yield* queue.snooze(ready.id, "1 hour")
      const { due, state, waitReason } = yield* queue.get(ready.id)
      assert.deepStrictEqual([due, state, waitReason], [3_600_000, "scheduled", "time"])
      const error = yield* Effect.flip(queue.snooze(ready.id, Duration.infinity))
      assert.strictEqual(error._tag, "InvalidOption")
      assert.match(error.message, /^delay is Infinity; expected 0 ms to 36,500 d/)
    })
  )

  const Sleepy = Task.make("sleepy", { payload: Schema.Finite, retry: "none", group: "network" })
  onWorkers(
    "from a handler is bounded: beyond, it is a defect that names it",
    Sleepy.toLayer((ms, job) => job.snooze(ms < 0 ? Number.POSITIVE_INFINITY : ms)),
    (queue) =>
      Effect.gen(function* () {
        const bad = yield* queue.enqueue(Sleepy, -1)
        yield* TestClock.adjust("1 second")
        const { failure } = yield* queue.get(bad.id)
        assert.match(failure!.message, /^snooze is Infinity; expected 0 ms to 36,500 d/)
        const good = yield* queue.enqueue(Sleepy, 60_000)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* queue.get(good.id)).state, "scheduled")
      })
  )
})

describe("edits and limits", () => {
  onStores("within their bounds, or refused by their name", (queue) =>
    Effect.gen(function* () {
      const { id } = yield* queue.enqueue(Work, 1, { in: "1 second" })
      const before = yield* queue.get(id)
      for (const [edit, message] of [
        [{ due: 2 ** 60 }, /^due is 1152921504606847000/],
        [{ deadline: Number.NaN }, /^deadline is NaN/],
        [{ priority: 0 }, /^priority is 0/],
        [{ prio: 1 }, /^"prio" is no field of edit/],
        [{ group: "no group" }, /^group is "no group"; expected letters/],
        [{ tags: "abc" }, /^tags is "abc"; expected a list/],
        [{ tags: ["ok", "\ud800"] }, /^tags\[1\] is "\\ud800"/],
        [{ payload: new Map() }, /^The payload is not JSON: an object of class Map/]
      ] as const) {
        const error = yield* Effect.flip(queue.edit(id, edit as never))
        assert.strictEqual(error._tag, "EnqueueError")
        assert.match(error.message, message)
      }
      assert.deepStrictEqual(yield* queue.get(id), before)
      for (const limit of [0, -1, 1.5, Number.NaN, 2 ** 53])
        assert.match((yield* Effect.flip(queue.setLimit("network", limit))).message, /^limit is /)
      for (const group of ["", "no group", 5 as never])
        assert.match((yield* Effect.flip(queue.pause(group))).message, /^group is /)
      assert.match(
        (yield* Effect.flip(queue.setOrder("network", { order: "fastest" as never }))).message,
        /^order.order is "fastest"; expected fifo, priority/
      )
      yield* queue.cancel(id, "because \ud800")
      assert.strictEqual((yield* queue.get(id)).failure?.message, "because \ufffd")
    })
  )
})

describe("definitions", () => {
  const refused: ReadonlyArray<readonly [options: object, message: RegExp]> = [
    [{ retry: { times: 2 ** 53 - 1 } }, /retry.times is 9007199254740991; expected a whole number from 0 to 1,000,000/],
    [{ retry: { firstMs: Number.NaN } }, /retry.firstMs is NaN/],
    [{ retry: { jitter: 5 } }, /retry.jitter is 5; expected a number from 0 to 1/],
    [{ retry: { delay: 5 } }, /"delay" is no field of retry; known are times, firstMs/],
    [{ retry: "quik" }, /retry is "quik"; expected standard, quick, none/],
    [{ hardLimit: "5" }, /hardLimit is "5"; expected a duration/],
    [{ expiresIn: -1 }, /expiresIn is -1/],
    [{ unique: { window: -1 } }, /unique.window is -1/],
    [{ unique: { scope: "world" } }, /unique.scope is "world"; expected task, group, store/],
    [{ batch: { maxBatchSize: 1e9 } }, /batch.maxBatchSize is 1000000000; expected a whole number from 1 to 1,000/],
    [{ batch: { size: 5 } }, /"size" is no field of batch/],
    [{ batch: { tune: null } }, /batch.tune is null; expected an object/],
    [{ batch: { tune: { target: 5 } } }, /"target" is no field of batch.tune; known are latencyTarget/],
    [{ batch: { groupBy: "team" } }, /batch.groupBy is "team"; expected a function/],
    [{ batch: { process: 5 } }, /batch.process is 5; expected a function/],
    [{ retry: { delayMs: 5 } }, /retry.delayMs is 5; expected a function/],
    [{ retryable: true }, /retryable is true; expected a function/],
    [{ idempotencyKey: "id" }, /idempotencyKey is "id"; expected a function/],
    [{ timeout: 5 }, /"timeout" is no field of options; known are payload, version/],
    [{ payload: { a: "text" } }, /payload.a is "text"; expected a schema/],
    [{ payload: 5 }, /payload is 5; expected a schema, or the fields of a struct/],
    [{ payload: [Schema.String] }, /payload is .*; expected a schema, or the fields of a struct/],
    [
      { retry: Schedule.forever.pipe(Schedule.modifyDelay(() => Effect.fail("no"))) },
      /retry is .*; expected a schedule that answers at once/
    ],
    [
      { retry: Schedule.forever.pipe(Schedule.modifyDelay(() => Effect.never)) },
      /retry is .*; expected a schedule that answers at once/
    ],
    [{ group: { name: "x", limit: 0 } }, /group limit is 0/],
    [{ priority: Number.NaN }, /priority is NaN/],
    [{ version: -1 }, /version is -1; expected a whole number/],
    [{ version: "2" }, /version is "2"/]
  ]
  it("of tasks are refused with the name of the option", () => {
    for (const [options, message] of refused)
      assert.throws(() => Task.make("t", { payload: Schema.Int, ...options } as never), message)
    assert.throws(
      () => Task.make("no name", { payload: Schema.Int }),
      /^Task "no name": its name is "no name"; expected/
    )
    const never = Task.make("t", { payload: Schema.Int, hardLimit: Duration.infinity })
    assert.strictEqual(never.hardLimitMs, 36_500 * 86_400_000)
  })

  it("of groups too", () => {
    assert.throws(() => ResourceGroup.make("a b", 1), /A group's name is "a b"/)
    assert.throws(() => ResourceGroup.make("a", Number.NaN), /Group "a": its limit is NaN/)
    assert.throws(() => ResourceGroup.make("a", 1, { ordr: "fifo" } as never), /"ordr" is no field of Group "a"/)
  })

  const settings: ReadonlyArray<readonly [settings: object, message: RegExp]> = [
    [{ pollInterval: Duration.zero }, /pollInterval is 0.*; expected 10 ms to/],
    [{ lease: Duration.millis(10) }, /lease is 10ms; expected 1 s to/],
    [{ sweepInterval: Duration.seconds(20) }, /sweepInterval is 20 s; expected at most half of the lease of 30 s/],
    [{ retry: { ...QueueSettings.defaults.retry, firstMs: Number.NaN } }, /retry.firstMs is NaN/],
    [{ retry: { ...QueueSettings.defaults.retry, jitter: 5 } }, /retry.jitter is 5/],
    [{ maxPayloadBytes: Number.POSITIVE_INFINITY }, /maxPayloadBytes is Infinity/],
    [{ polInterval: Duration.seconds(1) }, /"polInterval" is no field of settings/]
  ]
  for (const [changed, message] of settings) {
    it.effect(`of settings are refused as the queue is built: ${String(message)}`, () =>
      Effect.gen(function* () {
        const given = { ...QueueSettings.defaults, ...changed } as QueueSettings.QueueSettings
        const exit = yield* Effect.exit(
          Effect.provide(
            Effect.void,
            Sluice.layerMemory().pipe(Layer.provide(Layer.succeed(QueueSettings.Settings, given)))
          )
        )
        assert.isTrue(Exit.isFailure(exit))
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(defect, QueueSettings.InvalidSetting)
        assert.match((defect as Error).message, message)
      })
    )
  }

  it("of a lease shorter than the default sweep shorten the sweep", () => {
    QueueSettings.check({ ...QueueSettings.defaults, lease: Duration.seconds(3) })
  })

  it("of workers are refused where they are written", () => {
    const refused: ReadonlyArray<readonly [options: object, message: RegExp]> = [
      [
        { slots: { network: Number.NaN } },
        /slots of group "network" is NaN; expected a whole number from 0 to 100,000/
      ],
      [{ slots: { network: -1 } }, /is -1/],
      [{ slots: { network: 1e9 } }, /is 1000000000/],
      [{ slots: { "no group": 1 } }, /a group's name in slots is "no group"/],
      [{ slots: { network: "5" } }, /slots of group "network" is "5"; expected an object/],
      [{ slot: { network: 1 } }, /"slot" is no field of worker options; known are name, slots, totalSlots, threads/],
      [{ totalSlots: 0 }, /totalSlots is 0; expected a whole number from 1 to 100,000/],
      [{ totalSlots: 2.5 }, /totalSlots is 2.5/],
      [{ totalSlots: Number.POSITIVE_INFINITY }, /totalSlots is Infinity/],
      [{ threads: 0 }, /threads is 0/],
      [{ name: "" }, /a worker's name is ""/]
    ]
    for (const [options, message] of refused) assert.throws(() => Sluice.layerWorker(options as WorkerOptions), message)
  })

  it.effect("of a worker's slots for a group nobody knows yet are told in one warning", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const worker = Sluice.layerWorker({ slots: { netwrok: 2, network: 1, work: 1, "*": 0 } }).pipe(
        Layer.provideMerge(Task.make("own", { payload: Schema.Int, group: "work" }).toLayer(() => Effect.void)),
        Layer.provideMerge(Sluice.layerMemory()),
        Layer.provide(Logger.layer([logger]))
      )
      yield* Effect.provide(Effect.void, worker)
      const warnings = lines.filter((line) => line.startsWith("Slots are given"))
      assert.strictEqual(warnings.length, 1)
      assert.match(
        warnings[0]!,
        /group "netwrok", which no task here and no job of the store names; known are filesystem,/
      )
    })
  )
})
