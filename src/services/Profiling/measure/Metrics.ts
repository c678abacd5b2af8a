/** The short form of figures. */
import type { PerformanceMetrics } from "../../Queue/PerformanceProfiler.ts"
import type { Histogram } from "../../Queue/policy/Histogram.ts"
import type { ProcessFigures } from "../ProfilingReport.ts"
import { quantilesOf } from "./Quantiles.ts"

/**
 * `total`: from due to the handler's end. Memory and CPU are the whole process's, also where a group's metrics carry
 * them.
 */
export const metricsOf = (
  attempts: number,
  total: Histogram,
  periodMs: number,
  figures: ProcessFigures
): PerformanceMetrics => {
  const { p50, p95, p99 } = quantilesOf(total)
  return {
    throughput: periodMs <= 0 ? 0 : (attempts * 1000) / periodMs,
    latency: { p50, p95, p99 },
    memoryUsage: { heap: figures.heapBytes, external: figures.externalBytes, peak: figures.peakRssBytes },
    cpuUsage: figures.cpu
  }
}
