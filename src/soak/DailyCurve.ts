/**
 * The shape of a day's load: a quiet night, two peaks, a dip between them. The rate at a share `x` of the day (0 to 1)
 * is the mean times `1 − 0.55·cos 2πx − 0.25·cos 4πx`: 0.2 of the mean at midnight, 1.40 at the peaks. Chosen for its
 * closed integral; it models nobody's traffic.
 */

const turn = 2 * Math.PI

/** The rate at a share of the day, as a multiple of the mean. */
export const rateAt = (share: number): number => 1 - 0.55 * Math.cos(turn * share) - 0.25 * Math.cos(2 * turn * share)

/** The share of the day's jobs that are due by a share of the day: 0 at its start, 1 at its end, rising. */
export const dueBy = (share: number): number =>
  share <= 0
    ? 0
    : share >= 1
      ? 1
      : share - (0.55 * Math.sin(turn * share)) / turn - (0.25 * Math.sin(2 * turn * share)) / (2 * turn)

/** The inverse of `dueBy`, by bisection: to a billionth of the day. About 1 µs. */
export const shareAt = (due: number): number => {
  let low = 0
  let high = 1
  for (let step = 0; step < 30; step++) {
    const middle = (low + high) / 2
    if (dueBy(middle) < due) low = middle
    else high = middle
  }
  return (low + high) / 2
}
