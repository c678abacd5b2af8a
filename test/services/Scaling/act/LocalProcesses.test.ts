import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, type Scope } from "effect"
import { spawn } from "node:child_process"
import type { GroupTarget } from "../../../../src/services/Scaling/act/Actuator.ts"
import * as LocalProcesses from "../../../../src/services/Scaling/act/LocalProcesses.ts"
import * as ProcessPool from "../../../../src/services/Scaling/act/ProcessPool.ts"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { store as wholeStore, type StoreServices } from "../../../../src/services/Store/Store.ts"

const target = (desired: number, group = "network"): GroupTarget => ({
  group,
  desired,
  current: 0,
  reason: "load",
  decidedAt: 0
})

const looks = <E, R>(isSo: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(isSo, (so) => (so ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), looks(isSo))))

/** A pool of real processes that do nothing, and what joining and leaving the store is for them. */
const host = (options: Partial<LocalProcesses.LocalProcessesOptions> & { readonly script?: string } = {}) =>
  Effect.gen(function* () {
    const store = yield* wholeStore
    const notes: Array<string> = []
    const note = (line: string) => Effect.sync(() => void notes.push(line))
    const pool = yield* ProcessPool.make({
      spawn: () => spawn("/bin/sh", ["-c", options.script ?? "exec sleep 600"], { detached: true, stdio: "ignore" }),
      hopeless: new Set([2]),
      note
    })
    const local = yield* LocalProcesses.make({
      pool,
      bounds: { min: 1, max: 4 },
      slots: { network: 2 },
      host: "here",
      availableBytes: () => 64e9,
      note,
      ...options
    })
    const join = (pid: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        store.workers.join(
          { name: `here:${pid}`, host: "here", pid, version: "1", slots: { network: 2 }, tasks: [] },
          { now, leaseMs: 600_000 }
        )
      )
    const pids = Effect.map(pool.processes, (all) => all.flatMap(({ pid }) => (pid === undefined ? [] : [pid])))
    const joinAll = Effect.gen(function* () {
      const joined = (yield* store.workers.all).map(({ pid }) => pid)
      for (const pid of yield* pids) if (!joined.includes(pid)) yield* join(pid)
    })
    /** Places the order until it is carried out. */
    const order = (...targets: ReadonlyArray<GroupTarget>) =>
      looks(Effect.map(local.apply(targets), (all) => all.every(({ state }) => state === "settled")))
    const claiming = Effect.map(pool.processes, (all) => all.filter(({ retired }) => !retired).length)
    return { store, pool, local, notes, pids, joinAll, order, claiming }
  })

const scenario = (name: string, effect: Effect.Effect<void, unknown, StoreServices | Scope.Scope>) =>
  it.live(name, () => effect.pipe(Effect.scoped, Effect.provide(Layer.fresh(JobStoreMemory.layer()))), {
    timeout: 30_000
  })

describe("local processes", { concurrent: true }, () => {
  scenario(
    "start as slots are ordered, within the bounds, once however often it is ordered",
    Effect.gen(function* () {
      const { claiming, local, notes, order } = yield* host()
      yield* order(target(5))
      yield* order(target(5))
      assert.strictEqual(yield* claiming, 3)
      assert.deepStrictEqual(yield* local.capacity, [{ group: "network", ready: 0, starting: 6, draining: 0, most: 8 }])
      yield* order(target(100))
      assert.strictEqual(yield* claiming, 4)
      assert.deepStrictEqual(notes, [
        "sluice: 3 worker processes instead of 0: network needs 5 slots (load)",
        "sluice: 4 worker processes instead of 3: network needs 100 slots (load)"
      ])
    })
  )

  scenario(
    "drain, newest first, and are left to finish what they run",
    Effect.gen(function* () {
      const { joinAll, local, order, pids, pool, store } = yield* host()
      yield* order(target(4))
      yield* joinAll
      const [first, second] = yield* pids
      yield* Effect.sleep("2 millis")
      yield* order(target(6))
      yield* joinAll
      const third = (yield* pids).find((pid) => pid !== first && pid !== second)!
      assert.deepInclude((yield* local.capacity)[0]!, { ready: 6, starting: 0 })
      yield* order(target(4))
      yield* order(target(4))
      assert.deepInclude((yield* local.capacity)[0]!, { ready: 4, draining: 2 })
      const draining = (yield* store.workers.all).filter((worker) => worker.draining).map(({ pid }) => pid)
      assert.deepStrictEqual(draining, [third])
      // No signal reached it.
      assert.isTrue(process.kill(third, 0))
      // It leaves when its jobs have ended, and is not started again.
      process.kill(third)
      yield* looks(Effect.map(pool.processes, (all) => all.length === 2))
      assert.deepInclude((yield* local.capacity)[0]!, { ready: 4, draining: 0 })
    })
  )

  scenario(
    "that have not joined yet are ended at once when they are not wanted any more",
    Effect.gen(function* () {
      const { order, pool } = yield* host()
      yield* order(target(8))
      yield* order(target(2))
      yield* looks(Effect.map(pool.processes, (all) => all.length === 1))
    })
  )

  scenario(
    "are replaced when an operator drained one, and when one crashed",
    Effect.gen(function* () {
      const { claiming, joinAll, notes, order, pids, pool, store } = yield* host()
      yield* order(target(4))
      yield* joinAll
      const [first, second] = yield* pids
      const session = (yield* store.workers.all).find(({ pid }) => pid === first)!.session
      yield* store.workers.drain(session)
      yield* looks(
        Effect.andThen(
          order(target(4)),
          Effect.map(pool.processes, (all) => all.length === 3)
        )
      )
      process.kill(second!, "SIGKILL")
      yield* looks(
        Effect.sync(() => notes.some((line) => /process 2 was ended by SIGKILL; it starts again now/.test(line)))
      )
      yield* looks(Effect.map(pids, (all) => all.length === 3 && !all.includes(second!)))
      assert.strictEqual(yield* claiming, 3)
    })
  )

  scenario(
    "do not start where memory has no room, and learn how much one takes",
    Effect.gen(function* () {
      let available = [64e9]
      const { claiming, joinAll, local, order, store } = yield* host({
        availableBytes: () => (available.length > 1 ? available.shift()! : available[0]!)
      })
      yield* order(target(2))
      yield* joinAll
      const { session } = (yield* store.workers.all)[0]!
      const now = yield* Clock.currentTimeMillis
      yield* store.workers.beat(session, {
        now,
        leaseMs: 600_000,
        mayBlockMs: 0,
        tasks: [],
        slots: { network: 2 },
        load: { busy: {}, cpu: 0, rssBytes: 600e6, heapBytes: 0, loopDelayMs: 0 }
      })
      yield* local.capacity
      // Room for one, and for none once that is there.
      available = [1e9, 0]
      const failing = looks(Effect.map(local.apply([target(8)]), ([order]) => order!.state === "failing"))
      yield* failing
      assert.strictEqual(yield* claiming, 2)
      const [status] = yield* local.apply([target(8)])
      assert.match(
        status!.failure!.message,
        /^memory has room for [01] of [23] more worker processes: (954|0) MiB free, 572 MiB each$/
      )
      available = [64e9]
      yield* order(target(8))
      assert.strictEqual(yield* claiming, 4)
    })
  )

  scenario(
    "stay while groups that are not scaled have work, and follow all targets together",
    Effect.gen(function* () {
      const { claiming, local } = yield* host({ slots: { network: 2, computation: 1 } })
      const follow = (targets: ReadonlyArray<GroupTarget>, busy: boolean) =>
        looks(Effect.map(local.follow(targets, busy), (all) => all.every(({ state }) => state === "settled")))
      yield* follow([target(2), target(3, "computation")], false)
      assert.strictEqual(yield* claiming, 3)
      yield* follow([target(2)], true)
      assert.strictEqual(yield* claiming, 3)
      yield* follow([target(2)], false)
      yield* looks(Effect.map(claiming, (count) => count === 1))
    })
  )

  scenario(
    "say how long they take to start, from those that joined",
    Effect.gen(function* () {
      const { joinAll, local, order } = yield* host()
      assert.isUndefined(yield* local.startUp)
      yield* order(target(4))
      yield* joinAll
      yield* local.capacity
      yield* local.capacity
      const startUp = yield* local.startUp
      assert.strictEqual(startUp!.seen, 2)
      assert.isAtLeast(startUp!.p90Ms, 0)
    })
  )
})

describe("a pool of processes", () => {
  scenario(
    "ends with the code of one that could not even begin, and ends the others",
    Effect.gen(function* () {
      const { pool } = yield* host({ script: "exit 2" })
      yield* pool.start(3)
      assert.strictEqual(yield* pool.ended, 2)
      assert.deepStrictEqual(yield* pool.processes, [])
    })
  )

  scenario(
    "ends when all have ended well, unless it is held",
    Effect.gen(function* () {
      const { pool } = yield* host({ script: "exit 0" })
      yield* pool.hold(true)
      yield* pool.start(2)
      yield* looks(Effect.map(pool.processes, (all) => all.length === 0))
      yield* pool.hold(false)
      assert.strictEqual(yield* pool.ended, 0)
    })
  )

  it("starts one that crashes again at once, then later and later", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map(ProcessPool.restartDelay),
      [0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    )
  })
})
