import { assert, describe, it } from "@effect/vitest"
import { recurringIn } from "../../../../src/services/Scaling/policy/RecurringEvents.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** A Thursday. */
const start = Date.UTC(2026, 0, 1)
const utc = () => 0

/** A Poisson draw: by products of uniforms below 50, by its normal limit above. */
const poisson = (mean: number, random: () => number): number => {
  if (mean > 50) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
  }
  let count = 0
  for (let p = random(); p > Math.exp(-mean); p *= random()) count++
  return count
}

/** A day's curve with quiet weekends and a level that wanders, and what is planted in it. */
const hoursOf = (
  days: number,
  seed: number,
  planted: (at: Date) => { readonly factor?: number; readonly extra?: number } = () => ({}),
  base = 400
) => {
  const seeded = new SeededRandom(seed)
  const random = () => seeded.next()
  let level = 1
  return Array.from({ length: days * 24 }, (_, i) => {
    const at = start + i * hourMs
    const date = new Date(at)
    if (date.getUTCHours() === 0) level = Math.max(0.6, Math.min(1.6, level * (0.9 + 0.2 * random())))
    const weekend = date.getUTCDay() % 6 === 0 ? 0.4 : 1
    const mean = base * level * weekend * (1 - 0.6 * Math.cos((2 * Math.PI * date.getUTCHours()) / 24))
    const { extra = 0, factor = 1 } = planted(date)
    return { at, count: poisson(mean * factor + extra, random) }
  })
}

describe("recurring events", () => {
  it("of a weekday are found with their time, size and certainty", () => {
    const hours = hoursOf(56, 1, (at) => (at.getUTCDay() === 1 && at.getUTCHours() === 9 ? { factor: 3 } : {}))
    const [found, ...others] = recurringIn(hours, utc)
    assert.deepStrictEqual(others, [])
    assert.deepInclude(found, { period: "week", cron: "0 9 * * 1", durationMs: hourMs, seen: 8, chances: 8 })
    assert.match(found!.when, /Monday 09:00/)
    assert.closeTo(found!.factor, 3, 0.5)
    assert.isAbove(found!.confidence, 0.99)
    assert.strictEqual(new Date(found!.last).getUTCDay(), 1)
  })

  it("of the first of the month are found over a year, and not taken for a weekday's", () => {
    const hours = hoursOf(300, 2, (at) => (at.getUTCDate() === 1 && at.getUTCHours() < 2 ? { factor: 4 } : {}))
    const found = recurringIn(hours, utc)
    assert.strictEqual(found.length, 1)
    assert.deepInclude(found[0], { period: "month", cron: "0 0 1 * *", durationMs: 2 * hourMs, seen: 10 })
    assert.closeTo(found[0]!.factor, 4, 1)
  })

  it("of every night are found against the hours around them", () => {
    const hours = hoursOf(28, 3, (at) => (at.getUTCHours() === 2 ? { extra: 3000 } : {}))
    const [found, ...others] = recurringIn(hours, utc)
    assert.deepStrictEqual(others, [])
    assert.deepInclude(found, { period: "day", cron: "0 2 * * *", seen: 28, chances: 28 })
    assert.closeTo(found!.extra, 3000, 200)
  })

  it("are told in local time across a change to daylight saving", () => {
    // An hour is skipped on day 88, as it is in Vienna.
    const offset = (at: number) => (at < start + 88 * dayMs ? hourMs : 2 * hourMs)
    const hours = hoursOf(140, 4, (at) => {
      const local = new Date(at.getTime() + offset(at.getTime()))
      return local.getUTCDay() === 5 && local.getUTCHours() === 17 ? { factor: 3 } : {}
    })
    const week = recurringIn(hours, offset).filter(({ period }) => period === "week")
    assert.deepStrictEqual(
      week.map(({ cron }) => cron),
      ["0 17 * * 5"]
    )
    assert.strictEqual(week[0]!.seen, 20)
  })

  it("are found although some came late, some not at all, and hours are missing", () => {
    const hours = hoursOf(84, 5, (at) => {
      const week = Math.floor((at.getTime() - start) / (7 * dayMs))
      return at.getUTCDay() === 3 && at.getUTCHours() === 14 && week !== 4 && week !== 7 ? { factor: 3 } : {}
    }).map((hour, i) => (i % 17 === 0 ? { ...hour, count: undefined } : hour))
    const [found] = recurringIn(hours, utc)
    assert.strictEqual(found!.cron, "0 14 * * 3")
    assert.isBelow(found!.seen, found!.chances)
  })

  it("are not made up: in clean noise of a hundred groups for eight weeks at most one", () => {
    let found = 0
    for (let seed = 100; seed < 200; seed++)
      found += recurringIn(hoursOf(56, seed, undefined, 5 + (seed % 10) * 40), utc).length
    assert.isAtMost(found, 1)
  })

  it("are not looked for in less than four days, nor among single outliers", () => {
    assert.deepStrictEqual(
      recurringIn(
        hoursOf(3, 6, (at) => (at.getUTCHours() === 2 ? { extra: 3000 } : {})),
        utc
      ),
      []
    )
    const outliers = new Set([100, 390, 711, 905])
    const hours = hoursOf(56, 7).map((hour, i) => (outliers.has(i) ? { ...hour, count: 9 * (hour.count + 100) } : hour))
    assert.deepStrictEqual(recurringIn(hours, utc), [])
  })
})
