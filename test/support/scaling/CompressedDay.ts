/** A day of load in minutes: a curve with a peak, a step up for the evening, and a spike out of nothing. */
import type { SeededRandom } from "../SeededRandom.ts"

/** Jobs per second at a part of the day, 0 to 1. */
export const rateAt = (part: number): number => {
  const curve = 5 - 3.5 * Math.cos(2 * Math.PI * part)
  const step = part >= 0.65 && part < 0.9 ? 8 : 0
  const spike = part >= 0.35 && part < 0.38 ? 40 : 0
  return curve + step + spike
}

/** A Poisson number (D. E. Knuth, The Art of Computer Programming, volume 2, section 3.4.1). */
export const poisson = (mean: number, random: SeededRandom): number => {
  const least = Math.exp(-mean)
  let count = 0
  for (let product = random.next(); product > least; product *= random.next()) count++
  return count
}
