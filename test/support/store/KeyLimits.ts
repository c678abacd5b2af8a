import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { GroupPolicy, KeyPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import { type JobSpec, leaseMs, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const limited = (policy: KeyPolicy, group: GroupPolicy = {}): GroupPolicy => ({
  ...group,
  keys: [{ keys: "*", policy }]
})

const declare = (driver: StoreDriver, policy: GroupPolicy, limit = 100) =>
  driver.store.jobs.declareGroups([{ name: "group", limit, policy }])

const of = (partitionKey: string, spec: JobSpec = {}): JobSpec => ({ partitionKey, ...spec })

const keyOf = (driver: StoreDriver, key: string) =>
  Effect.map(driver.store.jobs.limitKeys({ group: "group", keys: [key] }, 1), ([record]) => record)

/** Where jobs stand: their state, and why they wait. */
const standing = (driver: StoreDriver, ids: Parameters<StoreDriver["states"]>[0]) =>
  Effect.map(driver.store.jobs.get(ids), (jobs) => jobs.map(({ state, waitReason }) => waitReason ?? state))

export const clauses = (test: StoreTest): void => {
  test("has as many jobs of a key ready or running as its limit allows; the others wait for it and hold nobody up", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 2 }))
      const one = yield* driver.join()
      const two = yield* driver.join()
      const { ids } = yield* driver.enqueue([of("a"), of("a"), of("a"), of("a"), of("b"), {}])
      assert.deepStrictEqual(yield* standing(driver, ids), [
        "pending",
        "pending",
        "limit",
        "limit",
        "pending",
        "pending"
      ])
      const [first] = yield* driver.claim(one, 1)
      assert.deepStrictEqual(
        (yield* driver.claim(two)).map(({ id }) => id),
        [ids[1], ids[4], ids[5]]
      )
      assert.deepStrictEqual(yield* driver.claim(two), [])
      const record = (yield* keyOf(driver, "a"))!
      assert.deepStrictEqual([record.held, record.running, record.waiting], [2, 2, 2])
      yield* driver.settle(one, first!, "completed")
      assert.deepStrictEqual(yield* standing(driver, ids.slice(2, 4)), ["pending", "limit"])
    }))

  test("a job without a rule for its key is not limited, and neither is one without a key", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { keys: [{ keys: "customer-*", policy: { concurrency: 1 } }] })
      const session = yield* driver.join()
      yield* driver.enqueue([of("other"), of("other"), {}, {}, of("customer-1"), of("customer-1")])
      assert.strictEqual((yield* driver.claim(session)).length, 5)
      assert.deepStrictEqual(
        (yield* driver.store.jobs.limitKeys({}, 10)).map(({ key }) => key),
        ["customer-1"]
      )
    }))

  test("the first rule that fits holds, with its tier below it", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, {
        tiers: { free: { concurrency: 1, backlog: 7 } },
        keys: [
          { keys: "vip", policy: { concurrency: 3 } },
          { keys: "v*", tier: "free", policy: { backlog: 9 } }
        ]
      })
      yield* driver.enqueue([of("vip"), of("vera")])
      assert.deepStrictEqual((yield* keyOf(driver, "vip"))!.policy, { concurrency: 3 })
      assert.deepStrictEqual((yield* keyOf(driver, "vera"))!.policy, { concurrency: 1, backlog: 9 })
    }))

  test("waiting jobs of a key are ready in order of rank, then id, whatever frees its slots", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1 }))
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([
        of("a"),
        of("a", { priority: 9 }),
        of("a", { priority: 2 }),
        of("a", { priority: 5 }),
        of("a", { priority: 5 })
      ])
      const order = [2, 3, 4, 1]
      const frees: ReadonlyArray<(driver: StoreDriver) => Effect.Effect<unknown, unknown>> = [
        () => Effect.flatMap(driver.claim(session), ([job]) => driver.settle(session, job!, "completed")),
        () => driver.cancel(ids[order[0]!]!),
        () => driver.remove(ids[order[1]!]!),
        () => driver.change({ ids: [ids[order[2]!]!] }, { _tag: "Cancel", reason: "no" })
      ]
      for (let i = 0; i < order.length; i++) {
        yield* Effect.orDie(frees[i]!(driver))
        assert.deepStrictEqual(yield* standing(driver, [ids[order[i]!]!]), ["pending"], `${i}`)
      }
    }))

  test("a lost worker's job gives its slots back and arrives again", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1 }))
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([of("a", { priority: 9 }), of("a", { priority: 1 })])
      yield* driver.claim(session)
      yield* TestClock.adjust(leaseMs + 1)
      assert.deepStrictEqual((yield* driver.sweep()).recovered, [ids[0]])
      assert.deepStrictEqual(yield* standing(driver, ids), ["limit", "pending"])
    }))

  test("a job that waits for its time, its parents or its next attempt holds nothing of its key", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1 }))
      const session = yield* driver.join()
      const parent = yield* driver.add({})
      const { ids } = yield* driver.enqueue([of("a", { delay: 1_000 }), of("a", { after: [parent] }), of("a")])
      assert.deepStrictEqual(yield* standing(driver, ids), ["time", "parents", "pending"])
      const [, job] = yield* driver.claim(session)
      yield* driver.settle(session, job!, "retry", { delay: 10_000 })
      assert.strictEqual((yield* driver.claim(session)).length, 0)
      assert.strictEqual(yield* keyOf(driver, "a"), undefined)
      yield* TestClock.adjust(1_000)
      yield* driver.turn({})
      assert.deepStrictEqual(yield* standing(driver, ids), ["pending", "parents", "retry"])
    }))

  test("counts the slots that a job takes, of its key and of its group; one that does not fit waits, and none passes it", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { keys: [{ keys: "a", policy: { concurrency: 3 } }] }, 4)
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([
        of("a", { extra: { slots: 2 } }),
        of("a", { extra: { slots: 2 } }),
        of("a"),
        { extra: { slots: 3 } },
        {}
      ])
      assert.deepStrictEqual(yield* standing(driver, ids.slice(0, 3)), ["pending", "limit", "limit"])
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [ids[0]],
        "three slots do not fit beside two of four"
      )
      const [group] = yield* driver.store.jobs.groups
      assert.strictEqual(group!.busy, 2)
    }))

  test("refuses a job that takes more slots than its group or key has; a limit lowered later lets it run alone", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { keys: [{ keys: "a", policy: { concurrency: 3 } }] }, 5)
      const session = yield* driver.join()
      const { notes } = yield* driver.enqueue([of("a", { extra: { slots: 4 } }), { extra: { slots: 6 } }])
      assert.deepStrictEqual(notes?.get(0), { _tag: "TooLarge", slots: 4, limit: 3, of: "key" })
      assert.deepStrictEqual(notes?.get(1), { _tag: "TooLarge", slots: 6, limit: 5, of: "group" })
      const id = yield* driver.add(of("a", { extra: { slots: 3 } }))
      yield* driver.store.jobs.setGroup("group", { limit: 2, policy: limited({ concurrency: 1 }) })
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map((job) => job.id),
        [id]
      )
    }))

  test("a line in order of enqueue keeps it through priorities, retries, hand-backs and lost workers", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ order: "fifo" }))
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([
        of("a", { priority: 9, delay: 1_000 }),
        of("a", { priority: 1 }),
        of("a", { priority: 5 })
      ])
      assert.deepStrictEqual(
        yield* standing(driver, ids),
        ["time", "limit", "limit"],
        "it holds the line before its time"
      )
      yield* TestClock.adjust(1_000)
      const first = yield* driver.claim(session)
      assert.deepStrictEqual(
        first.map(({ id }) => id),
        [ids[0]]
      )
      yield* driver.settle(session, first[0]!, "retry", { delay: 2_000 })
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* TestClock.adjust(2_000)
      const [again] = yield* driver.claim(session)
      yield* driver.settle(session, again!, "release", { delay: 500 })
      assert.deepStrictEqual(yield* standing(driver, ids), ["time", "limit", "limit"])
      yield* TestClock.adjust(500)
      assert.strictEqual((yield* driver.claim(session))[0]!.id, ids[0])
      yield* TestClock.adjust(leaseMs + 1)
      yield* driver.sweep()
      const other = yield* driver.join()
      for (const id of ids) {
        const jobs = yield* driver.claim(other)
        assert.deepStrictEqual(
          jobs.map((job) => job.id),
          [id]
        )
        yield* driver.settle(other, jobs[0]!, "completed")
      }
    }))

  test("a line in order of enqueue that does not hold lets others pass one that waits for its time", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ order: "fifo", holds: false }))
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([of("a", { delay: 1_000 }), of("a"), of("a")])
      assert.deepStrictEqual(yield* standing(driver, ids), ["time", "pending", "limit"])
      const [job] = yield* driver.claim(session)
      yield* driver.settle(session, job!, "retry", { delay: 5_000 })
      assert.deepStrictEqual(yield* standing(driver, ids), ["time", "retry", "pending"])
    }))

  test("a new job that would have to wait is cancelled at once where the policy cancels the newest", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1, conflict: "cancelNewest" }))
      const session = yield* driver.join()
      const { ended, ids, notes } = yield* driver.enqueue([of("a"), of("a"), of("b"), of("a", { delay: 500 })])
      assert.strictEqual(notes, undefined)
      assert.deepStrictEqual(ended, [ids[1]])
      const job = yield* driver.job(ids[1]!)
      assert.deepStrictEqual([job.state, job.failure?.cause, job.attempt], ["cancelled", "Cancelled", 0])
      assert.match(job.failure!.message, /"a".*limit of 1.*newest/)
      yield* driver.claim(session)
      yield* TestClock.adjust(500)
      yield* driver.turn({})
      assert.deepStrictEqual(yield* standing(driver, [ids[3]!]), ["limit"], "only an enqueue meets a conflict")
    }))

  test("a new job is next where the policy cancels those before it: what waits ends, what runs is told", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1, conflict: "cancelRunning" }))
      const session = yield* driver.join()
      const first = yield* driver.add(of("a"))
      const [running] = yield* driver.claim(session)
      const second = yield* driver.add(of("a"))
      const third = yield* driver.add(of("a"))
      const { signals } = yield* driver.turn({ session })
      assert.deepStrictEqual(
        signals.map(({ id, kind }) => [id, kind]),
        [[first, "cancel"]]
      )
      assert.deepStrictEqual(yield* standing(driver, [first, second, third]), ["running", "cancelled", "limit"])
      yield* driver.settle(session, running!, "cancelled")
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [third]
      )
    }))

  test("cancels what came before the newest in the same turn too, and says so", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1, conflict: "cancelRunning" }))
      const { ended, ids } = yield* driver.enqueue([of("a"), of("a"), of("b"), of("a")])
      assert.deepStrictEqual(yield* standing(driver, [...ids]), ["cancelled", "cancelled", "pending", "pending"])
      assert.deepStrictEqual([...(ended ?? [])].sort(), [ids[0], ids[1]])
    }))

  test("refuses what would wait beyond the backlog of its key or group, batches whole or not at all", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { backlog: 5, keys: [{ keys: "a", policy: { backlog: 2, concurrency: 1 } }] })
      const session = yield* driver.join()
      const { ids, notes } = yield* driver.enqueue([of("a"), of("a", { delay: 1_000 }), of("a"), of("b")])
      assert.deepStrictEqual(
        ids.map((id) => id > 0),
        [true, true, false, true]
      )
      const note = notes?.get(2)
      assert.isTrue(note?._tag === "Overloaded" && note.of === "key" && note.limit === 2 && note.retryAfterMs > 0)
      const batch = yield* driver.enqueue([of("b"), of("b"), of("b")], { batches: [3] })
      assert.deepStrictEqual(
        [0, 1, 2].map((i) => batch.notes?.get(i)?._tag),
        ["BatchRefused", "BatchRefused", "Overloaded"]
      )
      assert.isTrue((yield* driver.enqueue([of("b"), of("b")], { batches: [2] })).notes === undefined)
      const full = (yield* driver.enqueue([{}])).notes?.get(0)
      assert.isTrue(full?._tag === "Overloaded" && full.of === "group" && full.limit === 5)
      assert.strictEqual((yield* driver.claim(session, 1)).length, 1, "what runs is no backlog")
      yield* driver.add(of("a"))
    }))

  test("judges a batch by what stands when it comes: a job that its key or a parent would end counts like the others", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, {
        keys: [{ keys: "a", policy: { backlog: 2, concurrency: 1, conflict: "cancelNewest" } }]
      })
      yield* driver.enqueue([of("a")])
      const twice = yield* driver.enqueue([of("a", { key: "k" }), of("a", { key: "k" })], { batches: [2] })
      assert.deepStrictEqual(
        [0, 1].map((i) => twice.notes?.get(i)?._tag),
        ["BatchRefused", "Duplicate"]
      )
      const long = yield* driver.enqueue([of("a"), of("a")], { batches: [2] })
      assert.deepStrictEqual(
        [0, 1].map((i) => long.notes?.get(i)?._tag),
        ["BatchRefused", "Overloaded"]
      )
      const { ended, ids, notes } = yield* driver.enqueue([of("a"), of("b")], { batches: [2] })
      assert.isUndefined(notes)
      assert.deepStrictEqual(yield* standing(driver, [...ids]), ["cancelled", "pending"])
      assert.deepStrictEqual(ended, [ids[0]])
    }))

  test("counts each time that a job has to wait for its key", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1 }))
      const session = yield* driver.join()
      yield* driver.enqueue([of("a"), of("a"), of("a"), {}])
      const [job] = yield* driver.claim(session)
      yield* driver.settle(session, job!, "release")
      const [row] = yield* driver.store.rollUps.jobs({ width: 3_600_000, from: 0, to: 2 ** 52 })
      assert.strictEqual(row!.limited, 2, "what was handed back is first again")
    }))

  test("what is ready of a key is told to who may start it", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1 }))
      const mine = yield* driver.join(["mine"])
      yield* driver.enqueue([of("a", { task: "mine" }), of("a", { task: "mine" })])
      const [job] = yield* driver.claim(mine)
      const { ready } = yield* driver.turn({
        session: mine,
        settle: [
          {
            id: job!.id,
            attempt: job!.attempt,
            outcome: "completed",
            result: undefined,
            failure: undefined,
            due: 0,
            rank: 0,
            runMs: 1
          }
        ]
      })
      assert.deepStrictEqual(ready, ["group"])
    }))

  test("nested jobs start though their key is full: they run within the one that waits for them", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 1 }))
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([of("a"), of("a")])
      assert.strictEqual((yield* driver.claim(session)).length, 1)
      const { jobs } = yield* driver.turn({ session, claim: [{ group: "group", limit: 1, beyond: "nested" }] })
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        [ids[1]]
      )
      assert.strictEqual((yield* keyOf(driver, "a"))!.held, 2)
    }))

  test("each job of a batch holds the slots of its key", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, limited({ concurrency: 2 }))
      const session = yield* driver.join()
      yield* driver.enqueue([of("a"), of("a"), of("a")])
      const { batches } = yield* driver.turn({
        session,
        claim: [{ group: "group", limit: 5, batches: [{ task: "task", size: 2, waitMs: 0, keyed: false }] }]
      })
      assert.deepStrictEqual(
        batches?.map((batch) => batch.length),
        [2]
      )
      assert.deepStrictEqual([(yield* keyOf(driver, "a"))!.running, (yield* driver.store.jobs.groups)[0]!.busy], [2, 1])
    }))
}
