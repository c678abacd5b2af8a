import { assert, describe, it } from "@effect/vitest"
import { readAllowances } from "../../../scripts/speed/Allowance.ts"
import { type Compared, judge } from "../../../scripts/speed/Judgement.ts"

const figures = ["enqueue", "memory path"]

const compared = (verdict: Compared["verdict"], low: number, ratio: number, high: number): Compared => ({
  figure: "enqueue",
  verdict,
  ratio,
  low,
  high,
  beforeUs: 4,
  afterUs: 4 * ratio,
  runs: 8
})

const allowed = (text: string) => readAllowances(text, figures).allowances

describe("a compared figure", () => {
  it("fails when it got slower, and says how to say that it is meant", () => {
    const { outcome, text } = judge(compared("regression", 1.04, 1.053, 1.066), [])
    assert.strictEqual(outcome, "failed")
    assert.include(text, "Slower: enqueue 6 % because …")
  })

  it("passes a slowdown up to what a commit says is meant, and shows its reason", () => {
    const meant = allowed("enqueue 6 % because jobs carry a checksum now")
    const { outcome, text } = judge(compared("regression", 1.045, 1.062, 1.08), meant)
    assert.strictEqual(outcome, "ok")
    assert.include(text, "jobs carry a checksum now")
    assert.strictEqual(judge(compared("regression", 1.07, 1.1, 1.13), meant).outcome, "failed")
    assert.strictEqual(
      judge(compared("regression", 1.04, 1.05, 1.06), allowed("memory path 9 % because …")).outcome,
      "failed"
    )
  })

  it("passes when it is undecided but cannot be 5 %, and counts as skipped when it can", () => {
    assert.strictEqual(judge(compared("undecided", 0.99, 1.02, 1.049), []).outcome, "ok")
    assert.strictEqual(judge(compared("undecided", 0.99, 1.02, 1.051), []).outcome, "skipped")
    assert.strictEqual(judge(compared("improvement", 0.9, 0.92, 0.94), []).outcome, "ok")
  })
})

describe("the trailers of commits", () => {
  it("allow a figure so much, with a reason", () => {
    assert.deepStrictEqual(readAllowances("memory path 2.5% because of X\n\nenqueue 10 % because of Y\n", figures), {
      allowances: [
        { figure: "memory path", ratio: 1.025, text: "memory path 2.5% because of X" },
        { figure: "enqueue", ratio: 1.1, text: "enqueue 10 % because of Y" }
      ],
      unreadable: []
    })
  })

  it.each([
    "enqueue 6 %",
    "enqueue because of X",
    "enqueue 6 % because",
    "everything 6 % because of X",
    "6 % because of X",
    "enqueue -6 % because of X"
  ])("are told when they are none: %s", (text) =>
    assert.deepStrictEqual(readAllowances(text, figures), { allowances: [], unreadable: [text] })
  )
})
