import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Wake } from "../../../src/services/Store/JobStore.ts"
import { unlimited } from "../../../src/services/Queue/ResourceGroup.ts"
import type { StoreTest } from "./StoreDriver.ts"

const unruled = {
  policy: {},
  declaredPolicy: {},
  operatorPolicy: undefined,
  heldBackUntil: 0,
  tat: 0,
  feedback: undefined
}

export const clauses = (test: StoreTest): void => {
  test("a group's limit holds over all sessions, and settling makes room", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 3 }])
      const one = yield* driver.join()
      const two = yield* driver.join()
      yield* driver.enqueue(Array.from({ length: 10 }, () => ({})))
      const mine = yield* driver.claim(one, 2)
      const theirs = yield* driver.claim(two, 2)
      assert.deepStrictEqual([mine.length, theirs.length, (yield* driver.claim(one)).length], [2, 1, 0])
      yield* driver.settle(two, theirs[0]!, "retry", { delay: 60_000 })
      assert.strictEqual((yield* driver.claim(one)).length, 1)
      yield* driver.leave(two)
      yield* driver.leave(one)
      const three = yield* driver.join()
      assert.strictEqual((yield* driver.claim(three)).length, 3)
    }))

  test("a saturated group does not hold up another", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([
        { name: "a", limit: 1 },
        { name: "b", limit: 1 }
      ])
      const session = yield* driver.join()
      yield* driver.enqueue([{ group: "a" }, { group: "a" }, { group: "b" }])
      const { jobs } = yield* driver.turn({
        session,
        claim: [
          { group: "a", limit: 5 },
          { group: "b", limit: 5 }
        ]
      })
      assert.deepStrictEqual(
        jobs.map(({ group }) => group),
        ["a", "b"]
      )
    }))

  test("an operator's limit goes before the declared one, survives a new declaration, and null returns to the declared one", (driver) =>
    Effect.gen(function* () {
      const { store } = driver
      yield* store.jobs.declareGroups([{ name: "group", limit: 5 }])
      assert.deepStrictEqual(yield* store.jobs.setGroup("group", { limit: 2 }), {
        name: "group",
        limit: 2,
        declaredLimit: 5,
        operatorLimit: 2,
        paused: false,
        busy: 0,
        ...unruled
      })
      yield* store.jobs.declareGroups([{ name: "group", limit: 7 }])
      assert.deepStrictEqual(yield* store.jobs.groups, [
        { name: "group", limit: 2, declaredLimit: 7, operatorLimit: 2, paused: false, busy: 0, ...unruled }
      ])
      const session = yield* driver.join()
      yield* driver.enqueue(Array.from({ length: 10 }, () => ({})))
      assert.strictEqual((yield* driver.claim(session)).length, 2)
      assert.strictEqual((yield* store.jobs.setGroup("group", { limit: null })).limit, 7)
      assert.strictEqual((yield* driver.claim(session)).length, 5)
      yield* store.jobs.setGroup("group", { limit: 1 })
      assert.deepStrictEqual(yield* driver.claim(session), [], "a limit below what runs claims nothing")
    }))

  test("makes a group that is set before anyone declared it, without a limit of its own", (driver) =>
    Effect.gen(function* () {
      const made = yield* driver.store.jobs.setGroup("new", { paused: true })
      assert.deepStrictEqual(made, {
        name: "new",
        limit: unlimited,
        declaredLimit: unlimited,
        operatorLimit: undefined,
        paused: true,
        busy: 0,
        ...unruled
      })
    }))

  test("lets a session take beyond a declared limit what it was told, not beyond an operator's, nor where others wait", (driver) =>
    Effect.gen(function* () {
      const { store } = driver
      yield* store.jobs.declareGroups([{ name: "group", limit: 2 }])
      const mine = yield* driver.join(["mine"])
      const claim = (beyond: number | "nested" | undefined, limit = 10) =>
        Effect.map(
          driver.turn({ session: mine, claim: [{ group: "group", limit, beyond }] }),
          ({ jobs }) => jobs.length
        )
      yield* driver.enqueue(Array.from({ length: 20 }, () => ({ task: "mine" })))
      assert.strictEqual(yield* claim(undefined), 2)
      assert.strictEqual(yield* claim(1), 0, "no less than nothing")
      assert.strictEqual(yield* claim(5), 3, "as if the limit were five")
      assert.strictEqual(yield* claim(5), 0)
      assert.strictEqual(yield* claim(9, 1), 1, "no more than its free slots")

      yield* store.jobs.setGroup("group", { limit: 7 })
      assert.strictEqual(yield* claim(20), 1, "the operator's limit holds")
      yield* store.jobs.setGroup("group", { limit: null })
      yield* driver.enqueue([{ task: "theirs" }])
      assert.strictEqual(yield* claim(9), 2, "nobody serves the other job")
      const theirs = yield* driver.join(["theirs"])
      yield* driver.enqueue([{ task: "theirs" }])
      assert.strictEqual(yield* claim(20), 0, "somebody else's job waits in the group")
      assert.deepStrictEqual(yield* driver.claim(theirs), [], "for a slot of the declared two")
    }))

  test("lets nested jobs start within the slot of the one that waits for them, whatever the limit and though the group is paused", (driver) =>
    Effect.gen(function* () {
      const { store } = driver
      yield* store.jobs.declareGroups([{ name: "group", limit: 1 }])
      const session = yield* driver.join()
      yield* driver.enqueue([{}, {}, {}])
      const claim = (beyond: "nested" | undefined) =>
        Effect.map(driver.turn({ session, claim: [{ group: "group", limit: 1, beyond }] }), ({ jobs }) => jobs.length)
      assert.strictEqual(yield* claim(undefined), 1)
      assert.strictEqual(yield* claim(undefined), 0)
      assert.strictEqual(yield* claim("nested"), 1)
      yield* store.jobs.setGroup("group", { paused: true, limit: 1 })
      assert.strictEqual(yield* claim(undefined), 0)
      assert.strictEqual(yield* claim("nested"), 1)
    }))

  test("forgets a group without jobs, and keeps one that has any, finished ones too", (driver) =>
    Effect.gen(function* () {
      const { store } = driver
      const known = Effect.map(store.jobs.groups, (groups) => groups.map(({ name }) => name))
      yield* store.jobs.declareGroups([{ name: "group", limit: 5 }])
      yield* store.jobs.setGroup("group", { limit: 2, paused: true })
      assert.isTrue(yield* store.jobs.removeGroup("group"))
      assert.deepStrictEqual(yield* known, [])
      assert.isTrue(yield* store.jobs.removeGroup("never"))
      assert.deepStrictEqual(yield* known, [])

      yield* store.jobs.declareGroups([{ name: "group", limit: 3 }])
      assert.deepStrictEqual(yield* store.jobs.groups, [
        { name: "group", limit: 3, declaredLimit: 3, operatorLimit: undefined, paused: false, busy: 0, ...unruled }
      ])
      const session = yield* driver.join()
      yield* driver.enqueue([{}])
      assert.isFalse(yield* store.jobs.removeGroup("group"))
      const [running] = yield* driver.claim(session)
      assert.isFalse(yield* store.jobs.removeGroup("group"))
      assert.isTrue(yield* driver.settle(session, running!, "completed"))
      assert.isFalse(yield* store.jobs.removeGroup("group"))
      assert.strictEqual((yield* store.jobs.groups)[0]!.limit, 3)
      yield* driver.change({ states: ["completed"] }, { _tag: "Remove" })
      assert.isTrue(yield* store.jobs.removeGroup("group"))
      assert.deepStrictEqual(yield* known, [])

      yield* store.jobs.declareGroups([{ name: "group", limit: 1 }])
      yield* driver.enqueue([{}, {}])
      assert.strictEqual((yield* driver.claim(session)).length, 1, "it is a group like any when it is back")
    }))

  test("a paused group claims nothing while what runs goes on; another group is not touched", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{}, {}, { group: "other" }])
      const [running] = yield* driver.claim(session, 1)
      yield* driver.store.jobs.setGroup("group", { paused: true })
      assert.deepStrictEqual(yield* driver.claim(session), [])
      assert.strictEqual((yield* driver.claim(session, 5, "other")).length, 1)
      assert.isTrue(yield* driver.settle(session, running!, "completed"))
      const { jobs } = yield* driver.enqueue([{}], { session, claim: [{ group: "group", limit: 5 }] })
      assert.deepStrictEqual(jobs, [], "enqueues are taken, but do not start")
      yield* driver.store.jobs.setGroup("group", { paused: false })
      assert.strictEqual((yield* driver.claim(session)).length, 2)
    }))

  test("the whole queue is paused and resumed apart from the pauses of its groups", (driver) =>
    Effect.gen(function* () {
      const { store } = driver
      const session = yield* driver.join()
      yield* driver.enqueue([{}, { group: "other" }])
      yield* store.jobs.setGroup("other", { paused: true })
      assert.isFalse(yield* store.jobs.paused)
      yield* store.jobs.setPaused(true)
      assert.isTrue(yield* store.jobs.paused)
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* store.jobs.setPaused(false)
      assert.strictEqual((yield* driver.claim(session)).length, 1)
      assert.deepStrictEqual(yield* driver.claim(session, 1, "other"), [])
    }))

  test("wakes listeners for what became claimable, what finished and what operators changed, until their scope closes", (driver) =>
    Effect.gen(function* () {
      const wakes: Array<Wake> = []
      const session = yield* driver.join()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* driver.store.jobs.onWake((wake) => wakes.push(wake))
          yield* driver.add()
          yield* driver.hears(wakes, "ready")
          yield* driver.run(session)
          yield* driver.hears(wakes, "finished")
          wakes.length = 0
          yield* driver.store.jobs.setPaused(true)
          yield* driver.hears(wakes, "control")
          yield* driver.store.jobs.setPaused(false)
          yield* driver.add()
          const [job] = yield* driver.claim(session)
          wakes.length = 0
          yield* driver.cancel(job!.id)
          yield* driver.hears(wakes, "control")
        })
      )
      wakes.length = 0
      yield* driver.add()
      assert.deepStrictEqual(wakes, [])
    }))

  test("says with a wake whose turn brought it about, and which groups it concerns where it can tell", (driver) =>
    Effect.gen(function* () {
      const wakes: Array<readonly [string, string | undefined, ReadonlyArray<string> | undefined]> = []
      yield* driver.store.jobs.onWake((wake, origin, groups) => wakes.push([wake, origin, groups]))
      yield* driver.enqueue([{ group: "a" }, { group: "b" }], { origin: "me" })
      yield* driver.enqueue([{ group: "b" }])
      const ready = wakes.filter(([wake]) => wake === "ready")
      const before = wakes.length
      yield* driver.store.jobs.setPaused(false)
      // Those that come late may also come twice, or as one that knows nothing.
      if (!driver.wakesLate) {
        assert.deepStrictEqual(
          ready.map(([, origin]) => origin),
          ["me", undefined]
        )
        const resumed = wakes.slice(before)
        assert.isNotEmpty(resumed)
        for (const [, , groups] of resumed) assert.isUndefined(groups, "a pause that ends concerns all groups")
      }
      for (const [, origin, groups] of ready)
        if (groups !== undefined) assert.sameMembers([...groups], origin === "me" ? ["a", "b"] : ["b"])
    }).pipe(Effect.scoped))
}
