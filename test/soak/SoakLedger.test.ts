import { assert, describe, it } from "@effect/vitest"
import { checkLedger } from "../../src/soak/SoakLedger.ts"
import type { SoakPlan } from "../../src/soak/SoakPlan.ts"
import type { SoakLine } from "../../src/soak/SoakSamples.ts"

const plan: SoakPlan = {
  format: 1,
  accelerated: true,
  hours: 1,
  jobs: 4,
  workers: 1,
  slots: 100,
  retain: 20_000,
  sampleMs: 1000
}

const part = (number: number, from: number): SoakLine => ({
  type: "part",
  elapsed: 0,
  part: number,
  startedAt: "",
  from,
  load: 0
})
const produced = (number: number, sent: number, low: number): SoakLine => ({
  type: "produced",
  elapsed: 0,
  part: number,
  sent,
  acknowledged: low,
  low,
  done: sent === plan.jobs
})
const end = (number: number): SoakLine => ({ type: "end", elapsed: 0, part: number, load: 0 })
const whole = [part(1, 0), produced(1, 4, 4), end(1)]
const ran = ["1 0 1 ok", "1 1 1 ok", "1 2 1 ok", "1 3 1 ok", ""]

describe("checkLedger", () => {
  it("is content when every acknowledged job ran to its end once", () => {
    assert.deepStrictEqual(checkLedger(plan, whole, ran.join("\n")), {
      oneIn: 1,
      followed: 4,
      lost: 0,
      repeated: 0,
      impossible: 0
    })
  })

  it("counts a job that never ran, or only failed, as lost", () => {
    assert.strictEqual(checkLedger(plan, whole, ran.toSpliced(2, 1).join("\n")).lost, 1)
    assert.strictEqual(checkLedger(plan, whole, ran.toSpliced(2, 1, "1 2 1 failed").join("\n")).lost, 1)
    assert.strictEqual(checkLedger(plan, whole, ran.toSpliced(2, 1, "1 2 1 failed", "1 2 2 ok").join("\n")).lost, 0)
  })

  it("counts a second run of a job as repeated, the same attempt twice as impossible", () => {
    const again = checkLedger(plan, whole, ran.toSpliced(2, 0, "1 1 2 ok").join("\n"))
    assert.deepInclude(again, { repeated: 1, impossible: 0 })
    const doubled = checkLedger(plan, whole, ran.toSpliced(2, 0, "1 1 1 ok").join("\n"))
    assert.deepInclude(doubled, { repeated: 0, impossible: 1 })
  })

  it("counts a job nobody sent as impossible", () => {
    assert.strictEqual(checkLedger(plan, whole, [...ran.slice(0, -1), "1 4 1 ok", ""].join("\n")).impossible, 1)
    assert.strictEqual(checkLedger(plan, whole, [...ran.slice(0, -1), "2 0 1 ok", ""].join("\n")).impossible, 1)
  })

  it("asks of a part that crashed only what was acknowledged at its last sample", () => {
    const lines = [part(1, 0), produced(1, 2, 1), part(2, 2), produced(2, 4, 4), end(2)]
    const text = ["1 0 1 ok", "1 2 1 ok", "2 2 1 ok", "2 3 1 ok", ""].join("\n")
    assert.deepStrictEqual(checkLedger(plan, lines, text), {
      oneIn: 1,
      followed: 3,
      lost: 0,
      repeated: 0,
      impossible: 0
    })
  })

  it("leaves out a last line that a kill cut off", () => {
    assert.strictEqual(checkLedger(plan, whole, `${ran.join("\n")}1 3`).impossible, 0)
  })
})
