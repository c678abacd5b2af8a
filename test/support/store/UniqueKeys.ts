import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import type { EnqueueNote, UniqueConflict } from "../../../src/services/Store/Turn.ts"
import { failure, type JobSpec, start, stepMs, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const conflicts: ReadonlyArray<UniqueConflict> = ["reject", "existing", "replace", "debounce", "keepLast"]

/** Enqueues a second job of key `k` and answers what the store says of it. */
const again = (driver: StoreDriver, onConflict: UniqueConflict, spec: JobSpec = {}) =>
  Effect.map(driver.enqueue([{ key: "k", onConflict, payload: "new", ...spec }]), ({ ids, notes }) => ({
    id: ids[0]!,
    note: notes?.get(0)
  }))

const payloadOf = (driver: StoreDriver, id: JobId) =>
  Effect.map(driver.job(id), ({ payload }) => driver.decode(payload))

/** The key's live jobs that do not wait for the key itself. */
const holders = (driver: StoreDriver) =>
  Effect.map(
    driver.store.jobs.list({ states: ["scheduled", "pending", "running"] }, { limit: 1000, order: "oldest" }),
    ({ jobs }) => jobs.filter(({ uniqueKey, waitReason }) => uniqueKey === "k" && waitReason !== "key").length
  )

export const clauses = (test: StoreTest): void => {
  test("creates the first job of a key, whatever the conflict policy", (driver) =>
    Effect.gen(function* () {
      for (const onConflict of conflicts) {
        const { notes } = yield* driver.enqueue([{ key: `key of ${onConflict}`, onConflict }])
        assert.strictEqual(notes, undefined)
      }
      assert.strictEqual((yield* driver.store.jobs.count({})).count, 5)
    }))

  test("reject refuses with the id of the live job, waiting or running", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const first = yield* driver.add({ key: "k" })
      const expected: { readonly id: number; readonly note: EnqueueNote } = {
        id: 0,
        note: { _tag: "Duplicate", existing: first }
      }
      assert.deepStrictEqual(yield* again(driver, "reject"), expected as never)
      yield* driver.claim(session)
      assert.deepStrictEqual(yield* again(driver, "reject"), expected as never)
    }))

  test("existing answers the live job and changes nothing", (driver) =>
    Effect.gen(function* () {
      const first = yield* driver.add({ key: "k", payload: "old" })
      assert.deepStrictEqual(yield* again(driver, "existing"), { id: first, note: { _tag: "Existing", id: first } })
      assert.strictEqual(yield* payloadOf(driver, first), "old")
    }))

  test("replace gives a waiting job the new payload, priority and due time", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const first = yield* driver.add({ key: "k", payload: "old" })
      const other = yield* driver.add()
      assert.deepStrictEqual(yield* again(driver, "replace", { priority: 9, delay: 100 }), {
        id: first,
        note: { _tag: "Replaced", id: first }
      })
      const record = yield* driver.job(first)
      assert.deepStrictEqual([record.state, record.priority, record.due], ["scheduled", 9, start + 100])
      assert.strictEqual(yield* payloadOf(driver, first), "new")
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [other]
      )
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [first]
      )
    }))

  test("whoever takes over the payload takes its version along, and a job that runs or runs again keeps it", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      for (const onConflict of ["replace", "debounce", "keepLast"] as const) {
        const key = `key of ${onConflict}`
        const id = yield* driver.add({ key, version: 1 })
        for (const version of [2, 0, 5]) {
          yield* driver.enqueue([{ key, onConflict, version }])
          assert.strictEqual((yield* driver.job(id)).version, version)
        }
        const [claimed] = yield* driver.claim(session)
        assert.deepStrictEqual([claimed!.id, claimed!.version], [id, 5])
        yield* driver.enqueue([{ key, onConflict: "existing", version: 6 }])
        yield* driver.settle(session, claimed!, "failed")
        assert.strictEqual((yield* driver.job(id)).version, 5)
        yield* driver.change({ ids: [id] }, { _tag: "Retry" })
        assert.strictEqual((yield* driver.job(id)).version, 5)
        assert.strictEqual((yield* driver.claim(session))[0]!.version, 5)
      }
    }))

  test("replace brings a scheduled job forward", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const first = yield* driver.add({ key: "k", delay: 60_000 })
      yield* again(driver, "replace")
      const [job] = yield* driver.claim(session)
      assert.deepStrictEqual([job!.id, driver.decode(job!.payload)], [first, "new"])
    }))

  test("replace answers a running job as it is", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const first = yield* driver.add({ key: "k", payload: "old" })
      yield* driver.claim(session)
      assert.deepStrictEqual(yield* again(driver, "replace"), { id: first, note: { _tag: "Existing", id: first } })
      assert.strictEqual(yield* payloadOf(driver, first), "old")
    }))

  test("debounce pushes the start of a waiting job away with every call", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{ key: "k", onConflict: "debounce", delay: 1000 }])
      for (let i = 0; i < 3; i++) {
        yield* TestClock.adjust(900)
        assert.strictEqual((yield* again(driver, "debounce", { delay: 1000, payload: i })).note?._tag, "Replaced")
      }
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* TestClock.adjust(1)
      const [job] = yield* driver.claim(session)
      assert.deepStrictEqual([job!.id, driver.decode(job!.payload)], [ids[0]!, 2])
    }))

  test("debounce starts a job at the latest its longest delay after the first call, however often it is pushed", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const call = { delay: 1000, maxDelayMs: 2500 }
      const { ids } = yield* driver.enqueue([{ key: "k", onConflict: "debounce", ...call }])
      for (let i = 0; i < 4; i++) {
        yield* TestClock.adjust(600)
        yield* again(driver, "debounce", { ...call, payload: i })
        assert.deepStrictEqual(yield* driver.claim(session), [])
      }
      const { due, rank } = yield* driver.job(ids[0]!)
      assert.deepStrictEqual([due, rank - due], [start + 2500, 5 * stepMs], "its rank moves with its time")
      yield* TestClock.adjust(100)
      const [job] = yield* driver.claim(session)
      assert.deepStrictEqual([job!.id, driver.decode(job!.payload)], [ids[0]!, 3])
    }))

  test("debounce leaves a job whose time has passed in its place, so that a backlog does not hold it back", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const call = { delay: 10, maxDelayMs: 100 }
      const first = yield* driver.add({ key: "k", onConflict: "debounce", ...call })
      const others: Array<JobId> = []
      for (let i = 0; i < 20; i++) {
        yield* TestClock.adjust(9)
        others.push(yield* driver.add())
        yield* again(driver, "debounce", call)
      }
      const order = (yield* driver.claim(session)).map(({ id }) => id)
      assert.deepStrictEqual(order, [...others.slice(0, 11), first, ...others.slice(11)])
    }))

  test("debounce counts anew from the last start: a job that is to be retried is not hurried by each call", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const call = { delay: 1000, maxDelayMs: 3000 }
      const first = yield* driver.add({ key: "k", onConflict: "debounce", ...call })
      yield* TestClock.adjust(2000)
      yield* driver.run(session, "retry", { failure: failure(), delay: 60_000 })
      yield* TestClock.adjust(1500)
      yield* again(driver, "debounce", call)
      assert.strictEqual((yield* driver.job(first)).due, start + 4500)
      yield* TestClock.adjust(900)
      yield* again(driver, "debounce", call)
      assert.strictEqual((yield* driver.job(first)).due, start + 5000)
    }))

  test("debounce counts for a held job from the first call that it stands for, and it follows at once when late", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const call = { delay: 1000, maxDelayMs: 1500 }
      yield* driver.add({ key: "k" })
      const [running] = yield* driver.claim(session)
      const { id } = yield* again(driver, "debounce", call)
      yield* TestClock.adjust(900)
      yield* again(driver, "debounce", call)
      assert.deepStrictEqual(yield* Effect.map(driver.job(id), ({ due, waitReason }) => [due, waitReason]), [
        start + 1500,
        "key"
      ])
      yield* TestClock.adjust(900)
      yield* again(driver, "debounce", call)
      yield* driver.settle(session, running!, "completed")
      assert.deepStrictEqual(yield* driver.states([id]), ["pending"])
    }))

  test("keepLast gives a waiting job the new payload and lets it keep its place", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const first = yield* driver.add({ key: "k" })
      const other = yield* driver.add()
      assert.strictEqual((yield* again(driver, "keepLast", { priority: 10, delay: 5000 })).note?._tag, "Replaced")
      const jobs = yield* driver.claim(session)
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        [first, other]
      )
      assert.strictEqual(driver.decode(jobs[0]!.payload), "new")
    }))

  for (const onConflict of ["debounce", "keepLast"] as const) {
    test(`${onConflict} holds the newest call while one runs, and lets it follow`, (driver) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        yield* driver.add({ key: "k" })
        const [first] = yield* driver.claim(session)
        const one = yield* again(driver, onConflict, { payload: 1 })
        assert.strictEqual(one.note, undefined, "the held job is a new one")
        const two = yield* again(driver, onConflict, { payload: 2 })
        assert.deepStrictEqual(two, { id: one.id, note: { _tag: "Replaced", id: one.id } })
        const held = yield* driver.job(one.id)
        assert.deepStrictEqual([held.state, held.waitReason, driver.decode(held.payload)], ["scheduled", "key", 2])
        assert.deepStrictEqual(yield* driver.claim(session), [])
        assert.strictEqual((yield* driver.turn({})).nextDue, undefined, "time alone does not release it")

        yield* driver.settle(session, first!, "completed")
        const [follower] = yield* driver.claim(session)
        assert.deepStrictEqual([follower!.id, driver.decode(follower!.payload)], [one.id, 2])
        assert.strictEqual((yield* again(driver, "reject")).note?._tag, "Duplicate", "it has the key now")
      }))
  }

  test("a held job follows however the one before it ends, but not while that one is to be retried", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add({ key: "k" })
      for (const outcome of ["failed", "cancelled", "completed"] as const) {
        const [running] = yield* driver.claim(session)
        const { id } = yield* again(driver, "keepLast")
        yield* driver.settle(session, running!, "retry", { failure: failure() })
        const [retried] = yield* driver.claim(session)
        assert.strictEqual(retried!.id, running!.id)
        assert.deepStrictEqual(yield* driver.states([id]), ["scheduled"])
        yield* driver.settle(session, retried!, outcome, { failure: failure() })
        assert.deepStrictEqual(yield* driver.states([id]), ["pending"])
        assert.strictEqual(yield* holders(driver), 1)
      }
    }))

  test("a held job may be cancelled or removed, and the next call is held anew", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add({ key: "k" })
      const [running] = yield* driver.claim(session)
      const one = yield* again(driver, "keepLast")
      yield* driver.cancel(one.id)
      const two = yield* again(driver, "keepLast")
      assert.strictEqual(two.note, undefined)
      yield* driver.remove(two.id)
      const three = yield* again(driver, "keepLast")
      yield* driver.settle(session, running!, "completed")
      assert.deepStrictEqual(yield* driver.states([one.id, three.id]), ["cancelled", "pending"])
    }))

  test("a held job of a removed or cancelled holder follows", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const first = yield* driver.add({ key: "k" })
      yield* driver.claim(session)
      const { id } = yield* again(driver, "keepLast")
      yield* driver.leave(session)
      assert.deepStrictEqual(yield* driver.states([first, id]), ["pending", "scheduled"])
      yield* driver.cancel(first)
      assert.deepStrictEqual(yield* driver.states([first, id]), ["cancelled", "pending"])
    }))

  test("frees the key when its job has finished or was removed", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      for (const outcome of ["completed", "failed", "cancelled"] as const) {
        yield* driver.add({ key: "k" })
        yield* driver.run(session, outcome, { failure: failure() })
      }
      yield* driver.cancel(yield* driver.add({ key: "k" }))
      yield* driver.remove(yield* driver.add({ key: "k" }))
      yield* driver.add({ key: "k" })
    }))

  test("keeps the key taken through retries and snoozes", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add({ key: "k" })
      yield* driver.run(session, "retry", { failure: failure(), delay: 1000 })
      assert.strictEqual((yield* again(driver, "reject")).note?._tag, "Duplicate")
      yield* TestClock.adjust(1000)
      yield* driver.run(session, "release", { delay: 1000 })
      assert.strictEqual((yield* again(driver, "reject")).note?._tag, "Duplicate")
    }))

  test("keeps the key taken within the window from the first enqueue, though its job has finished", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const first = yield* driver.add({ key: "k", windowMs: 10_000 })
      yield* driver.run(session)
      yield* TestClock.adjust(9_999)
      assert.deepStrictEqual(yield* again(driver, "reject", { windowMs: 10_000 }), {
        id: 0 as JobId,
        note: { _tag: "Duplicate", existing: first }
      })
      for (const onConflict of ["existing", "replace", "debounce", "keepLast"] as const) {
        assert.deepStrictEqual(yield* again(driver, onConflict), { id: first, note: { _tag: "Existing", id: first } })
      }
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* again(driver, "reject")).note, undefined)
    }))

  test("keeps the key taken beyond the window while its job is live", (driver) =>
    Effect.gen(function* () {
      yield* driver.add({ key: "k", windowMs: 1000, delay: 60_000 })
      yield* TestClock.adjust(2000)
      assert.strictEqual((yield* again(driver, "reject")).note?._tag, "Duplicate")
    }))

  test("sees the jobs of its own turn", (driver) =>
    Effect.gen(function* () {
      const { ids, notes } = yield* driver.enqueue([{ key: "k" }, { key: "k" }, { key: "k", onConflict: "existing" }])
      assert.deepStrictEqual(ids, [ids[0]!, 0 as JobId, ids[0]!])
      assert.deepStrictEqual([notes!.get(1)!._tag, notes!.get(2)!._tag], ["Duplicate", "Existing"])
    }))
}
