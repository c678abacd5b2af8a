/**
 * The scaler's gauges in Prometheus' text format, for a HorizontalPodAutoscaler on external metrics, KEDA's prometheus scaler and graphs.
 *
 * A decision that has run out has no `sluice_scaler_desired_workers`: a series that stays at its last value would keep an autoscaler where a
 * leader that is gone left it. The mode is a label, so a query for `mode="on"` finds nothing in shadow mode.
 */
import { Context, Effect, Metric } from "effect"
import type { Decision } from "./Recommendation.ts"

const gauges = {
  desired: Metric.gauge("sluice_scaler_desired_workers", {
    description: "Slots the scaler wants for the group, over all workers; absent when the decision has run out."
  }),
  slots: Metric.gauge("sluice_scaler_slots", {
    description: "Slots the group has, over all workers."
  }),
  bound: Metric.gauge("sluice_scaler_bound_workers", { description: "The bounds of desired workers: min and max." }),
  arrivals: Metric.gauge("sluice_forecast_arrivals_per_second", {
    description: "Forecast arrivals per second, by quantile, at the horizon in steps."
  }),
  decidedAt: Metric.gauge("sluice_scaler_decision_timestamp_seconds", {
    description: "When the scaler last decided for the group, in seconds since 1970."
  })
}

/** NUL ends a line for Prometheus' parser, and half a surrogate pair is no UTF-8. */
const label = (value: string): string => value.replaceAll("\0", "\uFFFD").toWellFormed()

/** A registry with the latest decisions at `now`, in milliseconds since 1970. */
const registryOf = (decisions: ReadonlyArray<Decision>, now: number): Context.Context<never> => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  const set = (gauge: Metric.Gauge<number>, labels: Readonly<Record<string, string>>, value: number) =>
    Metric.withAttributes(gauge, labels).updateUnsafe(value, context)
  for (const { bounds, current, decidedAt, desired, forecast, mode, validUntil, ...decision } of decisions) {
    const group = label(decision.group)
    if (now < validUntil && mode !== "off") set(gauges.desired, { group, mode }, desired)
    set(gauges.slots, { group }, current)
    for (const [bound, slots] of Object.entries(bounds)) set(gauges.bound, { group, bound }, slots)
    set(gauges.decidedAt, { group }, decidedAt / 1000)
    if (now >= validUntil) continue
    const { mean, p90 } = forecast.arrivalsPerSecond
    set(gauges.arrivals, { group, quantile: "mean", horizon: "1" }, mean)
    set(gauges.arrivals, { group, quantile: "0.9", horizon: "1" }, p90)
  }
  return context
}

/** The latest decisions at `now`, in milliseconds since 1970. */
export const exposition = (decisions: ReadonlyArray<Decision>, now: number): Effect.Effect<string> =>
  // Loaded only here: it brings an HTTP router along, 60 ms that a short command need not pay.
  Effect.map(
    Effect.promise(() => import("effect/observability/PrometheusMetrics")),
    ({ formatUnsafe }) => formatUnsafe(registryOf(decisions, now))
  )
