import { assert, describe, it } from "@effect/vitest"
import { usageRows } from "../../src/api/UsageShape.ts"
import type { UsageRecord } from "../../src/services/Queue/index.ts"

const record = (of: Partial<UsageRecord>): UsageRecord => ({
  group: "g",
  task: "t",
  state: "completed",
  count: 0,
  measured: 0,
  payloadBytes: 0,
  resultBytes: 0,
  logBytes: 0,
  ...of
})

describe("what jobs take", () => {
  it("is told as it is where all were measured, and in proportion where some were", () => {
    const [many, few] = usageRows(
      [
        record({ task: "few", count: 2, measured: 2, payloadBytes: 30, logBytes: 5 }),
        record({ task: "many", count: 1_000, measured: 10, payloadBytes: 100, resultBytes: 20 })
      ],
      [],
      true
    )
    assert.deepInclude(few, { task: "few", jobs: 2, payloadBytes: 30, logBytes: 5, estimated: false })
    assert.deepInclude(many, { jobs: 1_000, payloadBytes: 10_000, resultBytes: 2_000, logBytes: 0, estimated: true })
  })

  it("puts the tasks of a group and state together, with the outputs of their commands, and names the largest first", () => {
    const rows = usageRows(
      [
        record({ group: "a", count: 1, measured: 1, payloadBytes: 10 }),
        record({ group: "b", task: "x", count: 1, measured: 1, payloadBytes: 20 }),
        record({ group: "b", task: "y", count: 3, measured: 3, payloadBytes: 30 }),
        record({ group: "b", task: "y", state: "failed", count: 1, measured: 1, payloadBytes: 1 })
      ],
      [
        { group: "b", task: "y", state: "completed", bytes: 7 },
        { group: "gone", task: "y", state: "completed", bytes: 9 }
      ],
      false
    )
    assert.deepStrictEqual(
      rows.map(({ group, jobs, outputBytes, payloadBytes, state, task }) => [
        group,
        task,
        state,
        jobs,
        payloadBytes,
        outputBytes
      ]),
      [
        ["b", null, "completed", 4, 50, 7],
        ["a", null, "completed", 1, 10, 0],
        ["b", null, "failed", 1, 1, 0]
      ]
    )
  })

  it("takes the mean of all for cells in which none was measured", () => {
    const [large, small] = usageRows(
      [
        record({ count: 100, measured: 10, payloadBytes: 500 }),
        record({ task: "rare", state: "failed", count: 3, measured: 0 })
      ],
      [],
      true
    )
    assert.deepInclude(large, { payloadBytes: 5_000 })
    assert.deepInclude(small, { payloadBytes: 150, estimated: true })
  })
})
