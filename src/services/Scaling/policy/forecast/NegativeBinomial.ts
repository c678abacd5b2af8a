/**
 * Quantiles of counts that scatter more than a Poisson distribution does: variance `mean + dispersion mean²`,
 * dispersion 0 being Poisson's (M. Greenwood, G. U. Yule, 1920). For small means, where counts are far from continuous.
 * Probabilities by recursion: O(quantile).
 */
export const negativeBinomialQuantiles = (
  mean: number,
  dispersion: number,
  levels: ReadonlyArray<number>
): ReadonlyArray<number> => {
  const size = 1 / Math.max(dispersion, 1e-6)
  const ratio = mean / (mean + size)
  let probability = Math.exp(size * Math.log1p(-ratio))
  let below = probability
  let count = 0
  const end = 20 + 60 * mean
  return levels.map((level) => {
    while (below < level && count < end) {
      count++
      probability *= (ratio * (size + count - 1)) / count
      below += probability
    }
    return count
  })
}
