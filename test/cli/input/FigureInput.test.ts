import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { parseFigure } from "../../../src/cli/input/FigureInput.ts"
import type { AlertMetrics } from "../../../src/services/Alerts/index.ts"

const read = (unit: AlertMetrics.MetricUnit, text: string) => {
  const figure = parseFigure(unit, text)
  return Result.isSuccess(figure) ? figure.success : figure.failure
}

describe("a threshold", () => {
  it("is read in the unit of its metric", () => {
    assert.strictEqual(read("jobs", "10,000"), 10_000)
    assert.strictEqual(read("share", "5 %"), 0.05)
    assert.strictEqual(read("duration", "2m"), 120_000)
    assert.strictEqual(read("bytes", "1.5GiB"), 1.5 * 1024 ** 3)
    assert.strictEqual(read("pressure", "high"), 2)
    assert.strictEqual(read("suspicion", "1"), 1)
  })

  it("of another kind is refused with what was expected", () => {
    for (const [unit, text, expected] of [
      ["jobs", "-1", "a number of jobs"],
      ["jobs", "1.5", "a number of jobs"],
      ["jobs", "", "a number of jobs"],
      ["share", "0.05", "a percentage"],
      ["duration", "soon", "a duration"],
      ["bytes", "10", "a size"],
      ["pressure", "huge", "elevated, high or critical"],
      ["suspicion", "much", "1:"]
    ] as const)
      assert.include(String(read(unit, text)), expected, `${unit} ${text}`)
  })
})
