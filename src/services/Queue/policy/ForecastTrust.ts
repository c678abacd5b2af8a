/** Whether slots may follow a forecast, or are better decided from what runs and waits. */
import type { ForecastQuality } from "../LoadPrediction.ts"
import type { Distrust } from "../ScaleDecision.ts"

/** Counts before a forecast is followed: half an hour of minutes has shown its noise. */
const stepsLeast = 30
/** A forecast may be this much worse than the naive one before it is left: below it the difference is chance. */
const worseMost = 1.1
/** Counts that lie within an interval that is meant for 0.9. */
const coveredLeast = 0.75
/** Whole steps that may lack at its end: one is being read, one was missed. */
const staleAfterSteps = 3

export const distrustOf = (quality: ForecastQuality, behindSteps: number): Distrust | undefined => {
  if (quality.steps < stepsLeast) return "cold"
  if (behindSteps > staleAfterSteps) return "stale"
  const { coverage, error, naiveError } = quality
  if (error !== undefined && naiveError !== undefined && error > naiveError * worseMost) return "worse than naive"
  if (coverage !== undefined && coverage < coveredLeast) return "badly covered"
  return undefined
}
