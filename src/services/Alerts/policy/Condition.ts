/**
 * The life of one alert: a rule and what it is about.
 *
 * ```
 *            holds                    held for `forMs`
 *  inactive ───────▶ pending ─────────────────────────▶ firing
 *     ▲                 │ does not hold                   │ clear of `resolveAt` for the hold
 *     ◀─────────────────┘                                 │
 *     ◀───────────────────────── resolved ────────────────┘
 * ```
 *
 * Flapping is damped by the hold: what came once resolves after a minute (or `forMs`, if longer) clear of the resolve
 * threshold, and each time it came again within the last hour doubles that, up to an hour. A figure that swings makes
 * one long alert instead of many short ones; none is lost.
 *
 * A figure that is not there (no attempts, the worker is gone) does not hold.
 */
import type { AlertRule, Severity } from "../AlertRule.ts"
import { type Metric, metricSpec } from "./Metrics.ts"

/** What was seen of one instance in a pass. */
export interface Sample {
  /** In the metric's unit; undefined: nothing to measure. */
  readonly value: number | undefined
  /** What was seen, in a sentence without its subject. */
  readonly text: string
}

export interface Instance {
  readonly rule: string
  /** Of the rule as it was when last looked at. */
  readonly metric: Metric
  readonly severity: Severity
  readonly threshold: number
  /** The group, task or worker; empty for the store. */
  readonly subject: string
  readonly phase: "inactive" | "pending" | "firing"
  /** When the phase began, in milliseconds since 1970. */
  readonly since: number
  /** Firing: since when it is clear of the resolve threshold; undefined while it is not. */
  readonly clearSince: number | undefined
  /** The last figure, and what was said of it. */
  readonly value: number | undefined
  readonly text: string
  /** When it fired, or came back while it faded, within the last hour; newest last, at most seven. */
  readonly onsets: ReadonlyArray<number>
  /** How often this firing was announced, and when last. */
  readonly announced: number
  readonly announcedAt: number
}

/** How far back onsets count for the hold, and the longest hold: an hour. */
const flapMs = 3_600_000
const holdLeastMs = 60_000
/** More make no difference: the seventh has reached the longest hold. */
const onsetsMost = 7

export const holdMs = (rule: AlertRule, onsets: number): number =>
  Math.min(flapMs, Math.max(holdLeastMs, rule.forMs) * 2 ** Math.max(0, onsets - 1))

/** Whether the figure is on the alert's side of the threshold, or on it. */
export const holds = (rule: AlertRule, value: number | undefined): boolean =>
  value !== undefined && (metricSpec(rule.metric).side === "above" ? value >= rule.threshold : value <= rule.threshold)

const isClear = (rule: AlertRule, value: number | undefined): boolean =>
  value === undefined || (metricSpec(rule.metric).side === "above" ? value <= rule.resolveAt : value >= rule.resolveAt)

/**
 * After one more look. Undefined: inactive with nothing to remember. `unseenMs`: for how long before `now` nobody had
 * looked, beyond the usual; a condition is not taken to have held meanwhile.
 */
export const step = (
  before: Instance | undefined,
  rule: AlertRule,
  subject: string,
  sample: Sample,
  now: number,
  unseenMs: number
): Instance | undefined => {
  const onsets = before?.onsets.filter((at) => at > now - flapMs) ?? []
  const oneMore = [...onsets, now].slice(-onsetsMost)
  const base: Instance = {
    rule: rule.name,
    metric: rule.metric,
    severity: rule.severity,
    threshold: rule.threshold,
    subject,
    phase: "inactive",
    since: now,
    clearSince: undefined,
    value: sample.value,
    text: sample.text,
    onsets,
    announced: 0,
    announcedAt: 0
  }
  const fire = (): Instance => ({ ...base, phase: "firing", since: now, onsets: oneMore })
  const inactive = (since: number) => (onsets.length === 0 ? undefined : { ...base, since })

  if (before === undefined || before.phase === "inactive") {
    if (!holds(rule, sample.value)) return inactive(before?.since ?? now)
    return rule.forMs <= 0 ? fire() : { ...base, phase: "pending" }
  }
  if (before.phase === "pending") {
    if (!holds(rule, sample.value)) return inactive(now)
    const since = Math.min(now, before.since + unseenMs)
    return now - since >= rule.forMs ? fire() : { ...base, phase: "pending", since }
  }
  const clearSince = isClear(rule, sample.value) ? Math.min(now, (before.clearSince ?? now) + unseenMs) : undefined
  if (clearSince !== undefined && now - clearSince >= holdMs(rule, onsets.length)) return { ...base, since: now }
  // While it fades, what was seen last at its worst says more than what is seen now.
  const shown = clearSince === undefined ? base : { ...base, value: before.value, text: before.text }
  return {
    ...shown,
    phase: "firing",
    onsets: before.clearSince !== undefined && holds(rule, sample.value) ? oneMore : onsets,
    since: Math.min(now, before.since),
    clearSince,
    announced: before.announced,
    announcedAt: before.announcedAt
  }
}
