import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { stripVTControlCharacters } from "node:util"
import * as DisplayWidth from "../../../src/cli/terminal/DisplayWidth.ts"
import { coloured, plain } from "../../../src/cli/terminal/Style.ts"
import * as Table from "../../../src/cli/terminal/Table.ts"
import { shown } from "./Shown.ts"

interface Job {
  readonly id: string
  readonly task: string
  readonly attempts: number
  readonly state: "pending" | "failed"
}

const columns: ReadonlyArray<Table.Column<Job>> = [
  { header: "JOB", value: (job) => job.id, minimum: 11 },
  {
    header: "STATE",
    value: (job) => job.state,
    style: (cell, job, style) => (cell === job.state ? style.state(job.state) : cell)
  },
  { header: "TRIES", value: (job) => String(job.attempts), align: "right" },
  { header: "KEY", value: () => "k", wide: true },
  { header: "TASK", value: (job) => job.task }
]

const jobs: ReadonlyArray<Job> = [
  { id: "0abc", task: "resize-image", attempts: 3, state: "pending" },
  { id: "0abd", task: "日本語のタスク名です", attempts: 12_345, state: "failed" },
  { id: "0abe", task: "evil\x1b[2J\nname", attempts: 0, state: "failed" }
]

describe("Table", () => {
  it("aligns columns, numbers to the right, wide characters counted as two cells", () => {
    assert.deepStrictEqual(Table.render(columns, jobs, { width: undefined, wide: false, style: plain }), [
      "JOB   STATE    TRIES  TASK",
      "0abc  pending      3  resize-image",
      "0abd  failed   12345  日本語のタスク名です",
      "0abe  failed       0  evil\\x1b[2J\\nname"
    ])
  })

  it("cuts the widest text to fit the terminal", () => {
    assert.deepStrictEqual(Table.render(columns, jobs, { width: 32, wide: false, style: plain }), [
      "JOB   STATE    TRIES  TASK",
      "0abc  pending      3  resize-im…",
      "0abd  failed   12345  日本語の…",
      "0abe  failed       0  evil\\x1b[…"
    ])
  })

  it("shows every column whole with --wide, whatever the terminal", () => {
    const [header, first] = Table.render(columns, jobs, { width: 20, wide: true, style: plain })
    assert.strictEqual(header, "JOB   STATE    TRIES  KEY  TASK")
    assert.strictEqual(first, "0abc  pending      3  k    resize-image")
  })

  it("colours without moving anything, and only when asked", () => {
    const bare = Table.render(columns, jobs, { width: 40, wide: false, style: plain })
    const painted = Table.render(columns, jobs, { width: 40, wide: false, style: coloured })
    assert.include(shown(painted[1]!), "\x1b[33mpending\x1b[39m")
    assert.deepStrictEqual(
      painted.map((line) => stripVTControlCharacters(line)),
      bare
    )
    assert.notInclude(bare.join(""), "\x1b")
  })

  it("shows nothing for no rows, and fields of one object", () => {
    assert.deepStrictEqual(Table.render(columns, [], { width: 80, wide: false, style: plain }), [])
    assert.deepStrictEqual(
      Table.fields([
        ["state", "failed"],
        ["key", ""],
        ["cause", "a\nb"]
      ]),
      ["state  failed", "cause  a\\nb"]
    )
  })

  it("does not measure what cannot fit", () => {
    const huge = [{ id: "x", task: "é".repeat(5_000_000), attempts: 1, state: "failed" as const }]
    const started = performance.now()
    assert.strictEqual(
      DisplayWidth.cells(Table.render(columns, huge, { width: 80, wide: false, style: plain })[1]!),
      80
    )
    assert.isBelow(performance.now() - started, 500)
  })

  const row = Schema.Struct({
    id: Schema.String,
    task: Schema.String,
    attempts: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99_999 })),
    state: Schema.Literals(["pending", "failed"])
  })

  it.prop(
    "never exceeds the terminal and puts each row on one line",
    [Schema.Array(row).check(Schema.isMinLength(1)), Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 120 }))],
    ([rows, width]) => {
      const lines = Table.render(columns, rows, { width, wide: false, style: plain })
      assert.strictEqual(lines.length, rows.length + 1)
      for (const line of lines) {
        assert.isAtMost(DisplayWidth.cells(line), width)
        assert.notInclude(line, "\n")
      }
    }
  )
})
