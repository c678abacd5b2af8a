/** How good a forecast is, and whether to trust it, in sentences. */
import type { Distrust, ForecastQuality } from "../../services/Queue/index.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/** An error larger than the counts themselves is as little right as none at all. */
const percent = (share: number | undefined): string =>
  share === undefined ? HumanNumber.unknown : `${Math.round(Math.max(0, share) * 100)} %`

/** How it has done of late over its horizon, the naive forecast beside it; says so when that is not known yet. */
export const qualityLine = (quality: ForecastQuality): string => {
  const mode = quality.mode === "reactive" ? "the last counts" : `${Sanitize.line(quality.mode)}`
  const what = `By ${mode} (${Sanitize.line(quality.model)}), from ${HumanNumber.count(quality.steps)} steps.`
  if (quality.accuracy === undefined) return `${what} How good it is is not known yet.`
  const next = quality.accuracyNext === undefined ? "" : ` (${percent(quality.accuracyNext)} one step ahead)`
  const naive = quality.naiveError === undefined ? "" : `; the naive forecast: ${percent(1 - quality.naiveError)}`
  const mase = quality.mase === undefined ? "" : `, MASE ${quality.mase.toFixed(2)}`
  const coverage =
    quality.coverage === undefined ? "" : ` Its 90 % interval held ${percent(quality.coverage)} of the counts.`
  const floor =
    quality.noiseFloor === undefined
      ? ""
      : ` No forecast could be more than ${percent(1 - quality.noiseFloor)} right: counts vary by chance.`
  const changed = quality.changed ? " The level changed lately; the intervals are wide until it is known again." : ""
  return `${what} Of late ${percent(quality.accuracy)} right${next}${mase}${naive}.${coverage}${floor}${changed}`
}

const instead = "the scaler goes by what runs and waits now"

/** When not to trust it; empty when nothing speaks against it. */
export const distrustLine = (distrust: Distrust | null | undefined): string => {
  switch (distrust) {
    case "cold":
      return `Do not trust it yet: too little has been seen; ${instead}.`
    case "worse than naive":
      return `Do not trust it: of late it was no better than the naive forecast; ${instead}.`
    case "badly covered":
      return `Do not trust its intervals: of late they did not hold what they should; ${instead}.`
    case "stale":
      return `Do not trust it: it has not seen the last steps; ${instead}.`
    default:
      return ""
  }
}
