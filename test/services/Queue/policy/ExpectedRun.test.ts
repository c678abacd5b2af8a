import { assert, describe, it } from "@effect/vitest"
import type { RollUp } from "../../../../src/services/Store/RollUp.ts"
import { expectedRuns } from "../../../../src/services/Queue/policy/ExpectedRun.ts"

const hour = 3_600_000

const seen = (task: string, hours: number, count: number, meanMs: number, group = "g"): RollUp =>
  ({
    group,
    task,
    start: hours * hour,
    run: { count, sum: count * meanMs, max: meanMs, buckets: [] }
  }) as unknown as RollUp

describe("the expected run of a task", () => {
  it("is the mean over the newest two hours in which it ran", () => {
    const runs = expectedRuns([seen("a", 1, 50, 9_000), seen("a", 7, 1, 100), seen("a", 9, 3, 500)], new Map())
    assert.strictEqual(runs.get("g")!.get("a")!.ms, 400)
  })

  it("comes with the part of the work in tasks that run at most as long, whatever the unit", () => {
    const shares = (factor: number) =>
      [
        ...expectedRuns(
          [seen("mail", 5, 100, factor), seen("report", 5, 10, 30 * factor), seen("idle", 5, 0, 0)],
          new Map()
        )
          .get("g")!
          .entries()
      ].map(([task, { share }]) => [task, share])
    assert.deepStrictEqual(shares(1_000), [
      ["mail", 0.25],
      ["report", 1]
    ])
    assert.deepStrictEqual(shares(1_000), shares(0.125))
  })

  it("of a task that has not run lately stays what it was, at its place among the others", () => {
    const before = expectedRuns([seen("nightly", 1, 1, 5_000), seen("other", 1, 1, 1, "h")], new Map())
    const runs = expectedRuns([seen("mail", 20, 9, 100), seen("report", 20, 1, 8_100)], before)
    assert.deepStrictEqual(
      [...runs.get("g")!].map(([task, { ms, share }]) => [task, ms, share]),
      [
        ["mail", 100, 0.1],
        ["nightly", 5_000, 0.1],
        ["report", 8_100, 1]
      ]
    )
    assert.strictEqual(runs.get("h")!.get("other")!.ms, 1)
  })

  it("is nothing where nothing ran", () => assert.strictEqual(expectedRuns([], new Map()).size, 0))
})
