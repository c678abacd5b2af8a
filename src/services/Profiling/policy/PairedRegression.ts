/**
 * Whether one of two got slower, from measurements of both that shared a process and a moment, added one after the
 * other until the answer is clear. What disturbs both alike is not in the ratio of their costs. What is left is the
 * luck of a process (what the compiler guessed, where memory lies), about 1 to 3 %, which only more processes average
 * out: as many are run as that takes, and no more.
 *
 * Who is loaded first is at times a few per cent faster or slower, always in the same direction: two processes, one in
 * either order, make a pair, and the mean of their logarithms is one figure.
 *
 * The question is on which side of the smallest slowdown that matters the mean of the figures lies. It is answered
 * once that is three standard errors away from it. Equal sides are as far from the floor as is a slowdown of twice the
 * floor: to be wrong about either takes an error of that distance and three standard errors more, which is why looking
 * after every pair does no harm.
 */
import { type Comparison, type RegressionBar, standardBar, upperTail } from "./Regression.ts"

/** Pairs before which nothing is decided. */
export const fewestPairs = 3

/** Share of the pairs at either end that does not count: a process with bad luck is not evidence. */
const trimmed = 0.2

/** Standard errors between the mean and the floor at which it is decided. */
const decisive = 3

/**
 * The deviation of a few pairs is itself a guess, and at times a far too small one. It counts as that of so many pairs
 * more, which deviate by so much (of the logarithm): what was seen on a shared machine.
 */
const expected = { deviation: 0.015, pairs: 4 }

const sum = (values: ReadonlyArray<number>): number => values.reduce((all, value) => all + value, 0)

/**
 * The quantile of Student's distribution that belongs to 95 % two-sided (Cornish and Fisher's expansion; below 1 % off
 * from 4 on).
 */
const student = (freedom: number): number => {
  const z = 1.96
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
}

/**
 * Compares by the ratios of processes, after over before (1.05 is 5 % more), all above 0, in alternating order; one
 * without its counterpart does not count yet. "undecided": take another pair, if there is time.
 */
export const comparePairs = (
  ratios: ReadonlyArray<number>,
  bar: Pick<RegressionBar, "floor"> = standardBar
): Comparison => {
  const logs = Array.from({ length: ratios.length >> 1 }, (_, i) => Math.log(ratios[2 * i]! * ratios[2 * i + 1]!) / 2)
  logs.sort((a, b) => a - b)
  const n = logs.length
  if (n === 0) return { verdict: "undecided", ratio: Number.NaN, low: 0, high: Number.POSITIVE_INFINITY, p: 1 }
  const cut = Math.floor(n * trimmed)
  const kept = logs.slice(cut, n - cut)
  const mean = sum(kept) / kept.length
  const pulledIn = logs.map((log) => Math.min(Math.max(log, kept[0]!), kept.at(-1)!))
  const centre = sum(pulledIn) / n
  const squares = sum(pulledIn.map((log) => (log - centre) ** 2)) * (n / kept.length) ** 2
  const freedom = kept.length - 1 + expected.pairs
  const error = Math.sqrt((squares + expected.pairs * expected.deviation ** 2) / freedom / n)
  const floor = Math.log1p(bar.floor)
  const reach = student(freedom) * error
  const isBeyond = (from: number) => Math.abs(mean - from) > decisive * error
  const verdict =
    n < fewestPairs || !isBeyond(floor)
      ? "undecided"
      : mean > floor
        ? "regression"
        : mean < -floor && isBeyond(-floor)
          ? "improvement"
          : "unchanged"
  return {
    verdict,
    ratio: Math.exp(mean),
    low: Math.exp(mean - reach),
    high: Math.exp(mean + reach),
    p: upperTail(Math.abs(mean) / error)
  }
}
