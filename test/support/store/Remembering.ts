/** What a store does that is told to remember calls: each is answered once, and as first given. */
import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Asked } from "../../../src/services/Store/Asked.ts"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import { methods } from "../../../src/services/Store/Methods.ts"
import type { StoreError } from "../../../src/services/Store/StoreError.ts"
import { failure, leaseMs, load, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const as =
  (number: number, origin = "one") =>
  <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(call, Asked, { origin, number })

/** All that anybody can see of the store. */
const seen = ({ store }: StoreDriver) =>
  Effect.gen(function* () {
    const { jobs } = yield* store.jobs.list({}, { limit: 1_000, order: "oldest" })
    return {
      jobs,
      logs: yield* Effect.forEach(jobs, ({ id }) => store.jobs.logs(id, { after: 0, limit: 100 })),
      counters: yield* store.jobs.counters,
      groups: yield* store.jobs.groups,
      paused: yield* store.jobs.paused,
      workers: yield* store.workers.all,
      rollUps: yield* store.rollUps.jobs({ width: 3_600_000, from: 0, to: 2 ** 52 }),
      resources: yield* store.rollUps.resources({ width: 3_600_000, from: 0, to: 2 ** 52 }),
      documents: yield* store.documents.all("kind"),
      journal: yield* store.documents.journal("kind", { limit: 100 })
    }
  })

interface World {
  readonly session: number
  readonly now: number
  readonly waiting: JobId
  readonly running: { readonly id: JobId; readonly attempt: number }
}

const world = (driver: StoreDriver): Effect.Effect<World, StoreError> =>
  Effect.gen(function* () {
    const session = yield* driver.join()
    yield* driver.add()
    const [running] = yield* driver.claim(session)
    const waiting = yield* driver.add()
    yield* driver.store.jobs.setGroup("empty", { limit: 3 })
    return { session, now: yield* Clock.currentTimeMillis, waiting, running: running! }
  })

const keepNone = { ageMs: 0, count: 0 }

/** A call of each method that changes something. */
const changes: Readonly<Record<string, (driver: StoreDriver, world: World) => Effect.Effect<unknown, StoreError>>> = {
  "jobs.turn": (driver, { running, session }) =>
    driver.enqueue([{ payload: "a" }, { key: "k" }, { key: "k" }], {
      session,
      claim: [{ group: "group", limit: 2 }],
      settle: [
        {
          ...running,
          outcome: "failed",
          result: undefined,
          failure: failure(),
          due: 0,
          rank: 0,
          runMs: 5,
          followUp: undefined
        }
      ],
      logs: [{ id: running.id, attempt: running.attempt, at: 1, level: "info", message: "once" }]
    }),
  "jobs.change": (driver, { waiting }) => driver.cancel(waiting),
  "jobs.declareGroups": ({ store }) => store.jobs.declareGroups([{ name: "declared", limit: 7 }]),
  "jobs.setGroup": ({ store }) => store.jobs.setGroup("group", { limit: 9, paused: true }),
  "jobs.setKey": ({ store }) => store.jobs.setKey("group", "customer", { policy: { concurrency: 2 } }),
  "jobs.takeUnits": ({ store }, { now }) =>
    Effect.andThen(
      store.jobs.setGroup("rated", { policy: { rate: { limit: 1, perMs: 1_000, burst: 1 } } }),
      store.jobs.takeUnits({ group: "rated", cost: 1, now })
    ),
  "jobs.repairKeys": ({ store }, { now }) => store.jobs.repairKeys(now),
  "jobs.removeGroup": ({ store }) => store.jobs.removeGroup("empty"),
  "jobs.setPaused": ({ store }) => store.jobs.setPaused(true),
  "jobs.prune": (driver, { now, waiting }) =>
    Effect.andThen(
      driver.cancel(waiting),
      driver.store.jobs.prune(
        { completed: keepNone, failed: keepNone, cancelled: keepNone },
        { now: now + 1, limit: 10 }
      )
    ),
  "workers.join": (driver) => driver.join(["task"], "third"),
  "workers.beat": (driver, { session }) => driver.beat(session, ["task", "more"], { ...load, cpu: 0.5 }),
  "workers.leave": (driver, { session }) => driver.leave(session),
  "workers.drain": ({ store }, { session }) => store.workers.drain(session),
  "workers.sweep": (driver) => Effect.andThen(TestClock.adjust(leaseMs), driver.sweep()),
  "workers.lead": ({ store }, { now, session }) => store.workers.lead("role", session, { now, ttlMs: 1_000 }),
  "rollUps.prune": ({ store }, { now }) => store.rollUps.prune({ now }),
  "documents.put": ({ store }, { now }) => store.documents.put("kind", "key", "text", { now, version: 0 }),
  "documents.append": ({ store }, { now }) =>
    store.documents.append("kind", [{ key: "key", text: "line" }], { now, keep: 10 })
}

export const clauses = (test: StoreTest): void => {
  for (const { changes: isChange, name } of methods.values()) {
    if (!isChange) continue
    test(`${name} asked again happens once and is answered as it was`, (driver) =>
      Effect.gen(function* () {
        const ask = changes[name]!(driver, yield* world(driver))
        const first = yield* ask.pipe(as(1))
        const after = yield* seen(driver)
        const again = yield* ask.pipe(as(1))
        assert.deepStrictEqual(again, first)
        assert.deepStrictEqual(yield* seen(driver), after)
      }))
  }

  test("a late copy of a call that was answered before changes nothing and is refused", (driver) =>
    Effect.gen(function* () {
      const first = driver.add().pipe(as(1))
      yield* first
      yield* driver.add().pipe(as(2))
      const before = yield* seen(driver)
      const error = yield* Effect.orDie(Effect.flip(first))
      assert.strictEqual(error.reason._tag, "StoreUnavailable")
      assert.deepStrictEqual(yield* seen(driver), before)
    }))

  test("a call that is asked again does not undo what others did since", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      const ask = Effect.all([jobs.setPaused(true), jobs.setGroup("group", { limit: 1 })]).pipe(as(1))
      yield* ask
      yield* Effect.all([jobs.setPaused(false), jobs.setGroup("group", { limit: 2 })]).pipe(as(1, "two"))
      yield* ask
      assert.isFalse(yield* jobs.paused)
      assert.strictEqual((yield* jobs.groups)[0]!.limit, 2)
    }))

  test("the calls of each origin, and of each method, are counted by themselves", (driver) =>
    Effect.gen(function* () {
      yield* driver.add().pipe(as(7))
      yield* driver.add().pipe(as(1, "two"))
      yield* driver.store.jobs.setPaused(true).pipe(as(1))
      assert.strictEqual((yield* driver.store.jobs.count({})).count, 2)
      assert.isTrue(yield* driver.store.jobs.paused)
    }))

  test("who asks again for a claim gets the jobs that its session still holds by it, and no others", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, {}, {}])
      const claim = driver.claim(session).pipe(as(1))
      const claimed = yield* claim
      assert.deepStrictEqual(
        claimed.map(({ id }) => id),
        ids
      )
      // One was settled, one was handed back and taken again.
      yield* driver.settle(session, claimed[0]!, "completed")
      yield* driver.settle(session, claimed[1]!, "retry", { failure: failure() })
      yield* driver.claim(session).pipe(as(1, "two"))
      assert.deepStrictEqual(yield* claim, claimed.slice(2))
    }))

  test("a batch is claimed again whole", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{}, {}, {}])
      const batches = [{ task: "task", size: 3, waitMs: 1_000, keyed: false }]
      const claim = driver.turn({ session, claim: [{ group: "group", limit: 1, batches }] }).pipe(as(1))
      const first = yield* claim
      assert.strictEqual(first.batches?.[0]?.length, 3)
      assert.deepStrictEqual(yield* claim, first)
    }))

  test("a call that says nothing of itself happens as often as it is made", (driver) =>
    Effect.gen(function* () {
      yield* driver.add()
      yield* driver.add()
      assert.strictEqual((yield* driver.store.jobs.count({})).count, 2)
    }))
}
