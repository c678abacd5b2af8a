import { type ChildProcess, spawn } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as ProcessIdentity from "../../../../src/services/Queue/host/ProcessIdentity.ts"
import { isWorkerAlive, isWorkerThere } from "../../../../src/services/Store/WorkerRecord.ts"
import { leaseMs, load, start, StoreDriver } from "../../../support/store/StoreDriver.ts"
import { emptyStore, withoutDiskWaits } from "./SqliteStores.ts"
import { store as wholeStore } from "../../../../src/services/Store/Store.ts"

const hour = 3_600_000
const tasks = ["command", "typed"]
const suspendedForMs = { command: 8 * hour }

const sleeper = Effect.acquireRelease(
  Effect.sync(() => spawn("sleep", ["600"], { stdio: "ignore" })),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

/** Sends the signal and waits until the machine says that it has come. */
const become = (child: ChildProcess, signal: NodeJS.Signals, state: ProcessIdentity.ProcessState) =>
  TestClock.withLive(
    Effect.suspend(() => {
      child.kill(signal)
      return Effect.suspend(() =>
        ProcessIdentity.stateOf(child.pid!, "") === state ? Effect.void : Effect.fail("not yet")
      ).pipe(Effect.retry({ times: 1000, schedule: Schedule.spaced("5 millis") }))
    })
  ).pipe(Effect.orDie)

const joinAs = (driver: StoreDriver, { pid }: ChildProcess) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    driver.store.workers.join(
      { name: "w", host: "host", pid: pid!, version: "1", slots: { group: 10 }, tasks, suspendedForMs },
      { now, leaseMs }
    )
  )

const beat = (driver: StoreDriver, session: number) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    driver.store.workers.beat(session, {
      now,
      leaseMs,
      mayBlockMs: leaseMs,
      tasks,
      suspendedForMs,
      slots: { group: 10 },
      load
    })
  )

const standingTest = (
  name: string,
  body: (driver: StoreDriver, child: ChildProcess) => Effect.Effect<void, unknown>
): void =>
  it.effect(name, () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const child = yield* sleeper
      yield* Effect.flatMap(wholeStore, (store) => body(new StoreDriver(store), child)).pipe(
        Effect.provide(emptyStore({ thread: false, ...withoutDiskWaits }))
      )
    }).pipe(Effect.scoped)
  )

/** A session of the process with a running command and a running typed job. */
const working = (driver: StoreDriver, child: ChildProcess) =>
  Effect.gen(function* () {
    const session = yield* joinAs(driver, child)
    yield* driver.enqueue([{ task: "command" }, { task: "typed" }])
    const jobs = yield* driver.claim(session)
    const command = jobs.find(({ task }) => task === "command")!
    const typed = jobs.find(({ task }) => task === "typed")!
    return { session, command, typed }
  })

describe("a session whose process stands still", () => {
  standingTest(
    "keeps its commands for as long as they allow, and goes on with them; typed jobs run elsewhere",
    (driver, child) =>
      Effect.gen(function* () {
        const { command, session, typed } = yield* working(driver, child)
        yield* become(child, "SIGSTOP", "stopped")
        yield* TestClock.adjust(leaseMs)
        assert.deepStrictEqual(yield* driver.sweep(), {
          recovered: [typed.id],
          buried: [],
          expired: 0,
          sessions: [],
          more: false
        })
        const other = yield* driver.join(["typed"])
        const [taken] = yield* driver.claim(other)
        assert.deepStrictEqual([taken!.id, taken!.attempt], [typed.id, 2])
        for (let passed = leaseMs; passed < 8 * hour - 2 * leaseMs; passed += 300_000) {
          assert.deepStrictEqual((yield* driver.sweep()).recovered, [])
          yield* TestClock.adjust(300_000)
          yield* driver.beat(other, ["typed"])
        }
        // It wakes, renews, and ends both: the one that was taken is refused.
        yield* become(child, "SIGCONT", "running")
        assert.isTrue(yield* beat(driver, session))
        assert.isFalse(yield* driver.settle(session, typed, "completed"))
        assert.isTrue(yield* driver.settle(session, command, "completed"))
        assert.isTrue(yield* driver.settle(other, taken!, "completed"))
        assert.strictEqual((yield* driver.job(command.id)).attempt, 1)
      })
  )

  standingTest("leads nothing meanwhile: another takes its lead at once", (driver, child) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const session = yield* joinAs(driver, child)
      const other = yield* driver.join()
      const leads = (who: number) => driver.store.workers.lead("sweep", who, { now, ttlMs: leaseMs })
      assert.deepStrictEqual([yield* leads(session), yield* leads(other)], [true, false])
      yield* become(child, "SIGSTOP", "stopped")
      assert.isTrue(yield* leads(other))
      yield* become(child, "SIGCONT", "running")
      assert.isFalse(yield* leads(session))
    })
  )

  standingTest("loses them after that time: they run elsewhere", (driver, child) =>
    Effect.gen(function* () {
      const { command, session, typed } = yield* working(driver, child)
      yield* become(child, "SIGSTOP", "stopped")
      yield* TestClock.adjust(8 * hour - 1)
      assert.deepStrictEqual((yield* driver.sweep()).recovered, [typed.id])
      yield* TestClock.adjust(1)
      const swept = yield* driver.sweep()
      assert.deepStrictEqual([swept.recovered, swept.sessions], [[command.id], [session]])
      yield* become(child, "SIGCONT", "running")
      assert.isFalse(yield* beat(driver, session))
      assert.isFalse(yield* driver.settle(session, command, "completed"))
    })
  )

  standingTest("has a lease to renew in when it runs again, however long it was stopped", (driver, child) =>
    Effect.gen(function* () {
      const { command, session } = yield* working(driver, child)
      yield* become(child, "SIGSTOP", "stopped")
      yield* TestClock.adjust(hour)
      yield* driver.sweep()
      yield* become(child, "SIGCONT", "running")
      yield* driver.sweep()
      yield* TestClock.adjust(leaseMs - 1)
      assert.deepStrictEqual((yield* driver.sweep()).sessions, [])
      // Stopped once more meanwhile: it counts from the beginning.
      yield* become(child, "SIGSTOP", "stopped")
      yield* driver.sweep()
      yield* become(child, "SIGCONT", "running")
      yield* TestClock.adjust(leaseMs)
      assert.deepStrictEqual((yield* driver.sweep()).sessions, [])
      yield* TestClock.adjust(leaseMs)
      const swept = yield* driver.sweep()
      assert.deepStrictEqual([swept.recovered, swept.sessions], [[command.id], [session]])
    })
  )

  standingTest(
    "is lost when it runs and does not renew: typed jobs with the lease, commands a lease later",
    (driver, child) =>
      Effect.gen(function* () {
        const { command, typed } = yield* working(driver, child)
        yield* TestClock.adjust(leaseMs - 1)
        assert.deepStrictEqual((yield* driver.sweep()).recovered, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual((yield* driver.sweep()).recovered, [typed.id])
        yield* TestClock.adjust(leaseMs)
        assert.deepStrictEqual((yield* driver.sweep()).recovered, [command.id])
      })
  )

  standingTest("is lost at once when it is killed while it is stopped", (driver, child) =>
    Effect.gen(function* () {
      const { command, session, typed } = yield* working(driver, child)
      yield* become(child, "SIGSTOP", "stopped")
      yield* TestClock.adjust(hour)
      yield* become(child, "SIGKILL", "gone")
      const swept = yield* driver.sweep()
      assert.deepStrictEqual([[...swept.recovered].sort(), swept.sessions], [[command.id, typed.id].sort(), [session]])
    })
  )

  standingTest("is listed as what it is: alive, suspended, silent, gone", (driver, child) =>
    Effect.gen(function* () {
      yield* working(driver, child)
      const seen = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const [worker] = yield* driver.store.workers.all
        return {
          alive: isWorkerAlive(worker!, now),
          there: isWorkerThere(worker!, now),
          suspended: worker!.suspended?.since,
          gone: worker!.gone
        }
      })
      assert.deepStrictEqual(yield* seen, { alive: true, there: true, suspended: undefined, gone: undefined })
      yield* become(child, "SIGSTOP", "stopped")
      assert.deepStrictEqual(yield* seen, { alive: false, there: true, suspended: start, gone: undefined })
      yield* TestClock.adjust(hour)
      assert.deepStrictEqual(yield* seen, { alive: false, there: true, suspended: start, gone: undefined })
      yield* become(child, "SIGCONT", "running")
      assert.deepStrictEqual(yield* seen, { alive: false, there: true, suspended: start, gone: undefined })
      yield* TestClock.adjust(8 * hour)
      assert.deepStrictEqual(yield* seen, { alive: false, there: false, suspended: undefined, gone: undefined })
      yield* become(child, "SIGKILL", "gone")
      assert.deepStrictEqual(yield* seen, { alive: false, there: false, suspended: undefined, gone: true })
    })
  )
})

describe("a store that is held", () => {
  it.live("is in no transaction until it is let go: others write, and its own calls wait", () =>
    Effect.gen(function* () {
      const store = yield* wholeStore
      const driver = new StoreDriver(store)
      const call = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* store.jobs.hold
          const call = yield* Effect.forkDetach(driver.add())
          yield* Effect.sleep("50 millis")
          assert.isUndefined(call.pollUnsafe())
          return call
        })
      )
      const id = yield* Fiber.join(call)
      assert.strictEqual((yield* driver.job(id)).state, "pending")
      // Given up before it was reached: it holds nothing later.
      for (let i = 0; i < 20; i++) yield* Effect.scoped(Effect.timeoutOption(store.jobs.hold, i % 3))
      yield* driver.add()
    }).pipe(Effect.provide(emptyStore({ thread: true, ...withoutDiskWaits })))
  )
})
