import { assert, describe, it } from "@effect/vitest"
import { defaults } from "../../../../src/services/Scaling/ScaleSettings.ts"
import { staffingSettingsOf } from "../../../../src/services/Scaling/rounds/Round.ts"

describe("what staffing is told of a group's settings", () => {
  it("as many changes in an hour of minutes as in ten minutes of steps of ten seconds, and no fewer for steps of an hour", () => {
    const changes = (stepMs: 10_000 | 60_000 | 3_600_000) =>
      staffingSettingsOf({ ...defaults, stepMs }, undefined, undefined).changesPerHour
    assert.strictEqual(changes(10_000), 6 * changes(60_000))
    assert.strictEqual(changes(3_600_000), changes(60_000))
  })
})
