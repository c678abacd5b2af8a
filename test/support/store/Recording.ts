import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { RollUp, RollUpWidth } from "../../../src/services/Store/RollUp.ts"
import { quantile } from "../../../src/services/Queue/policy/Histogram.ts"
import { rollUpRetentionMs } from "../../../src/services/Queue/policy/RollUps.ts"
import { failure, load, start, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const widths: ReadonlyArray<RollUpWidth> = [10_000, 60_000, 3_600_000]
const hour = 3_600_000

const rollUps = (
  driver: StoreDriver,
  width: RollUpWidth,
  query: { readonly group?: string; readonly task?: string } = {}
) => driver.store.rollUps.jobs({ width, from: start, to: start + hour, ...query })

const figuresOf = ({
  arrivals,
  cancelled,
  completed,
  dead,
  deduplicated,
  limited,
  failed,
  recovered,
  retried,
  starts
}: RollUp) => ({
  arrivals,
  starts,
  completed,
  failed,
  retried,
  dead,
  cancelled,
  recovered,
  deduplicated,
  limited
})

export const clauses = (test: StoreTest): void => {
  test("rolls up what happened, at every width", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{ key: "k" }, {}, {}, {}, { delay: 60_000 }, { key: "k" }])
      yield* TestClock.adjust(40)
      const [one, two, three, four] = yield* driver.claim(session)
      yield* driver.settle(session, one!, "completed", { runMs: 12.5 })
      yield* driver.settle(session, two!, "retry", { failure: failure(), delay: 500_000, runMs: 80 })
      yield* driver.settle(session, three!, "failed", { failure: failure(), runMs: 900 })
      yield* driver.settle(session, four!, "cancelled", { failure: failure(), runMs: 7 })
      for (const width of widths) {
        const rows = yield* rollUps(driver, width)
        assert.strictEqual(rows.length, 1, `${width}`)
        const row = rows[0]!
        assert.deepStrictEqual([row.width, row.start, row.group, row.task], [width, start, "group", "task"])
        assert.deepStrictEqual(figuresOf(row), {
          arrivals: 5,
          starts: 4,
          completed: 1,
          failed: 2,
          retried: 1,
          dead: 1,
          cancelled: 1,
          recovered: 0,
          deduplicated: 1,
          limited: 0
        })
        assert.deepStrictEqual([row.wait.count, row.run.count, row.run.max], [4, 4, 900])
        assert.closeTo(quantile(row.wait, 0.5), 40, 0.4)
        assert.closeTo(quantile(row.run, 0.75), 80, 0.8)
        assert.closeTo(row.run.sum, 999.5, 0.001)
      }
    }))

  test("keeps groups, tasks and intervals apart, in order of time, and adds them up in wider intervals", (driver) =>
    Effect.gen(function* () {
      for (let i = 0; i < 7; i++) {
        yield* driver.enqueue([
          { task: "a", group: "x" },
          { task: "b", group: "x" },
          { task: "a", group: "y" }
        ])
        yield* TestClock.adjust(10_000)
      }
      const fine = yield* rollUps(driver, 10_000, { group: "x", task: "a" })
      assert.deepStrictEqual(
        fine.map((row) => [row.start, row.arrivals, row.group, row.task]),
        Array.from({ length: 7 }, (_, i) => [start + i * 10_000, 1, "x", "a"])
      )
      assert.deepStrictEqual(
        (yield* rollUps(driver, 60_000, { task: "b" })).map((row) => [row.start, row.arrivals]),
        [
          [start, 6],
          [start + 60_000, 1]
        ]
      )
      assert.deepStrictEqual(
        (yield* rollUps(driver, hour)).map((row) => row.arrivals),
        [7, 7, 7]
      )
      const some = yield* driver.store.rollUps.jobs({
        width: 10_000,
        from: start + 20_000,
        to: start + 40_000,
        group: "y"
      })
      assert.deepStrictEqual(
        some.map((row) => row.start),
        [start + 20_000, start + 30_000]
      )
    }))

  test("measures the wait from the due time, or from the enqueue where that is later", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add({ task: "task", group: "late", delay: 1000 })
      yield* driver.add({ task: "task", group: "past", delay: -100_000 })
      yield* TestClock.adjust(1250)
      yield* driver.claim(session, 1, "late")
      yield* driver.claim(session, 1, "past")
      const [late] = yield* rollUps(driver, hour, { group: "late" })
      const [past] = yield* rollUps(driver, hour, { group: "past" })
      assert.deepStrictEqual([late!.wait.sum, past!.wait.sum], [250, 1250])
    }))

  test("counts what the sweeper and the operators do", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, { maxAttempts: 1 }, {}])
      yield* driver.claim(session, 2)
      yield* driver.cancel(ids[2]!)
      yield* driver.leave(session)
      const [row] = yield* rollUps(driver, hour)
      assert.deepStrictEqual([row!.recovered, row!.dead, row!.cancelled], [1, 1, 1])
    }))

  test("counts an attempt that is lost with its worker as failed, whether its job is recovered or buried", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{}, { maxAttempts: 1 }])
      yield* driver.claim(session)
      yield* driver.leave(session)
      const [row] = yield* rollUps(driver, hour)
      assert.deepStrictEqual([row!.failed, row!.recovered, row!.dead, row!.run.count], [2, 1, 1, 0])
    }))

  test("counts an attempt whose end becomes a cancellation as that alone, with the time that it ran", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{}, {}, {}])
      const [one, two, three] = yield* driver.claim(session)
      for (const { id } of [one!, two!, three!]) yield* driver.cancel(id)
      yield* driver.settle(session, one!, "retry", { failure: failure(), runMs: 20 })
      yield* driver.settle(session, two!, "release", { runMs: 300 })
      yield* driver.leave(session)
      const [row] = yield* rollUps(driver, hour)
      assert.deepStrictEqual(
        [row!.cancelled, row!.failed, row!.retried, row!.recovered, row!.run.count, row!.run.sum],
        [3, 0, 0, 0, 2, 320]
      )
    }))

  test("counts neither an attempt that is handed back nor the time that it ran", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add()
      yield* driver.run(session, "release", { runMs: 300, delay: 1000 })
      const [row] = yield* rollUps(driver, hour)
      assert.deepStrictEqual([row!.starts, row!.failed, row!.cancelled, row!.run.count], [1, 0, 0, 0])
    }))

  test("rolls up the resources of all workers' beats: means and peaks", (driver) =>
    Effect.gen(function* () {
      const one = yield* driver.join()
      const two = yield* driver.join()
      yield* driver.beat(one, ["task"], {
        ...load,
        busy: { a: 2, b: 1 },
        cpu: 0.5,
        rssBytes: 100,
        heapBytes: 50,
        loopDelayMs: 3
      })
      yield* driver.beat(two, ["task"], {
        ...load,
        busy: { a: 1 },
        cpu: 1.5,
        rssBytes: 300,
        heapBytes: 20,
        loopDelayMs: 1
      })
      yield* TestClock.adjust(10_000)
      yield* driver.beat(one, ["task"], { ...load, busy: {}, cpu: 1, rssBytes: 10, heapBytes: 10, loopDelayMs: 9 })
      const first = {
        start,
        beats: 2,
        cpuMean: 1,
        rssBytesPeak: 300,
        heapBytesPeak: 50,
        loopDelayMsPeak: 3,
        busyMean: 2
      }
      const fine = yield* driver.store.rollUps.resources({ width: 10_000, from: start, to: start + hour })
      assert.deepStrictEqual([fine.length, fine[0]], [2, { ...first, width: 10_000 }])
      const [whole] = yield* driver.store.rollUps.resources({ width: hour, from: start, to: start + hour })
      assert.strictEqual(whole!.beats, 3)
      assert.closeTo(whole!.busyMean, 4 / 3, 1e-9)
      assert.deepStrictEqual([whole!.cpuMean, whole!.rssBytesPeak, whole!.loopDelayMsPeak], [1, 300, 9])
    }))

  test("forgets the intervals that are older than their width is kept for, and no others", (driver) =>
    Effect.gen(function* () {
      yield* driver.add()
      assert.strictEqual((yield* rollUps(driver, 10_000)).length, 1)
      const last = start + rollUpRetentionMs[60_000] + 60_000
      yield* driver.store.rollUps.prune({ now: last - 1 })
      assert.strictEqual((yield* rollUps(driver, 60_000)).length, 1)
      assert.strictEqual((yield* rollUps(driver, 10_000)).length, 0)
      yield* driver.store.rollUps.prune({ now: last })
      assert.strictEqual((yield* rollUps(driver, 60_000)).length, 0)
      assert.strictEqual((yield* rollUps(driver, 3_600_000)).length, 1)
    }))
}
