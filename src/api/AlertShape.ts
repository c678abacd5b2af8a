import * as Schema from "effect/Schema"
import {
  type Alert,
  type AlertEvent,
  AlertMetrics,
  type AlertOverview,
  type AlertRule,
  type AlertStanding,
  type Silence,
  type SinkAnswer
} from "../services/Alerts/index.ts"

const iso = (at: number): string => new Date(at).toISOString()

/**
 * An alert that is pending or fires, as `--json` shows it. Figures are in the metric's `unit`: milliseconds, bytes,
 * shares, jobs, levels.
 */
export const AlertStandingShape = Schema.Struct({
  rule: Schema.String,
  metric: Schema.String,
  unit: Schema.String,
  /** What the subject is. */
  of: Schema.Literals(["group", "task", "worker", "store"]),
  /** Empty for the store. */
  subject: Schema.String,
  state: Schema.Literals(["pending", "firing"]),
  severity: Schema.Literals(["warning", "critical"]),
  since: Schema.String,
  value: Schema.NullOr(Schema.Finite),
  threshold: Schema.Finite,
  text: Schema.String,
  runbook: Schema.String,
  /** The id of the silence that keeps it quiet. */
  silencedBy: Schema.NullOr(Schema.String)
})
export type AlertStandingShape = typeof AlertStandingShape.Type

export const toStandingShape = (standing: AlertStanding): AlertStandingShape => {
  const { of, unit } = AlertMetrics.metricSpec(standing.metric)
  return {
    rule: standing.rule,
    metric: standing.metric,
    unit,
    of,
    subject: standing.subject,
    state: standing.phase === "firing" ? "firing" : "pending",
    severity: standing.severity,
    since: iso(standing.since),
    value: standing.value ?? null,
    threshold: standing.threshold,
    text: standing.text,
    runbook: standing.runbook,
    silencedBy: standing.silencedBy?.id ?? null
  }
}

/** Who looks, and what stands. */
export const AlertOverviewShape = Schema.Struct({
  /** Null: no worker ever looked. */
  looked: Schema.NullOr(Schema.Struct({ at: Schema.String, by: Schema.String, sinks: Schema.Array(Schema.String) })),
  undelivered: Schema.Int,
  alerts: Schema.Array(AlertStandingShape)
})
export type AlertOverviewShape = typeof AlertOverviewShape.Type

export const toOverviewShape = ({ alerts, looked, undelivered }: AlertOverview): AlertOverviewShape => ({
  looked: looked === undefined ? null : { ...looked, at: iso(looked.at) },
  undelivered,
  alerts: alerts.map(toStandingShape)
})

/** A rule, as `--json` shows it. */
export const AlertRuleShape = Schema.Struct({
  name: Schema.String,
  source: Schema.Literals(["built in", "changed", "added", "off"]),
  metric: Schema.String,
  unit: Schema.String,
  subject: Schema.NullOr(Schema.String),
  /** On which side of the threshold it holds. */
  side: Schema.Literals(["above", "below"]),
  threshold: Schema.Finite,
  resolveAt: Schema.Finite,
  forMs: Schema.Finite,
  overMs: Schema.NullOr(Schema.Finite),
  severity: Schema.Literals(["warning", "critical"])
})
export type AlertRuleShape = typeof AlertRuleShape.Type

export const toRuleShape = ({ rule, source }: AlertRule.RuleInForce): AlertRuleShape => {
  const { side, unit } = AlertMetrics.metricSpec(rule.metric)
  return {
    name: rule.name,
    source,
    metric: rule.metric,
    unit,
    subject: rule.subject ?? null,
    side,
    threshold: rule.threshold,
    resolveAt: rule.resolveAt,
    forMs: rule.forMs,
    overMs: rule.overMs ?? null,
    severity: rule.severity
  }
}

/** A silence, as `--json` shows it. */
export const SilenceShape = Schema.Struct({
  id: Schema.String,
  rule: Schema.String,
  subject: Schema.String,
  from: Schema.String,
  until: Schema.String,
  by: Schema.String,
  why: Schema.String
})
export type SilenceShape = typeof SilenceShape.Type

export const toSilenceShape = (silence: Silence): SilenceShape => ({
  ...silence,
  from: iso(silence.from),
  until: iso(silence.until)
})

/** A line of the history, as `--json` shows it. */
export const AlertEventShape = Schema.Struct({
  seq: Schema.Int,
  at: Schema.String,
  status: Schema.Literals(["firing", "resolved", "reminder", "test"]),
  rule: Schema.String,
  metric: Schema.String,
  of: Schema.Literals(["group", "task", "worker", "store"]),
  subject: Schema.String,
  severity: Schema.Literals(["warning", "critical"]),
  value: Schema.NullOr(Schema.Finite),
  threshold: Schema.Finite,
  text: Schema.String,
  firedAt: Schema.String,
  /** Set: no sink was told. */
  silencedBy: Schema.NullOr(Schema.String)
})
export type AlertEventShape = typeof AlertEventShape.Type

const toAlertFields = (alert: Alert) => ({
  status: alert.status,
  rule: alert.rule,
  metric: alert.metric,
  of: alert.of,
  subject: alert.subject,
  severity: alert.severity,
  value: alert.value,
  threshold: alert.threshold,
  text: alert.text,
  firedAt: iso(alert.firedAt),
  silencedBy: alert.silencedBy
})

export const toEventShape = ({ alert, at, seq }: AlertEvent): AlertEventShape => ({
  seq,
  at: iso(at),
  ...toAlertFields(alert)
})

/** What a sink said to a sample. */
export const SinkAnswerShape = Schema.Struct({
  sink: Schema.String,
  delivered: Schema.Boolean,
  text: Schema.String
})
export type SinkAnswerShape = SinkAnswer
