import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { stripVTControlCharacters } from "node:util"
import * as DisplayWidth from "../../../src/cli/terminal/DisplayWidth.ts"
import * as ProgressLines from "../../../src/cli/terminal/ProgressLines.ts"
import type { GroupFigures } from "../../../src/cli/terminal/ProgressTally.ts"
import { coloured, plain } from "../../../src/cli/terminal/Style.ts"
import { shown } from "./Shown.ts"

const groups: ReadonlyArray<GroupFigures> = [
  {
    group: "filesystem",
    expected: 500,
    done: 210,
    failed: 0,
    running: 5,
    ratePerSecond: 812.3,
    p95Millis: 1.92,
    etaMillis: 357
  },
  {
    group: "memory-intensive",
    expected: 10_000,
    done: 10_000,
    failed: 3,
    running: 0,
    ratePerSecond: 12.34,
    p95Millis: 1250,
    etaMillis: 0
  },
  {
    group: "evil\x1b[2J",
    expected: 1000,
    done: 0,
    failed: 0,
    running: 0,
    ratePerSecond: undefined,
    p95Millis: undefined,
    etaMillis: undefined
  }
]

describe("ProgressLines", () => {
  it("draws a line per group with aligned figures", () => {
    assert.deepStrictEqual(ProgressLines.bars(groups, { columns: 120, rows: 24 }, plain), [
      "filesystem        ████████████░░░░░░░░░░░░░░░░░░   42 %        210/500   812/s  p95 1.9 ms  ETA 1 s",
      "memory-intensive  ██████████████████████████████  100 %  10,000/10,000  12.3/s   p95 1.3 s     done  3 failed",
      "evil\\x1b[2J       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    0 %        0/1,000       –       p95 –    ETA –"
    ])
  })

  it("gives up the bar first, then the lesser figures, and cuts what still does not fit", () => {
    assert.deepStrictEqual(ProgressLines.bars(groups.slice(0, 1), { columns: 64, rows: 24 }, plain), [
      "filesystem  ███░░░░░  42 %  210/500  812/s  p95 1.9 ms  ETA 1 s"
    ])
    assert.deepStrictEqual(ProgressLines.bars(groups.slice(0, 1), { columns: 55, rows: 24 }, plain), [
      "filesystem  42 %  210/500  812/s  p95 1.9 ms  ETA 1 s"
    ])
    assert.deepStrictEqual(ProgressLines.bars(groups.slice(0, 1), { columns: 45, rows: 24 }, plain), [
      "filesystem  42 %  210/500  812/s  ETA 1 s"
    ])
    assert.deepStrictEqual(ProgressLines.bars(groups.slice(0, 1), { columns: 36, rows: 24 }, plain), [
      "filesystem  42 %  210/500  ETA 1 s"
    ])
    assert.deepStrictEqual(ProgressLines.bars(groups.slice(0, 1), { columns: 30, rows: 24 }, plain), [
      "filesystem  42 %  210/500  E…"
    ])
  })

  it("leaves room for the cursor on a low terminal", () => {
    const many = Array.from({ length: 40 }, (_, i) => ({ ...groups[0]!, group: `g${i}` }))
    const lines = ProgressLines.bars(many, { columns: 80, rows: 10 }, plain)
    assert.strictEqual(lines.length, 9)
    assert.strictEqual(lines.at(-1), "… and 32 more groups")
    assert.deepStrictEqual(ProgressLines.bars([], { columns: 80, rows: 10 }, plain), [])
  })

  it("colours failures without moving anything", () => {
    const painted = ProgressLines.bars(groups, { columns: 120, rows: 24 }, coloured)
    assert.include(shown(painted[1]!), "\x1b[31m3 failed\x1b[39m")
    assert.deepStrictEqual(
      painted.map((line) => stripVTControlCharacters(line)),
      ProgressLines.bars(groups, { columns: 120, rows: 24 }, plain)
    )
  })

  it("reports a group in one line for logs", () => {
    assert.deepStrictEqual(groups.map(ProgressLines.report), [
      "filesystem: 42 %, 210/500, 812/s, p95 1.9 ms, ETA 1 s",
      "memory-intensive: 100 %, 10,000/10,000, 12.3/s, p95 1.3 s, done, 3 failed",
      "evil\\x1b[2J: 0 %, 0/1,000, –, p95 –, ETA –"
    ])
  })

  const natural = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 }))
  it.prop(
    "never reaches the last column, whatever the figures",
    [
      Schema.Array(
        Schema.Struct({
          group: Schema.String,
          expected: natural,
          done: natural,
          failed: natural,
          rate: Schema.Finite,
          p95: Schema.Finite
        })
      ),
      Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 200 })),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30 }))
    ],
    ([all, columns, rows]) => {
      const figures = all.map(
        (one): GroupFigures => ({
          ...one,
          expected: Math.max(one.expected, one.done),
          running: 0,
          ratePerSecond: one.rate,
          p95Millis: one.p95,
          etaMillis: one.p95
        })
      )
      const lines = ProgressLines.bars(figures, { columns, rows }, plain)
      assert.isAtMost(lines.length, Math.max(1, rows - 1))
      for (const line of lines) assert.isBelow(DisplayWidth.cells(line), columns)
    }
  )
})
