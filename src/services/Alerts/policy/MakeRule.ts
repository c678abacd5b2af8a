/** From what somebody asks for to a whole rule: the metric's own times, and a resolve threshold a fifth away. */
import type { AlertRule, Severity } from "../AlertRule.ts"
import * as Bounds from "../../Queue/policy/Bounds.ts"
import { type Metric, metricNames, metricSpec, namePattern } from "./Metrics.ts"

export interface RuleRequest {
  readonly name: string
  readonly metric: Metric
  readonly subject?: string | undefined
  readonly threshold: number
  readonly resolveAt?: number | undefined
  readonly forMs?: number | undefined
  readonly overMs?: number | undefined
  /** Default `warning`. */
  readonly severity?: Severity | undefined
}

/** A trembling figure must fall back by this share before its alert resolves. */
const hysteresis = 0.2

const rounded = (figure: number): number => Number(figure.toPrecision(12))

const standardResolve = (metric: Metric, threshold: number): number => {
  const { side, unit } = metricSpec(metric)
  if (side === "below") return rounded(threshold * (1 + hysteresis))
  // Whole numbers: below the threshold by one at least.
  if (unit === "pressure") return threshold - 1
  if (unit === "jobs") return Math.min(threshold - 1, Math.floor(threshold * (1 - hysteresis)))
  return rounded(threshold * (1 - hysteresis))
}

const requestNames: ReadonlySet<string> = new Set<keyof RuleRequest>([
  "name",
  "metric",
  "subject",
  "threshold",
  "resolveAt",
  "forMs",
  "overMs",
  "severity"
])

const severities: ReadonlyArray<Severity> = ["warning", "critical"]

/** Throws `OutOfBounds` for a metric or severity that is none, and a field that is none. */
export const makeRule = (request: RuleRequest): AlertRule => {
  Bounds.fields("the rule", request, requestNames)
  Bounds.oneOf("metric", request.metric, metricNames)
  Bounds.oneOf("severity", request.severity ?? "warning", severities)
  if (request.subject !== undefined) Bounds.label("subject", request.subject)
  for (const field of ["threshold", "resolveAt", "forMs", "overMs"] as const) {
    const figure = request[field]
    if (figure !== undefined && typeof figure !== "number") Bounds.refuse(field, figure, "a number")
  }
  const spec = metricSpec(request.metric)
  const overMs = request.overMs ?? spec.overMs
  return {
    name: request.name,
    metric: request.metric,
    ...(request.subject === undefined ? {} : { subject: request.subject }),
    threshold: request.threshold,
    resolveAt: request.resolveAt ?? standardResolve(request.metric, request.threshold),
    forMs: request.forMs ?? spec.forMs,
    ...(overMs === undefined ? {} : { overMs }),
    severity: request.severity ?? "warning"
  }
}

const dayMs = 86_400_000
/** Roll-ups of a minute; a day of them is a look at 1,440 rows for each group and task. */
const overLeastMs = 60_000

/** What is wrong with a rule, in one line that says what was expected; undefined: nothing. */
export const ruleProblem = (rule: AlertRule): string | undefined => {
  const { of, overMs, side, unit } = metricSpec(rule.metric)
  const { forMs, name, resolveAt, subject, threshold } = rule
  if (typeof name !== "string" || !namePattern.test(name))
    return `${Bounds.shown(name)} is no name of a rule; expected letters, digits, dots, dashes, at most 60`
  if (subject !== undefined && of === "store") return `${rule.metric} is of the whole store; leave out the ${"group"}`
  if (unit === "share" && !(threshold > 0 && threshold <= 1))
    return `a threshold of ${threshold} is no share; expected a percentage from above 0% to 100%`
  if (unit === "pressure" && ![1, 2, 3].includes(threshold))
    return `a threshold of ${threshold} is no level; expected elevated, high or critical`
  if (!(threshold > 0)) return `a threshold of ${threshold} would always hold; expected more than 0`
  if (!Number.isFinite(threshold) || !Number.isFinite(resolveAt))
    return `its thresholds are ${threshold} and ${resolveAt}; expected finite numbers`
  if (side === "above" ? !(resolveAt < threshold) : !(resolveAt > threshold))
    return `it would resolve at ${resolveAt}; expected ${side === "above" ? "less" : "more"} than the threshold of ${threshold}`
  if (!(forMs >= 0 && forMs <= dayMs)) return `it must hold for ${forMs} ms; expected at most a day`
  if (rule.overMs !== undefined && overMs === undefined)
    return `${rule.metric} is a figure of the present; leave out the time it is taken over`
  if (rule.overMs !== undefined && !(rule.overMs >= overLeastMs && rule.overMs <= dayMs))
    return `it is taken over ${rule.overMs} ms; expected a minute to a day`
  return undefined
}
