import { assert, describe, it } from "@effect/vitest"
import { Analogs } from "../../../../../src/services/Scaling/policy/forecast/Analogs.ts"
import { History } from "../../../../../src/services/Scaling/policy/forecast/History.ts"
import { LocalCalendar } from "../../../../../src/services/Scaling/policy/forecast/LocalCalendar.ts"
import { day, stepSeconds } from "./LoadSeries.ts"

/** Which kind of day follows which no calendar tells. */
const kinds = ["work", "free", "free", "work", "free", "work", "work", "work", "free", "work"] as const
type Kind = (typeof kinds)[number]

/** Roots: at noon a working day is twice what it was in the morning, a free day half. */
const rootAt = (kind: Kind, slot: number): number => {
  if (slot < day / 4) return 10
  const morning = kind === "work" ? 14 : 8
  return slot < day / 2 ? morning : kind === "work" ? 28 : 4
}

/** Ten days, then one of the given kind up to eleven o'clock. */
const until11 = (today: Kind, calendar = new LocalCalendar(stepSeconds, undefined), kept = 20 * day) => {
  const history = new History(kept)
  const analogs = new Analogs(calendar, history)
  for (const kind of kinds) for (let slot = 0; slot < day; slot++) history.push(rootAt(kind, slot))
  for (let slot = 0; slot < (day * 11) / 24; slot++) history.push(rootAt(today, slot))
  return analogs
}

describe("days that went like this one", () => {
  const levelSteps = 4

  it("go on as days did whose morning was the same", () => {
    for (const today of ["work", "free"] as const) {
      const found = until11(today).at(day / 8, levelSteps)!
      assert.approximately(found.near, rootAt(today, (day * 14) / 24), 0.2)
      assert.approximately(found.start, rootAt(today, (day * 10) / 24), 0.2)
    }
  })

  it("are found at the same local time, whatever the clock did in between", () => {
    const change = 5 * day
    const shifted = new LocalCalendar(stepSeconds, (step) => (step < change ? 0 : 3600))
    const history = new History(20 * day)
    const analogs = new Analogs(shifted, history)
    kinds.forEach((kind, i) => {
      // The day the clocks go forward is an hour shorter.
      for (let slot = i === 5 ? 4 : 0; slot < day; slot++) history.push(rootAt(kind, slot))
    })
    for (let slot = 0; slot < (day * 11) / 24; slot++) history.push(rootAt("work", slot))
    // Noon is four steps on: at the old clock's time it would be six working days' morning.
    assert.approximately(analogs.at(5, levelSteps)!.near, rootAt("work", day / 2), 0.2)
  })

  it("are not told of before there are three", () => {
    const history = new History(20 * day)
    const analogs = new Analogs(new LocalCalendar(stepSeconds, undefined), history)
    for (let step = 0; step < 3 * day; step++) history.push(step % day)
    assert.isUndefined(analogs.at(1, levelSteps))
    for (let step = 0; step < day / 2; step++) history.push(step % day)
    assert.isDefined(analogs.at(1, levelSteps))
  })

  it("count only as far as is known what they went on with: more than a day ahead yesterday is left out", () => {
    const history = new History(20 * day)
    const analogs = new Analogs(new LocalCalendar(stepSeconds, undefined), history)
    // Alike until noon; the afternoon of day n is n.
    for (let n = 1; n <= 5; n++)
      for (let slot = 0; slot < day; slot++) history.push(slot < day / 2 || slot >= (3 * day) / 4 ? 8 : n)
    for (let slot = 0; slot < day / 2; slot++) history.push(8)
    assert.approximately(analogs.at(day / 8, levelSteps)!.near, (1 + 2 + 3 + 4 + 5) / 5, 1e-6)
    assert.approximately(analogs.at(day + day / 8, levelSteps)!.near, (2 + 3 + 4 + 5) / 4, 1e-6)
    assert.isUndefined(analogs.at(40 * day, levelSteps))
  })
})
