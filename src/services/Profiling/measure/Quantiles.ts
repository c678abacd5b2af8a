import { type Histogram, quantile } from "../../Queue/policy/Histogram.ts"
import type { Quantiles } from "../ProfilingReport.ts"

/**
 * Histograms of the profiler hold microseconds, so that their resolution is a nanosecond: handlers in memory run for
 * less than one.
 */
export const scale = 1000

/** As figures in milliseconds. */
export const quantilesOf = (histogram: Histogram): Quantiles => ({
  count: histogram.count,
  mean: histogram.count === 0 ? 0 : histogram.sum / histogram.count / scale,
  p50: quantile(histogram, 0.5) / scale,
  p95: quantile(histogram, 0.95) / scale,
  p99: quantile(histogram, 0.99) / scale,
  max: histogram.max / scale
})
