/**
 * What is watched, and when it is an alert. A rule compares one metric with a threshold, for each group, task or worker
 * it concerns apart, or for the store as a whole.
 */
import { Schema } from "effect"
import { metricNames, namePattern, type Metric } from "./policy/Metrics.ts"

export const Severity = Schema.Literals(["warning", "critical"])
export type Severity = typeof Severity.Type

export const AlertRule = Schema.Struct({
  name: Schema.String.check(Schema.isPattern(namePattern)),
  metric: Schema.Literals(metricNames as ReadonlyArray<Metric>),
  /** The group, task or worker it is about; absent: each of them. */
  subject: Schema.optionalKey(Schema.String),
  /**
   * In the metric's unit: milliseconds, bytes, a share from 0 to 1, a number of jobs, a level of pressure from 0 to 3.
   */
  threshold: Schema.Finite,
  /**
   * Where a firing alert begins to resolve: on the far side of the threshold, so that a figure that trembles around it
   * does not make a series of alerts.
   */
  resolveAt: Schema.Finite,
  /** How long the condition must hold before it fires, in milliseconds. */
  forMs: Schema.Finite,
  /**
   * The time the figure is taken over (or, for forecasts, looked ahead), in milliseconds; absent where the metric is of
   * the present.
   */
  overMs: Schema.optionalKey(Schema.Finite),
  severity: Severity
})
export type AlertRule = typeof AlertRule.Type

/** Where a rule that is in force comes from. */
export interface RuleInForce {
  readonly rule: AlertRule
  /** `changed`: a built-in one under other settings. `off`: a built-in one that is not evaluated. */
  readonly source: "built in" | "changed" | "added" | "off"
}
