/**
 * What the sinks are told: the alerts of one pass together, so that a thousand groups in trouble are one message.
 *
 * A notification is stored before it is sent, and sent until the sink has taken it or the tries are used up: at least
 * once. `id` is the same in every try; a receiver that must not act twice remembers it.
 */
import { Schema } from "effect"
import { Severity } from "./AlertRule.ts"
import { metricNames, type Metric } from "./policy/Metrics.ts"

/**
 * What became of an alert. `reminder`: it still fires. `silenced`: as `firing` or `resolved`, but told only to the
 * history.
 */
export const AlertStatus = Schema.Literals(["firing", "resolved", "reminder", "test"])
export type AlertStatus = typeof AlertStatus.Type

export const Alert = Schema.Struct({
  status: AlertStatus,
  rule: Schema.String,
  severity: Severity,
  metric: Schema.Literals(metricNames as ReadonlyArray<Metric>),
  /** What kind of thing it is about, and its name (empty for the store). */
  of: Schema.Literals(["group", "task", "worker", "store"]),
  subject: Schema.String,
  /** In the metric's unit; null when there is nothing to measure any more. */
  value: Schema.NullOr(Schema.Finite),
  threshold: Schema.Finite,
  /** One line for people, safe to show. */
  text: Schema.String,
  /** When it fired, in milliseconds since 1970. */
  firedAt: Schema.Finite,
  /** Where to read what it means and what to do. */
  runbook: Schema.String,
  /** The id of the silence that keeps it from the sinks; null: none. */
  silencedBy: Schema.NullOr(Schema.String)
})
export type Alert = typeof Alert.Type

export const Notification = Schema.Struct({
  id: Schema.String,
  /** When it was decided, in milliseconds since 1970. */
  at: Schema.Finite,
  /** The store, by its name and host or its address: no path, no user and no password. */
  store: Schema.String,
  alerts: Schema.Array(Alert)
})
export type Notification = typeof Notification.Type
