/** Correlation with itself below which a period is not worth a try, and the fewest values it is looked for in. */
const leastCorrelation = 0.25
const fewestValues = 64

/**
 * The period at which a series resembles itself most, by sample autocorrelation (G. E. P. Box, G. M. Jenkins, 1970):
 * the highest peak behind the first fall below 0, and among its near-equals the shortest, since multiples of a period
 * are as good. In values, at most a third of the series; undefined when none stands out. Cost: n²/3 multiplications.
 */
export const strongestPeriod = (values: Float64Array): number | undefined => {
  const n = values.length
  if (n < fewestValues) return undefined
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const centred = values.map((value) => value - mean)
  const energy = centred.reduce((sum, value) => sum + value * value, 0)
  if (!(energy > 1e-9 * n)) return undefined
  const reach = Math.floor(n / 3)
  const correlations = new Float64Array(reach + 1)
  for (let lag = 1; lag <= reach; lag++) {
    let sum = 0
    for (let i = lag; i < n; i++) sum += centred[i]! * centred[i - lag]!
    correlations[lag] = (sum / energy) * (n / (n - lag))
  }
  const first = correlations.findIndex((correlation, lag) => lag > 0 && correlation < 0)
  if (first < 0) return undefined
  const isPeak = (lag: number) =>
    correlations[lag]! >= leastCorrelation &&
    correlations[lag]! >= correlations[lag - 1]! &&
    correlations[lag]! >= (correlations[lag + 1] ?? Number.NEGATIVE_INFINITY)
  let highest = 0
  for (let lag = first; lag <= reach; lag++) if (isPeak(lag)) highest = Math.max(highest, correlations[lag]!)
  for (let lag = first; highest > 0 && lag <= reach; lag++) {
    if (isPeak(lag) && correlations[lag]! >= 0.9 * highest) return lag
  }
  return undefined
}
