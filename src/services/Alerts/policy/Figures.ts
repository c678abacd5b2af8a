/** The figures of the metrics, from one look at the store. Pure: the same look gives the same figures. */
import type { CounterRecord, GroupRecord } from "../../Store/GroupRecord.ts"
import type { KeyRecord } from "../../Store/KeyRecord.ts"
import type { RollUp } from "../../Store/RollUp.ts"
import type { StoreStatus } from "../../Store/JobStore.ts"
import type { WorkerRecord } from "../../Store/WorkerRecord.ts"
import { type Histogram, merge, quantile, empty } from "../../Queue/policy/Histogram.ts"
import { hasRoom } from "../../Queue/policy/Served.ts"
import { heldUntil, opensAt } from "../../Limits/policy/Holding.ts"
import { mayStartOne, rateInForce } from "../../Limits/policy/Starts.ts"
import { keyPolicyText } from "../../Limits/policy/PolicyText.ts"
import type { AlertRule } from "../AlertRule.ts"
import { type Metric, metricSpec } from "./Metrics.ts"
import { type BacklogPath, timeToReach } from "./BacklogForecast.ts"
import type { Sample } from "./Condition.ts"
import { bytesText, figureText, pressureLevels, timeText } from "./RuleText.ts"
import { durationText } from "../../Queue/policy/DurationText.ts"

/** What a detector says of a group's series. */
export interface Unusual {
  readonly metric: "anomalous-arrivals" | "anomalous-failures" | "anomalous-run" | "anomalous-wait"
  /** Below 1: no alarm. */
  readonly score: number
  readonly text: string
}

/** What comes of a group's backlog. */
export interface Outlook {
  readonly backlog: number
  readonly path: BacklogPath
}

/** One look at the store. */
export interface Look {
  readonly now: number
  readonly groups: ReadonlyArray<GroupRecord>
  /** Counts of pending jobs, by group. */
  readonly pending: ReadonlyMap<string, ReadonlyArray<CounterRecord>>
  readonly oldestPending: ReadonlyMap<string, number>
  /** The limited key of each group that most jobs wait for; of groups where any does. */
  readonly fullest: ReadonlyMap<string, KeyRecord>
  /** Whether the whole queue is paused. */
  readonly paused: boolean
  /** Those alive. */
  readonly workers: ReadonlyArray<WorkerRecord>
  readonly status: StoreStatus
  /**
   * By the minute and group, oldest first, of as much as the rules in force look back on; and how far that is, in
   * milliseconds.
   */
  readonly minutes: ReadonlyMap<string, ReadonlyArray<RollUp>>
  readonly minutesMs: number
  readonly unusual: ReadonlyMap<string, ReadonlyArray<Unusual>>
  readonly outlooks: ReadonlyMap<string, Outlook>
}

/** Fewer attempts make no rate. */
const attemptsLeast = 20
/** Fewer times make no p95. */
const timesLeast = 20

const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}

const within = (look: Look, group: string, overMs: number): ReadonlyArray<RollUp> =>
  (look.minutes.get(group) ?? []).filter(({ start, width }) => start + width > look.now - overMs)

const pendingOf = (look: Look, group: string): number => sum((look.pending.get(group) ?? []).map(({ count }) => count))

const quantileSample = (
  look: Look,
  rule: AlertRule,
  group: string,
  of: (rollUp: RollUp) => Histogram,
  what: string
): Sample => {
  const times = within(look, group, rule.overMs!).map(of).reduce(merge, empty)
  if (times.count < timesLeast) return { value: undefined, text: `too few jobs for a ${what}` }
  const value = quantile(times, 0.95)
  return { value, text: `${what} is ${durationText(value)}` }
}

const countSample = (
  look: Look,
  rule: AlertRule,
  group: string,
  of: (rollUp: RollUp) => number,
  what: string
): Sample => {
  const value = sum(within(look, group, rule.overMs!).map(of))
  return { value, text: `${figureText("jobs", value)} ${what} within ${durationText(rule.overMs!)}` }
}

/** Alive, has a slot for the group, is not told to drain, and serves the task. */
const serves = (worker: WorkerRecord, group: string, task: string): boolean =>
  !worker.draining && (worker.slots[group] ?? 1) > 0 && worker.tasks.includes(task)

/** The key that holds most jobs of a group back. */
const limited = (look: Look, group: string): Sample => {
  const fullest = look.fullest.get(group)
  if (fullest === undefined) return { value: 0, text: "no limit of a key holds jobs back" }
  const { key, paused, policy, waiting, waitingSince } = fullest
  const why = paused ? "paused" : keyPolicyText(policy)
  return {
    value: waiting,
    text: `the limit of key ${JSON.stringify(key)}${why === "" ? "" : ` (${why})`} holds ${figureText("jobs", waiting)} back${
      waitingSince === undefined ? "" : `, since ${timeText(waitingSince, look.now)}`
    }`
  }
}

/** How long nothing started although something could have. */
const noClaims = (look: Look, group: GroupRecord): Sample => {
  const due = look.oldestPending.get(group.name)
  const idle: Sample = { value: 0, text: "jobs start" }
  if (due === undefined || look.paused || group.paused || group.busy >= group.limit) return idle
  if (heldUntil(group, group.policy, look.now) > look.now || !mayStartOne(group.policy, group, 1, look.now)) return idle
  const servable = (look.pending.get(group.name) ?? []).some(({ task }) =>
    look.workers.some((worker) => serves(worker, group.name, task) && hasRoom(worker, group.name))
  )
  if (!servable) return idle
  // By the minute: what started in a minute may have started at its end.
  const last = look.minutes.get(group.name)?.findLast(({ starts }) => starts > 0)
  const rate = rateInForce(group.policy, group)
  // By a rate the next start may be as far away as one of its units.
  const pace = rate === undefined ? 0 : rate.perMs / rate.limit
  const value = Math.max(
    0,
    look.now - Math.max(due, (last === undefined ? look.now - look.minutesMs : last.start + last.width) + pace)
  )
  const waiting = figureText("jobs", pendingOf(look, group.name))
  return {
    value,
    text: `nothing started for ${durationText(value)} with ${waiting} pending, slots free and a worker there`
  }
}

const ofGroup = (look: Look, rule: AlertRule, group: GroupRecord): Sample => {
  const { name } = group
  switch (rule.metric) {
    case "failure-rate": {
      const rows = within(look, name, rule.overMs!)
      const failed = sum(rows.map((row) => row.failed))
      const ended = failed + sum(rows.map((row) => row.completed))
      if (ended < attemptsLeast) return { value: undefined, text: "too few attempts for a rate" }
      return {
        value: failed / ended,
        text: `${figureText("share", failed / ended)} of ${ended} attempts failed within ${durationText(rule.overMs!)}`
      }
    }
    case "wait-p95":
      return quantileSample(look, rule, name, ({ wait }) => wait, "wait p95")
    case "run-p95":
      return quantileSample(look, rule, name, ({ run }) => run, "run p95")
    case "backlog": {
      const value = pendingOf(look, name)
      const opens = opensAt(group.policy, look.now)
      if (opens > look.now) return { value: 0, text: `${figureText("jobs", value)} wait for the group to open` }
      return { value, text: `backlog is ${figureText("jobs", value)}` }
    }
    case "oldest-pending": {
      const due = look.oldestPending.get(name)
      // Nothing is late that was due while the group was closed: it is awaited from when it opened.
      const awaited = due === undefined ? look.now : Math.max(due, opensAt(group.policy, due))
      if (opensAt(group.policy, look.now) > look.now) return { value: 0, text: "the group is closed" }
      const value = Math.max(0, look.now - awaited)
      return { value, text: `the next job has been due for ${durationText(value)}` }
    }
    case "dead-letters":
      return countSample(look, rule, name, ({ dead }) => dead, "given up")
    case "lost-workers":
      return countSample(look, rule, name, ({ recovered }) => recovered, "taken back from workers that were gone")
    case "no-claims":
      return noClaims(look, group)
    case "limited-jobs":
      return limited(look, name)
    case "forecast-backlog":
      return comingBacklog(look, rule, name)
    default: {
      const unusual = look.unusual.get(name)?.find(({ metric }) => metric === rule.metric)
      return unusual === undefined
        ? { value: undefined, text: "its course is still being learned" }
        : { value: unusual.score, text: unusual.text }
    }
  }
}

const stepsWithin = (path: ReadonlyArray<number>, stepMs: number, overMs: number): ReadonlyArray<number> =>
  path.slice(0, Math.max(1, Math.floor(overMs / stepMs)))

const comingBacklog = (look: Look, rule: AlertRule, group: string): Sample => {
  const outlook = look.outlooks.get(group)
  if (outlook === undefined) return { value: undefined, text: "nothing is known of what comes" }
  const { backlog, path } = outlook
  const p50 = stepsWithin(path.p50, path.stepMs, rule.overMs!)
  const value = Math.max(backlog, ...p50)
  const inMs = timeToReach(backlog, p50, path.stepMs, rule.threshold)
  const early = timeToReach(backlog, stepsWithin(path.p90, path.stepMs, rule.overMs!), path.stepMs, rule.threshold)
  if (inMs === undefined) return { value, text: `at most ${figureText("jobs", Math.round(value))} expected` }
  if (inMs === 0) return { value, text: `backlog is ${figureText("jobs", backlog)} already` }
  const perhaps =
    early !== undefined && inMs - early > path.stepMs ? `, perhaps at ${timeText(look.now + early, look.now)}` : ""
  return {
    value,
    text: `backlog will exceed ${figureText("jobs", rule.threshold)} at ${timeText(look.now + inMs, look.now)}, in ${durationText(inMs)}${perhaps}`
  }
}

/** Until all groups together hold as many live jobs as the store takes. */
const timeToLimit = (look: Look, rule: AlertRule): Sample => {
  const limit = look.status.maxLive
  const outlooks = [...look.outlooks.values()]
  const stepMs = outlooks[0]?.path.stepMs
  if (stepMs === undefined) return { value: look.status.live >= limit ? 0 : undefined, text: "the limit is reached" }
  const length = Math.min(...outlooks.map(({ path }) => path.p50.length))
  const live = Array.from({ length }, (_, i) =>
    outlooks.reduce((total, { backlog, path }) => total + path.p50[i]! - backlog, look.status.live)
  )
  const value = timeToReach(look.status.live, stepsWithin(live, stepMs, rule.overMs!), stepMs, limit)
  return {
    value,
    text:
      value === undefined
        ? "the limit is far"
        : value === 0
          ? `the limit of ${figureText("jobs", limit)} is reached; enqueues are refused`
          : `the limit of ${figureText("jobs", limit)} will be reached in ${durationText(value)}; then enqueues are refused`
  }
}

const ofStore = (look: Look, rule: AlertRule): Sample => {
  const { bytes, freeBytes } = look.status
  switch (rule.metric) {
    case "store-size":
      return { value: bytes, text: `it takes ${bytesText(bytes)}` }
    case "store-free":
      return {
        value: freeBytes,
        text:
          freeBytes === undefined
            ? "its disk does not say what is free"
            : `${bytesText(freeBytes)} are free on its disk`
      }
    default:
      return timeToLimit(look, rule)
  }
}

/** Tasks with pending jobs, and how many of those no worker serves. */
const unserved = (look: Look): ReadonlyMap<string, Sample> => {
  const counts = new Map<string, number>()
  for (const { count, group, task } of [...look.pending.values()].flat()) {
    const isServed = look.workers.some((worker) => serves(worker, group, task))
    counts.set(task, (counts.get(task) ?? 0) + (isServed ? 0 : count))
  }
  return new Map(
    [...counts].map(([task, value]) => [
      task,
      { value, text: value === 0 ? "served" : `${figureText("jobs", value)} pending and no living worker serves them` }
    ])
  )
}

const pressures = (look: Look): ReadonlyMap<string, Sample> =>
  new Map(
    look.workers.map(({ load, name }) => {
      const level = load?.pressure
      const value = level === undefined ? undefined : pressureLevels.indexOf(level)
      return [name, { value, text: level === undefined ? "it does not say" : `memory pressure is ${level}` }]
    })
  )

/** What was seen of each thing the rule is about. */
export const samplesOf = (look: Look, rule: AlertRule): ReadonlyMap<string, Sample> => {
  const all = ((): ReadonlyMap<string, Sample> => {
    switch (metricSpec(rule.metric).of) {
      case "group":
        return new Map(look.groups.map((group) => [group.name, ofGroup(look, rule, group)]))
      case "task":
        return unserved(look)
      case "worker":
        return pressures(look)
      case "store":
        return new Map([["", ofStore(look, rule)]])
    }
  })()
  if (rule.subject === undefined) return all
  const one = all.get(rule.subject)
  return new Map(one === undefined ? [] : [[rule.subject, one]])
}

/** What forecasts take the service time and the recent arrivals from: a quarter of an hour. */
export const serviceMs = 900_000

const forecastMetrics: ReadonlySet<Metric> = new Set(["forecast-backlog", "forecast-limit"])
const anomalyMetrics: ReadonlySet<Metric> = new Set([
  "anomalous-arrivals",
  "anomalous-failures",
  "anomalous-run",
  "anomalous-wait"
])

/** What a look must hold for these rules. */
export const needs = (
  rules: ReadonlyArray<AlertRule>
): {
  readonly minutesMs: number
  readonly outlookMs: number
  readonly unusual: boolean
  readonly keys: boolean
} => ({
  minutesMs: Math.max(
    0,
    ...rules.map(({ metric, overMs, threshold }) =>
      forecastMetrics.has(metric) ? serviceMs + 60_000 : metric === "no-claims" ? threshold + 60_000 : (overMs ?? 0)
    )
  ),
  outlookMs: Math.max(0, ...rules.filter(({ metric }) => forecastMetrics.has(metric)).map(({ overMs }) => overMs ?? 0)),
  unusual: rules.some(({ metric }) => anomalyMetrics.has(metric)),
  keys: rules.some(({ metric }) => metric === "limited-jobs")
})
