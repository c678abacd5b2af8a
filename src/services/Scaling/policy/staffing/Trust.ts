/**
 * Whether a forecast is good enough to decide on. Losing trust takes more than regaining it needs less of: it does not
 * change with every step.
 */

/** Why a forecast is left out. */
export type Distrust = "cold" | "worse than naive" | "badly covered" | "stale" | "set aside"

/** What a forecaster says of itself, of forecasts that were served. Undefined: not measured yet. */
export interface TrackRecord {
  /** Steps measured. */
  readonly measured: number
  /** 1 - sum of errors / sum of counts. */
  readonly accuracy: number | undefined
  /** The same of the naive forecast. */
  readonly naiveAccuracy: number | undefined
  /** Part of the counts within the interval that is meant to hold 90 %. */
  readonly coverage: number | undefined
}

/** Steps to have seen. */
const fewest = 60
/** Accuracy below that of the naive forecast that ends trust. It returns when it is no longer below. */
const worse = 0.02
/** Coverage that ends trust, and what brings it back; 0.9 is meant. */
const [coverageLost, coverageRegained] = [0.7, 0.8]

/** Undefined: to be trusted. `isStale`: it says nothing of the coming time. */
export const distrustOf = (
  record: TrackRecord | undefined,
  isStale: boolean,
  before: Distrust | undefined
): Distrust | undefined => {
  if (record === undefined || !(record.measured >= fewest)) return "cold"
  if (isStale) return "stale"
  const { accuracy, coverage, naiveAccuracy } = record
  if (accuracy !== undefined && naiveAccuracy !== undefined) {
    const behind = naiveAccuracy - accuracy
    if (!(behind <= (before === "worse than naive" ? 0 : worse))) return "worse than naive"
  }
  if (coverage !== undefined && !(coverage >= (before === "badly covered" ? coverageRegained : coverageLost)))
    return "badly covered"
  return undefined
}
