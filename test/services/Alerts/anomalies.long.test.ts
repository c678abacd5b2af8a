import { assert, describe, it } from "@effect/vitest"
import { judge, type Verdict } from "../../support/alerts/Judging.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"
const count = isReduced ? 3 : 8
/** Beyond those the detectors were tuned on. */
const firstSeed = 101

const options = { weeks: 8, quietWeeks: 2 }

describe("the detectors", () => {
  for (const perStep of [3, 30, 300, 3000]) {
    it(`find what is planted in series of ${perStep} jobs in five minutes, and cry at most once a week`, () => {
      const verdicts: Array<Verdict> = []
      for (const dispersion of [0.02, 0.15]) {
        const verdict = judge(firstSeed, count, { ...options, perStep, dispersion, incidents: true })
        verdicts.push(verdict)
        const label = `dispersion ${dispersion}: precision ${verdict.precision}, recall ${verdict.recall}`
        assert.isAtLeast(verdict.precision, 0.8, label)
        assert.isAtLeast(verdict.recall, 0.8, label)
        assert.isAtMost(verdict.falsePerWeek, 1, label)
        const clean = judge(firstSeed, count, { ...options, perStep, dispersion, incidents: false })
        // Measured: 0.06 to 0.36 a week, all three detectors together.
        assert.isAtMost(clean.falsePerWeek, 0.6, `clean noise, ${label}`)
      }
      assert.isAtLeast(verdicts[0]!.planted, count * 15)
    })
  }
})
