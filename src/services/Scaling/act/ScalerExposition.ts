/**
 * The scaler's gauges in Prometheus' text format, for a HorizontalPodAutoscaler on external metrics, KEDA's prometheus
 * scaler and graphs.
 *
 * A decision that has run out has no `sluice_scaler_desired_workers`: a series that stays at its last value would keep
 * an autoscaler where a leader that is gone left it. The mode is a label, so a query for `mode="on"` finds nothing in
 * shadow mode.
 */
import { Context, Effect, Metric } from "effect"
import * as QueueMetrics from "../../Queue/QueueMetrics.ts"
import type { Decision } from "./Recommendation.ts"

/** NUL ends a line for Prometheus' parser, and half a surrogate pair is no UTF-8. */
const label = (value: string): string => value.replaceAll("\0", "\uFFFD").toWellFormed()

/** A gauge with the labels of one series and its value. */
export type ScalerGauge = readonly [gauge: Metric.Gauge<number>, labels: QueueMetrics.Labels, value: number]

/** The latest decisions at `now`, in milliseconds since 1970. */
export const gaugesOf = (decisions: ReadonlyArray<Decision>, now: number): ReadonlyArray<ScalerGauge> =>
  decisions.flatMap(({ bounds, current, decidedAt, desired, forecast, mode, validUntil, ...decision }) => {
    const group = label(decision.group)
    const { arrivals, bound, decidedAt: at, desired: wanted, slots } = QueueMetrics.scaler
    const gauges: Array<ScalerGauge> = [
      [slots, { group }, current],
      [at, { group }, decidedAt / 1000],
      ...Object.entries(bounds).map(([end, count]): ScalerGauge => [bound, { group, bound: end }, count])
    ]
    if (now >= validUntil) return gauges
    if (mode !== "off") gauges.push([wanted, { group, mode }, desired])
    const { mean, p90 } = forecast.arrivalsPerSecond
    gauges.push([arrivals, { group, quantile: "mean", horizon: "1" }, mean])
    gauges.push([arrivals, { group, quantile: "0.9", horizon: "1" }, p90])
    return gauges
  })

const registryOf = (gauges: ReadonlyArray<ScalerGauge>): Context.Context<never> => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  for (const [gauge, labels, value] of gauges) Metric.withAttributes(gauge, labels).updateUnsafe(value, context)
  return context
}

/** The latest decisions at `now`, in milliseconds since 1970. */
export const exposition = (decisions: ReadonlyArray<Decision>, now: number): Effect.Effect<string> =>
  // Loaded only here: it brings an HTTP router along, 60 ms that a short command need not pay.
  Effect.map(
    Effect.promise(() => import("effect/observability/PrometheusMetrics")),
    ({ formatUnsafe }) => formatUnsafe(registryOf(gaugesOf(decisions, now)))
  )
