/**
 * Work from arrivals: the sum of N independent service times S with mean s. Its mean is E N · s and its variance Var N
 * · s² + E N · Var S (W. Feller, An Introduction to Probability Theory and Its Applications, vol. 1, chapter XII): the
 * interval of the arrivals, scaled, and wider by what the spread of single jobs adds.
 */
import type { Interval } from "../LoadPrediction.ts"

/** z of 0.95, by which the variance of arrivals is read off their interval. */
const z95 = 1.6449

/** Slot-seconds of the arrivals. `meanMs` and `cv2` of one job's slot time. */
export const workOf = (arrivals: Interval, meanMs: number, cv2: number): Interval => {
  const seconds = meanMs / 1000
  const deviation = (arrivals.p95 - arrivals.p05) / (2 * z95)
  // Without a spread of the count there is nothing to widen: the counts' own noise is at least Poisson's then.
  const variance = Math.max(deviation * deviation, arrivals.expected)
  const widening = variance > 0 ? Math.sqrt((variance + arrivals.expected * cv2) / variance) : 1
  const at = (quantile: number) => Math.max(0, arrivals.expected + (quantile - arrivals.expected) * widening) * seconds
  return {
    mean: arrivals.mean * seconds,
    expected: arrivals.expected * seconds,
    p05: at(arrivals.p05),
    p50: at(arrivals.p50),
    p90: at(arrivals.p90),
    p95: at(arrivals.p95)
  }
}
