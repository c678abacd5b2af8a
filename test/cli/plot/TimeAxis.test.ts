import { assert, describe, it } from "@effect/vitest"
import { isTimeZone, timeTicks } from "../../../src/cli/plot/TimeAxis.ts"

const at = (text: string) => Date.parse(text)
const labels = (from: string, to: string, zone: string, most = 10) =>
  timeTicks(at(from), at(to), zone, most).map(({ label }) => label)

describe("ticks of a time axis", () => {
  it("stand at round local times", () => {
    assert.deepStrictEqual(labels("2026-07-01T06:20:00Z", "2026-07-01T12:00:00Z", "Europe/Vienna", 6), [
      "09:00",
      "10:00",
      "11:00",
      "12:00",
      "13:00",
      "14:00"
    ])
    assert.deepStrictEqual(labels("2026-07-01T10:00:00Z", "2026-07-01T11:10:00Z", "Asia/Kolkata", 4), [
      "15:30",
      "16:00",
      "16:30"
    ])
  })

  it("name the day at midnight", () => {
    assert.deepStrictEqual(labels("2026-11-20T15:00:00Z", "2026-11-21T09:00:00Z", "UTC", 4), [
      "18:00",
      "Sat 21 Nov",
      "06:00"
    ])
  })

  it("keep midnights at midnight when the clocks change, in spring and in autumn", () => {
    for (const [from, to] of [
      ["2026-03-27T00:00:00Z", "2026-03-31T12:00:00Z"],
      ["2026-10-23T00:00:00Z", "2026-10-27T12:00:00Z"]
    ] as const) {
      const ticks = timeTicks(at(from), at(to), "Europe/Vienna", 5)
      assert.isTrue(ticks.every(({ midnight }) => midnight))
      assert.strictEqual(ticks.length, 4)
      const gaps = ticks.slice(1).map((tick, i) => (tick.at - ticks[i]!.at) / 3_600_000)
      assert.deepStrictEqual(
        gaps.toSorted((a, b) => a - b),
        from.includes("-03-") ? [23, 24, 24] : [24, 24, 25]
      )
    }
  })

  it("are never more than asked for, in order and within, for spans from minutes to a year", () => {
    for (const minutes of [3, 17, 60, 200, 1000, 5000, 20_000, 100_000, 525_600]) {
      const from = at("2026-02-13T03:07:00Z")
      const to = from + minutes * 60_000
      const ticks = timeTicks(from, to, "America/New_York", 8)
      assert.isTrue(ticks.length >= 1 && ticks.length <= 9, `${minutes} min: ${ticks.length}`)
      for (const [i, tick] of ticks.entries()) {
        assert.isTrue(tick.at >= from && tick.at <= to)
        if (i > 0) assert.isAbove(tick.at, ticks[i - 1]!.at)
      }
    }
  })
})

describe("a time zone", () => {
  it("is known by its name", () => {
    assert.isTrue(isTimeZone("Europe/Vienna"))
    assert.isTrue(isTimeZone("UTC"))
    assert.isFalse(isTimeZone("Europe/Wien"))
  })
})
