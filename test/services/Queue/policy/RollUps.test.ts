import { assert, describe, it } from "@effect/vitest"
import type { ResourceRollUp, RollUp } from "../../../../src/services/Store/RollUp.ts"
import { quantile } from "../../../../src/services/Queue/policy/Histogram.ts"
import {
  intervalStart,
  mergeResources,
  mergeRollUps,
  RollUpArchive,
  RollUpRecorder,
  rollUpRetentionMs,
  rollUpWidths,
  widen
} from "../../../../src/services/Queue/policy/RollUps.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const start = Date.UTC(2026, 0, 5)
const counts = [
  "arrivals",
  "starts",
  "completed",
  "failed",
  "retried",
  "dead",
  "cancelled",
  "recovered",
  "deduplicated",
  "limited"
] as const

/** Records at random into a recorder; answers the waits. */
const happen = (random: SeededRandom, recorder: RollUpRecorder, times: number): ReadonlyArray<number> => {
  const waits: Array<number> = []
  for (let i = 0; i < times; i++) {
    const cell = recorder.cell(random.pick(["x", "y"]), random.pick(["a", "b", "c"]))
    cell[random.pick(counts)]++
    const wait = 1 + random.next() * 10_000
    waits.push(wait)
    cell.starts++
    cell.wait.record(wait)
    cell.run.record(random.next() * 100)
  }
  return waits
}

const totals = (rows: ReadonlyArray<RollUp>) => ({
  ...Object.fromEntries(counts.map((field) => [field, rows.reduce((sum, row) => sum + row[field], 0)])),
  waits: rows.reduce((sum, row) => sum + row.wait.count, 0),
  runs: rows.reduce((sum, row) => sum + row.run.buckets.reduce((inRow, [, count]) => inRow + count, 0), 0)
})

const same = (a: RollUp, b: RollUp) => {
  const rounded = (row: RollUp) => ({
    ...row,
    wait: { ...row.wait, sum: Math.round(row.wait.sum * 1e6) },
    run: { ...row.run, sum: Math.round(row.run.sum * 1e6) }
  })
  assert.deepStrictEqual(rounded(a), rounded(b))
}

const everything = { from: 0, to: Number.MAX_SAFE_INTEGER }

describe("RollUps", () => {
  it("says when an interval has ended, and takes it under its own start", () => {
    const recorder = new RollUpRecorder()
    assert.isFalse(recorder.at(start + 1234))
    recorder.cell("x", "a").arrivals++
    assert.isFalse(recorder.at(start + 9999))
    recorder.cell("x", "a").arrivals++
    assert.isTrue(recorder.at(start + 10_000))
    recorder.cell("x", "a").arrivals++
    assert.deepStrictEqual(
      recorder.take().map((row) => [row.start, row.arrivals]),
      [
        [start, 2],
        [start + 10_000, 1]
      ]
    )
    assert.deepStrictEqual(recorder.take(), [])
  })

  it("stays in its interval when the clock steps back", () => {
    const recorder = new RollUpRecorder()
    recorder.at(start + 10_000)
    recorder.at(start)
    recorder.cell("x", "a").arrivals++
    assert.deepStrictEqual(
      recorder.take().map((row) => row.start),
      [start + 10_000]
    )
  })

  it("gives one cell per group and task, for good", () => {
    const recorder = new RollUpRecorder()
    assert.strictEqual(recorder.cell("x", "a"), recorder.cell("x", "a"))
    assert.notStrictEqual(recorder.cell("x", "a"), recorder.cell("a", "x"))
  })

  for (const seed of seeds(5)) {
    it(`conserves every count across the widths, however often it is taken (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const [often, once] = [new RollUpRecorder(), new RollUpRecorder()]
      const [taken, whole] = [new RollUpArchive(), new RollUpArchive()]
      const [a, b] = [new SeededRandom(seed + 1000), new SeededRandom(seed + 1000)]
      for (let now = start; now < start + 400_000; now += random.below(8000)) {
        often.at(now)
        once.at(now)
        const times = random.below(20)
        happen(a, often, times)
        happen(b, once, times)
        if (random.chance(0.5)) taken.add(often.take())
      }
      taken.add(often.take())
      whole.add(once.take())
      const expected = totals(taken.query({ width: 10_000, ...everything }))
      for (const width of rollUpWidths) {
        const rows = taken.query({ width, ...everything })
        assert.deepStrictEqual(totals(rows), expected)
        const keys = rows.map((row) => `${row.start} ${row.group} ${row.task}`)
        assert.deepStrictEqual(keys, [...new Set(keys)].sort(), "one row per interval, group and task, in order")
        for (const row of rows) assert.strictEqual(row.start, intervalStart(row.start, width))
        const other = whole.query({ width, ...everything })
        rows.forEach((row, i) => same(row, other[i]!))
      }
    })

    it(`merges in any order and grouping (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const recorder = new RollUpRecorder()
      recorder.at(start)
      const rows: Array<RollUp> = []
      while (rows.length < 3) {
        happen(random, recorder, 30)
        rows.push(...recorder.take().filter((row) => row.group === "x" && row.task === "a"))
      }
      const [a, b, c] = rows.map((row) => widen(row, 60_000))
      same(mergeRollUps(a!, b!), mergeRollUps(b!, a!))
      same(mergeRollUps(mergeRollUps(a!, b!), c!), mergeRollUps(a!, mergeRollUps(b!, c!)))

      const resources = Array.from(
        { length: 3 },
        (): ResourceRollUp => ({
          width: 10_000,
          start,
          beats: 1 + random.below(5),
          cpuMean: random.next(),
          rssBytesPeak: random.below(1e9),
          heapBytesPeak: random.below(1e9),
          loopDelayMsPeak: random.next() * 10,
          busyMean: random.next() * 10
        })
      )
      const left = mergeResources(mergeResources(resources[0]!, resources[1]!), resources[2]!)
      const right = mergeResources(resources[2]!, mergeResources(resources[1]!, resources[0]!))
      assert.closeTo(left.cpuMean, right.cpuMean, 1e-12)
      assert.closeTo(left.busyMean, right.busyMean, 1e-12)
      assert.deepStrictEqual(
        [left.beats, left.rssBytesPeak, left.loopDelayMsPeak],
        [right.beats, right.rssBytesPeak, right.loopDelayMsPeak]
      )
    })

    it(`has quantiles within 1 % of the exact ones after all the merging (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const recorder = new RollUpRecorder()
      const archive = new RollUpArchive()
      const waits: Array<number> = []
      for (let now = start; now < start + 600_000; now += 3000) {
        if (recorder.at(now)) archive.add(recorder.take())
        waits.push(...happen(random, recorder, 10))
      }
      archive.add(recorder.take())
      const { wait } = archive
        .query({ width: 3_600_000, ...everything })
        .reduce((a, b) => mergeRollUps(a, { ...b, group: a.group, task: a.task }))
      waits.sort((x, y) => x - y)
      assert.strictEqual(wait.count, waits.length)
      for (const fraction of [0.05, 0.5, 0.95, 0.99]) {
        const exact = waits[Math.ceil(waits.length * fraction) - 1]!
        assert.isAtMost(Math.abs(quantile(wait, fraction) - exact) / exact, 0.01)
      }
    })
  }

  it("keeps each width for its time and no longer", () => {
    const recorder = new RollUpRecorder()
    const archive = new RollUpArchive()
    const days = 10
    for (let now = start; now < start + days * 86_400_000; now += 1_800_000) {
      recorder.at(now)
      recorder.cell("x", "a").arrivals++
      archive.add(recorder.take())
      archive.addResources({
        width: 10_000,
        start: intervalStart(now, 10_000),
        beats: 1,
        cpuMean: 1,
        rssBytesPeak: 1,
        heapBytesPeak: 1,
        loopDelayMsPeak: 1,
        busyMean: 1
      })
      archive.prune(now)
    }
    const end = start + days * 86_400_000
    for (const width of rollUpWidths) {
      const rows = archive.query({ width, ...everything })
      const resources = archive.queryResources({ width, ...everything })
      const reach = Math.min(rollUpRetentionMs[width], days * 86_400_000)
      const most = reach / Math.max(width, 1_800_000)
      for (const kept of [rows, resources]) {
        assert.isAtLeast(kept[0]!.start, end - reach - Math.max(width, 1_800_000) * 2)
        assert.isAtMost(kept.length, most + 1)
        assert.isAtLeast(kept.length, most - 1)
      }
    }
  })

  it("holds at most as many rows per width as allowed: the oldest go first", () => {
    const recorder = new RollUpRecorder()
    const archive = new RollUpArchive(100)
    for (let i = 0; i < 500; i++) {
      recorder.at(start + i * 10_000)
      recorder.cell("x", "a").arrivals++
      recorder.cell("x", "b").arrivals++
      archive.add(recorder.take())
    }
    const rows = archive.query({ width: 10_000, ...everything })
    assert.deepStrictEqual([rows.length, rows[99]!.start], [100, start + 499 * 10_000])
    assert.strictEqual(totals(archive.query({ width: 3_600_000, ...everything })).waits, 0)
    assert.strictEqual(
      archive.query({ width: 3_600_000, ...everything }).reduce((sum, row) => sum + row.arrivals, 0),
      1000
    )
  })
})
