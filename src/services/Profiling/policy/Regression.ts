/**
 * Whether measurements got slower, beyond noise. Two samples of runs, before and after, are compared by rank, so that a
 * run disturbed by the machine weighs no more than any other: the Mann-Whitney U test (H. B. Mann, D. R. Whitney,
 * 1947), with the normal approximation, correction for ties and for continuity. How much slower is the median of all
 * pairwise ratios, the estimate of Hodges and Lehmann (1963) on the logarithmic scale, with the interval that belongs
 * to the same test. A change counts when it is both unlikely to be chance and large enough to matter.
 */

/** What counts as a regression. */
export interface RegressionBar {
  /**
   * Chance of calling equal runs a regression, one-sided. Default 0.005: one false alarm in 200 checks of a single
   * task.
   */
  readonly alpha: number
  /**
   * Smallest slowdown that matters, as a share. Default 0.05: smaller ones are real at times, and not worth a broken
   * build.
   */
  readonly floor: number
}

export const standardBar: RegressionBar = { alpha: 0.005, floor: 0.05 }

/** Runs of each side below which no verdict is given: with fewer the test cannot reach `alpha`. */
export const fewestRuns = 8

export interface Comparison {
  readonly verdict: "regression" | "improvement" | "unchanged" | "too few runs" | "undecided"
  /** After over before: 1.15 is 15 % more. */
  readonly ratio: number
  /** Where the ratio lies with 95 % confidence. */
  readonly low: number
  readonly high: number
  /** Probability of ranks at least as unequal by chance, in the direction of the change. */
  readonly p: number
}

/** Upper tail of the standard normal distribution (Abramowitz and Stegun 7.1.26; absolute error below 2e-7). */
export const upperTail = (z: number): number => {
  if (z < 0) return 1 - upperTail(-z)
  const t = 1 / (1 + 0.3275911 * (z / Math.SQRT2))
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  return 0.5 * series * Math.exp((-z * z) / 2)
}

/** U of `after`, how many of the pairs it wins (ties half), with its mean and deviation under equality. */
const rankSum = (before: ReadonlyArray<number>, after: ReadonlyArray<number>) => {
  const all = [
    ...before.map((value) => ({ value, isAfter: false })),
    ...after.map((value) => ({ value, isAfter: true }))
  ]
  all.sort((a, b) => a.value - b.value)
  const n = all.length
  let ranks = 0
  let ties = 0
  for (let i = 0; i < n; ) {
    let j = i
    while (j < n && all[j]!.value === all[i]!.value) j++
    const rank = (i + 1 + j) / 2
    for (let k = i; k < j; k++) if (all[k]!.isAfter) ranks += rank
    ties += (j - i) ** 3 - (j - i)
    i = j
  }
  const [n1, n2] = [before.length, after.length]
  const u = ranks - (n2 * (n2 + 1)) / 2
  const deviation = Math.sqrt(((n1 * n2) / 12) * (n + 1 - ties / (n * (n - 1))))
  return { u, mean: (n1 * n2) / 2, deviation }
}

/** Compares two samples of one measure of cost, each a figure per run: larger is worse, all above 0. */
export const compareRuns = (
  before: ReadonlyArray<number>,
  after: ReadonlyArray<number>,
  bar: RegressionBar = standardBar
): Comparison => {
  const ratios = before.flatMap((a) => after.map((b) => b / a)).sort((a, b) => a - b)
  const at = (index: number) => ratios[Math.max(0, Math.min(ratios.length - 1, index))] ?? Number.NaN
  const middle = ratios.length / 2
  const ratio = ratios.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2
  const { deviation, mean, u } = rankSum(before, after)
  const reach = 1.96 * deviation
  const low = at(Math.floor(middle - reach))
  const high = at(Math.ceil(middle + reach) - 1)
  const away = Math.max(0, Math.abs(u - mean) - 0.5)
  const p = deviation === 0 ? 1 : upperTail(away / deviation)
  if (Math.min(before.length, after.length) < fewestRuns) return { verdict: "too few runs", ratio, low, high, p }
  const isBeyondChance = p < bar.alpha
  const verdict =
    isBeyondChance && ratio >= 1 + bar.floor
      ? "regression"
      : isBeyondChance && ratio <= 1 / (1 + bar.floor)
        ? "improvement"
        : "unchanged"
  return { verdict, ratio, low, high, p }
}
