import { assert, describe, it } from "@effect/vitest"
import { ChangeAlarm } from "../../../../../src/services/Scaling/policy/forecast/ChangeAlarm.ts"
import { SeededRandom } from "../../../../support/SeededRandom.ts"

/** Steps, of so many, at which a change is noticed in errors around `shift`; typical absolute error 1. */
const alarms = (shift: number, steps: number): ReadonlyArray<number> => {
  const random = new SeededRandom(1)
  const alarm = new ChangeAlarm()
  const found: Array<number> = []
  for (let step = 0; step < steps; step++) {
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
    if (alarm.update(shift + 1.25 * normal)) found.push(step)
  }
  return found
}

describe("the change alarm", () => {
  it("is silent for ten thousand steps of errors around 0", () => assert.deepStrictEqual(alarms(0, 10_000), []))

  it("notices errors that have moved by two typical ones, to either side, within 40 steps", () => {
    assert.isAtMost(alarms(2, 200)[0]!, 40)
    assert.isAtMost(alarms(-2, 200)[0]!, 40)
  })

  it("takes one outlier, however large, for no change", () => {
    const alarm = new ChangeAlarm()
    assert.isFalse(alarm.update(1e9))
    assert.isFalse(alarm.update(0))
  })
})
