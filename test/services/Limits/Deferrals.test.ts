import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { EnqueueError, request, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { Deferrals } from "../../../src/services/Limits/Deferrals.ts"
import { outlookIn, outlookKind, outlookText } from "../../../src/services/Limits/OutlookDocument.ts"
import * as DeferralsLive from "../../../src/services/Limits/DeferralsLive.ts"
import { Documents } from "../../../src/services/Store/Documents.ts"
import type { Store } from "../../../src/services/Store/Store.ts"
import { toContext } from "../../../src/services/Store/Store.ts"
import type { NewJob } from "../../../src/services/Store/Turn.ts"
import { dayMs, hourMs, loadOf, minuteMs, monday, pass, recorded } from "../../support/scaler/Scenario.ts"

const now = Date.UTC(2026, 6, 1, 12)
const steps = 96
const stepMs = 900_000

/** From noon on: twelve hours of a full day, then six of a quiet night, then the day. */
const outlook = {
  from: now,
  stepMs,
  busy: Array.from({ length: steps }, (_, i) => (i >= 48 && i < 72 ? 2 : 20)),
  busyAtMost: Array.from({ length: steps }, (_, i) => (i >= 48 && i < 72 ? 4 : 30)),
  scheduled: Array.from({ length: steps }, () => 0),
  slots: Array.from({ length: steps }, () => 40),
  backlogMs: 0
}
const runs = { report: { meanMs: minuteMs, mostMs: 10 * minuteMs } }

const Report = Task.make("report", { payload: Schema.Int, group: "reports", retry: "none" })
const Patient = Task.make("report", {
  payload: Schema.Int,
  group: "reports",
  retry: "none",
  deferrable: { deadlineIn: "20 hours" }
})

const queued = <A, E>(body: Effect.Effect<A, E, TaskQueue | Documents | Deferrals>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(now)
    return yield* body.pipe(
      Effect.provide(Sluice.layerMemory() as unknown as Layer.Layer<TaskQueue | Documents | Deferrals>)
    )
  })

const known = (more: object = {}) =>
  Documents.use((documents) =>
    documents.put(outlookKind, "reports", outlookText({ askedAt: now, outlook: { ...outlook, ...more }, runs }), {
      now
    })
  )

const isAtNight = (due: number) => due >= now + 12 * hourMs && due < now + 18 * hourMs

describe("deferrable jobs", () => {
  it.effect("start at once, and ask for an outlook, while there is none", () =>
    queued(
      Effect.gen(function* () {
        const queue = yield* TaskQueue
        const documents = yield* Documents
        const { id } = yield* queue.enqueue(Report, 1, { deferrable: { deadlineIn: "20 hours" } })
        const job = yield* queue.get(id)
        assert.deepInclude(job, { state: "pending", due: now })
        assert.deepStrictEqual(job.extra, { deadline: now + 20 * hourMs })
        const [asked] = yield* documents.all(outlookKind)
        assert.deepStrictEqual(outlookIn(asked!.text), { askedAt: now, outlook: null, runs: {} })
        yield* queue.enqueue(Report, 1)
        assert.strictEqual((yield* documents.all(outlookKind))[0]!.version, asked!.version)
      })
    )
  )

  it.effect("are put where the load is lowest before their deadline, by their options or their task", () =>
    queued(
      Effect.gen(function* () {
        yield* known()
        const queue = yield* TaskQueue
        const one = yield* queue.enqueue(Report, 1, { deferrable: { deadline: now + 20 * hourMs } })
        const many = yield* queue.enqueueMany(Patient, [1, 2, 3])
        const all = yield* queue.enqueueAll([
          request(Patient, 1),
          request(Report, 2),
          request(Report, 3, { deferrable: { deadlineIn: "20 hours" } })
        ])
        for (const { id } of [one, ...many, all[0], all[2]]) {
          const job = yield* queue.get(id)
          assert.isTrue(isAtNight(job.due))
          assert.deepInclude(job, { state: "scheduled", waitReason: "time" })
          assert.deepStrictEqual(job.extra, { deadline: now + 20 * hourMs, deferredFrom: now })
        }
        assert.strictEqual((yield* queue.get(all[1].id)).due, now)
      })
    )
  )

  it.effect("start at once when their deadline, their expiry or what may come leaves no time", () =>
    queued(
      Effect.gen(function* () {
        yield* known()
        const queue = yield* TaskQueue
        for (const options of [
          { deferrable: { deadline: now - 1 } },
          { deferrable: { deadlineIn: "20 minutes" } },
          { deferrable: { deadlineIn: "20 hours" }, expiresIn: "20 minutes" },
          { deferrable: false },
          { deferrable: { deadlineIn: "20 hours" }, group: "network" }
        ] as const)
          assert.strictEqual((yield* queue.get((yield* queue.enqueue(Patient, 1, options)).id)).due, now)
        const { id } = yield* queue.enqueue(Patient, 1, { in: "1 hour" })
        assert.strictEqual((yield* queue.get(id)).due, now + hourMs)
      })
    )
  )

  it.effect("that come one by one do not meet", () =>
    queued(
      Effect.gen(function* () {
        yield* known()
        const queue = yield* TaskQueue
        const counts = Array.from({ length: steps }, () => 0)
        for (let i = 0; i < 2_000; i++) {
          const { due } = yield* queue.get((yield* queue.enqueue(Patient, i)).id)
          counts[Math.floor((due - now) / stepMs)]!++
        }
        const night = counts.slice(48, 72)
        assert.strictEqual(
          night.reduce((sum, count) => sum + count, 0),
          2_000
        )
        assert.isAtMost(Math.max(...night) - Math.min(...night), 12)
      })
    )
  )

  for (const [what, options, said] of [
    ["both deadlines", { deferrable: { deadline: now, deadlineIn: 1 } }, "deadline and deadlineIn both say when"],
    ["no deadline", { deferrable: {} }, "deferrable is {}; expected a deadline or deadlineIn within it"],
    ["a time beside it", { deferrable: { deadlineIn: 1 }, in: 1 }, "expected neither at nor in with it"],
    [
      "a deadline beside it",
      { deferrable: { deadlineIn: 1 }, deadlineIn: 1 },
      "expected neither deadline nor deadlineIn"
    ],
    ["what is none", { deferrable: "tonight" }, 'deferrable is "tonight"; expected an object'],
    ["true", { deferrable: true }, "deferrable is true; expected an object"],
    ["a misspelt field", { deferrable: { deadLine: now } }, '"deadLine" is no field of deferrable'],
    ["a time that is none", { deferrable: { deadline: "tomorrow" } }, 'deadline is "tomorrow"; expected milliseconds'],
    ["a duration that is none", { deferrable: { deadlineIn: -1 } }, "deadlineIn is -1; expected"]
  ] as const)
    it.effect(`refuse ${what} in one line`, () =>
      queued(
        Effect.gen(function* () {
          const queue = yield* TaskQueue
          const error = yield* Effect.flip(queue.enqueue(Report, 1, options as never))
          assert.instanceOf(error, EnqueueError)
          assert.include(error.message, said)
          assert.notInclude(error.message, "\n")
        })
      )
    )

  it("are refused in a definition with two deadlines", () => {
    const make = (options: object) => Task.make("report", { payload: Schema.Int, ...options } as never)
    assert.throws(() => make({ deferrable: { deadlineIn: "1 hour" }, deadlineIn: "1 hour" }), "expected one of them")
    assert.throws(() => make({ deferrable: {} }), "deferrable.deadlineIn is undefined; expected a duration")
    assert.throws(() => make({ deferrable: { deadline: now } }), '"deadline" is no field of deferrable')
  })
})

describe("the outlook of a group", () => {
  /** From 60 jobs a minute at midnight to 600 at noon, each hour a fifth more or less. */
  const arrivals = (at: number) => {
    const unlike = Math.abs(Math.sin(Math.floor(at / hourMs) * 12.9898) * 43758.5453) % 1
    return Math.round((330 - 270 * Math.cos((2 * Math.PI * (at % dayMs)) / dayMs)) * (0.8 + 0.4 * unlike))
  }
  /** Noon after ten days: the load takes 20 slots, more or less. */
  const noon = monday + 10.5 * dayMs
  const deadline = noon + 20 * hourMs

  const jobsDue = (dues: ReadonlyArray<number>): ReadonlyArray<NewJob> =>
    dues.map((due) => ({
      task: "send",
      group: "mail",
      priority: 5,
      due,
      rank: due,
      maxAttempts: 1,
      version: 0,
      payload: null,
      partitionKey: undefined,
      expiresAt: undefined,
      unique: undefined,
      after: undefined,
      extra: { deadline, deferredFrom: noon }
    }))

  const stored = (store: Store, jobs: ReadonlyArray<NewJob>) =>
    store.jobs.turn({
      now: noon,
      session: 0,
      settle: [],
      enqueue: jobs,
      batches: undefined,
      claim: [],
      progress: [],
      logs: []
    })

  const outlookOf = (store: Store) =>
    Effect.map(store.documents.get(outlookKind, "mail"), (document) => outlookIn(document?.text ?? ""))

  const counts = (store: Store) =>
    Effect.map(store.jobs.list({ groups: ["mail"] }, { limit: 1000, order: "oldest" }), ({ jobs }) => ({
      scheduled: jobs.filter(({ state }) => state === "scheduled").length,
      pending: jobs.filter(({ state }) => state === "pending").length
    }))

  it.effect("is made each minute once it was asked for, and jobs follow it when the load turns out otherwise", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const load = loadOf(arrivals, { running: 40 })
        const { node, store } = yield* recorded(load, monday, noon)
        const context = yield* Layer.build(
          DeferralsLive.layer.pipe(Layer.provide(Layer.succeedContext(toContext(store))))
        )
        const deferrals = yield* Deferrals.pipe(Effect.provide(context))
        const place = (count: number) =>
          Effect.gen(function* () {
            const now = yield* Clock.currentTimeMillis
            yield* deferrals.reread(["mail"], now) ?? Effect.void
            return deferrals.place({ group: "mail", task: "send", count, now, deadline })
          })
        const { scaler } = yield* node("one")
        // Steps of an hour: few of them tell a day.
        yield* scaler.set("mail", { stepMs: hourMs })
        assert.isUndefined(yield* place(1))
        yield* pass(2 * minuteMs)
        const dues = yield* place(50)
        for (const due of dues!) assert.isBelow(Math.abs(due - (noon + dayMs / 2)), 4 * hourMs)

        const before = (yield* outlookOf(store))!
        assert.deepStrictEqual(before.runs, { send: { meanMs: 2000, mostMs: 2000 } })
        assert.closeTo(before.outlook!.busy[0]!, 20, 4)
        yield* stored(store, jobsDue(dues!))
        yield* pass(2 * minuteMs)
        const counted = (yield* outlookOf(store))!.outlook!
        assert.closeTo(counted.scheduled.reduce((sum, slots) => sum + slots, 0) * counted.stepMs, 50 * 2000, 1000)
        assert.deepStrictEqual(yield* counts(store), { scheduled: 50, pending: 0 })

        // Less is there than was expected: slots are idle.
        load.running = 17
        yield* pass(minuteMs)
        const pulled = yield* counts(store)
        assert.isAbove(pulled.pending, 0)
        load.running = 0
        yield* pass(minuteMs)
        assert.deepStrictEqual(yield* counts(store), { scheduled: 0, pending: 50 })

        // So much waits that nothing put off would be done in time.
        load.running = 100
        yield* stored(store, jobsDue(dues!))
        yield* pass(minuteMs)
        assert.strictEqual((yield* counts(store)).scheduled, 50)
        load.pending = 10_000_000
        yield* pass(2 * minuteMs)
        assert.strictEqual((yield* counts(store)).scheduled, 0)
        assert.isUndefined(yield* place(1))

        // Nobody has deferrable jobs any more.
        const last = (yield* outlookOf(store))!
        const now = yield* Clock.currentTimeMillis
        yield* store.documents.put(outlookKind, "mail", outlookText({ ...last, askedAt: now - 33 * dayMs }), { now })
        yield* pass(2 * minuteMs)
        assert.isUndefined(yield* outlookOf(store))
      })
    )
  )
})
