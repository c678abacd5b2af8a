/**
 * What the leader of the alerts knows and the next one must know: every alert that is not inactive, and the
 * notifications that have not reached every sink. One pass makes the next ledger out of the last; decisions and the
 * notification that tells of them stand in it together.
 */
import type { AlertRule } from "../AlertRule.ts"
import { metricSpec } from "./Metrics.ts"
import type { Alert, AlertStatus, Notification } from "../Notification.ts"
import type { Silence } from "../Silence.ts"
import { holds, type Instance, type Sample, step } from "./Condition.ts"
import { matchesGlob } from "./Glob.ts"
import { figureText, safeText } from "./RuleText.ts"

/** A notification on its way. */
export interface Outgoing {
  readonly notification: Notification
  /** Sinks that have it, or that will not get it any more. */
  readonly done: ReadonlyArray<string>
  /** Tries so far, to those that are left. */
  readonly attempts: number
  /** Not tried again before. */
  readonly nextAt: number
}

export interface Ledger {
  /** When it was made, in milliseconds since 1970, by which worker, and what that worker sends to. */
  readonly at: number
  readonly by: string
  readonly sinks: ReadonlyArray<string>
  readonly instances: ReadonlyArray<Instance>
  readonly outgoing: ReadonlyArray<Outgoing>
}

export const emptyLedger: Ledger = { at: 0, by: "", sinks: [], instances: [], outgoing: [] }

/** A rule with what was seen of each of its subjects. */
export interface Observed {
  readonly rule: AlertRule
  readonly samples: ReadonlyMap<string, Sample>
}

export interface PassOptions {
  readonly now: number
  readonly by: string
  readonly sinks: ReadonlyArray<string>
  readonly store: string
  /** Time between two looks beyond which nobody had looked, in milliseconds. */
  readonly unseenAfterMs: number
  /** A firing alert is told again after this long, in milliseconds. */
  readonly remindMs: number
  /** What is put before a runbook's name. */
  readonly runbooks: string
}

/**
 * Oldest notifications are given up beyond so many on their way: sinks that are gone for hours must not fill the store.
 */
export const outgoingMost = 100

export const silencing = (
  silences: ReadonlyArray<Silence>,
  rule: string,
  subject: string,
  now: number
): Silence | undefined =>
  silences.find(
    (silence) =>
      now >= silence.from &&
      now < silence.until &&
      matchesGlob(silence.rule, rule) &&
      matchesGlob(silence.subject, subject)
  )

const keyOf = (rule: string, subject: string) => `${rule}\u0000${subject}`

const gone: Sample = { value: undefined, text: "there is nothing left to measure" }

export const subjectText = (of: Alert["of"], subject: string): string =>
  of === "store" ? "the store" : `${of} ${safeText(subject)}`

const conditionText = (rule: AlertRule): string => {
  const { side, unit } = metricSpec(rule.metric)
  return unit === "suspicion" ? "" : ` (${side === "above" ? "from" : "down to"} ${figureText(unit, rule.threshold)})`
}

const alertOf = (
  status: AlertStatus,
  rule: AlertRule,
  instance: Instance,
  firedAt: number,
  silence: Silence | undefined,
  runbooks: string
): Alert => {
  const { of, runbook } = metricSpec(rule.metric)
  const what = `${rule.name}: ${subjectText(of, instance.subject)}`
  return {
    status,
    rule: rule.name,
    severity: rule.severity,
    metric: rule.metric,
    of,
    subject: instance.subject,
    value: instance.value ?? null,
    threshold: rule.threshold,
    text: status === "resolved" ? `${what} is well again` : `${what}: ${instance.text}${conditionText(rule)}`,
    firedAt,
    runbook: `${runbooks}${runbook}.md`,
    silencedBy: silence?.id ?? null
  }
}

/** Its rule was removed or switched off while it fired. */
const withdrawn = (instance: Instance, runbooks: string): Alert => ({
  status: "resolved",
  rule: instance.rule,
  severity: instance.severity,
  metric: instance.metric,
  of: metricSpec(instance.metric).of,
  subject: instance.subject,
  value: instance.value ?? null,
  threshold: instance.threshold,
  text: `${instance.rule}: ${subjectText(metricSpec(instance.metric).of, instance.subject)} is no longer watched`,
  firedAt: instance.since,
  runbook: `${runbooks}${metricSpec(instance.metric).runbook}.md`,
  silencedBy: instance.announced > 0 ? null : "ended"
})

/** One pass. What is no longer in force or no longer there resolves like anything else. */
export const pass = (
  before: Ledger,
  observed: ReadonlyArray<Observed>,
  silences: ReadonlyArray<Silence>,
  options: PassOptions
): Ledger => {
  const { by, now, runbooks, sinks } = options
  const sinceLast = Math.max(0, now - before.at)
  const unseenMs = before.at > 0 && sinceLast > options.unseenAfterMs ? sinceLast : 0
  const known = new Map(before.instances.map((instance) => [keyOf(instance.rule, instance.subject), instance]))
  const instances: Array<Instance> = []
  const alerts: Array<Alert> = []

  const look = (rule: AlertRule, subject: string, sample: Sample) => {
    const key = keyOf(rule.name, subject)
    const earlier = known.get(key)
    known.delete(key)
    const later = step(earlier, rule, subject, sample, now, unseenMs)
    if (later === undefined) return
    const silence = silencing(silences, rule.name, subject, now)
    const say = (status: AlertStatus, firedAt: number) =>
      void alerts.push(alertOf(status, rule, later, firedAt, silence, runbooks))
    if (later.phase === "firing") {
      const isNew = earlier?.phase !== "firing"
      const isDue = later.announced === 0 || (now - later.announcedAt >= options.remindMs && holds(rule, sample.value))
      if (silence === undefined && isDue) {
        say(later.announced === 0 ? "firing" : "reminder", later.since)
        instances.push({ ...later, announced: later.announced + 1, announcedAt: now })
        return
      }
      if (isNew) say("firing", later.since)
    } else if (earlier?.phase === "firing") {
      // Who heard that it fires hears that it is over, silence or not. Of what nobody heard only the history tells.
      const quiet = earlier.announced > 0 ? null : (silence?.id ?? "ended")
      alerts.push({ ...alertOf("resolved", rule, later, earlier.since, silence, runbooks), silencedBy: quiet })
    }
    instances.push(later)
  }

  const ruleOf = new Map(observed.map(({ rule }) => [rule.name, rule]))
  for (const { rule, samples } of observed) for (const [subject, sample] of samples) look(rule, subject, sample)
  for (const instance of [...known.values()]) {
    const rule = ruleOf.get(instance.rule)
    if (rule !== undefined) look(rule, instance.subject, gone)
    else if (instance.phase === "firing") alerts.push(withdrawn(instance, runbooks))
  }
  if (alerts.length === 0) return { at: now, by, sinks, instances, outgoing: before.outgoing }
  const id = `${now.toString(36)}-${before.at.toString(36)}`
  const added: Outgoing = {
    notification: { id, at: now, store: options.store, alerts },
    done: [],
    attempts: 0,
    nextAt: now
  }
  return { at: now, by, sinks, instances, outgoing: [...before.outgoing, added].slice(-outgoingMost) }
}

/** Whether the two say the same but for figures that move with every look. */
export const isSame = (a: Ledger, b: Ledger): boolean =>
  a.by === b.by &&
  a.outgoing === b.outgoing &&
  a.sinks.join() === b.sinks.join() &&
  a.instances.length === b.instances.length &&
  a.instances.every((instance, i) => {
    const other = b.instances[i]!
    return (
      instance.rule === other.rule &&
      instance.subject === other.subject &&
      instance.phase === other.phase &&
      instance.announced === other.announced &&
      (instance.clearSince === undefined) === (other.clearSince === undefined)
    )
  })
