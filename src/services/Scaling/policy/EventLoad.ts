/**
 * Operators' events over a forecast: while one lasts, its factor scales the interval, or its arrivals take its place. A
 * step that an event covers in part is shaped in proportion. Of several at once the group's own goes before one for
 * every group, then the first by id.
 */
import { Cron, Result } from "effect"
import type { Interval } from "../LoadPrediction.ts"
import type { ScaleEvent } from "../ScaleEvent.ts"
import { shown } from "../../Queue/policy/Bounds.ts"
import { durationText } from "../../Queue/policy/DurationText.ts"

/** An event's times that touch a period. */
export interface EventTimes {
  readonly event: ScaleEvent
  readonly times: ReadonlyArray<{ readonly from: number; readonly to: number }>
}

/**
 * Starts of one recurring event that are looked at in one period: more than that come only of an event that never ends.
 */
const startsMost = 1440

/** Starts that are looked at for whether one comes before the last has ended. */
const startsTried = 40

/** Most days of a month, from January. */
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * Whether the calendar has such a day: the 30th of February is searched for through eight years, to no end. A weekday
 * comes in any case.
 */
const comes = ({ days, months, weekdays }: Cron.Cron): boolean =>
  weekdays.size > 0 ||
  days.size === 0 ||
  daysOfMonth.some((most, i) => (months.size === 0 || months.has(i + 1)) && Math.min(...days) <= most)

/** Five fields: a sixth would be seconds. */
const parse = (cron: string, timeZone: string): Result.Result<Cron.Cron, string> => {
  if (cron.trim().split(/\s+/).length !== 5) return Result.fail("its fields are not five")
  const parsed = Result.mapError(Cron.parse(cron, timeZone), ({ message }) => message)
  return Result.flatMap(parsed, (read) => (comes(read) ? parsed : Result.fail("no calendar has such a day")))
}

/** Undefined: it never comes. */
const nextStart = (cron: Cron.Cron, after: number): number | undefined => {
  try {
    return Cron.next(cron, new Date(after)).getTime()
  } catch {
    return undefined
  }
}

/** How long after a start the next one comes, at the least of those tried; undefined: it never comes. */
const shortestGap = (cron: Cron.Cron, from: number): number | undefined => {
  let gap: number | undefined
  let start = nextStart(cron, from)
  for (let i = 0; i < startsTried && start !== undefined; i++) {
    const next = nextStart(cron, start)
    if (next === undefined) break
    gap = Math.min(gap ?? next - start, next - start)
    start = next
  }
  return gap
}

/** What is wrong with an event beyond its shape; undefined: nothing. */
export const eventFault = ({ when }: ScaleEvent, now: number): string | undefined => {
  if (when._tag === "Once") {
    return when.to > when.from ? undefined : `event from ${when.from} to ${when.to}; expected an end after its start`
  }
  const { cron, durationMs, timeZone } = when
  const parsed = parse(cron, timeZone)
  const gap = Result.isFailure(parsed) ? undefined : shortestGap(parsed.success, now)
  if (gap === undefined) {
    const why = Result.isFailure(parsed) ? parsed.failure : "no calendar has such a day"
    return `event at ${shown(cron)}, which never comes in ${shown(timeZone)}: ${why}; expected five cron fields and an IANA time zone`
  }
  return gap < durationMs
    ? `event at ${shown(cron)} comes again after ${durationText(gap)}, before it has lasted ${durationText(durationMs)}; expected a shorter duration`
    : undefined
}

/** Of an event that cannot be, which older stores may hold: none. */
const timesOf = ({ when }: ScaleEvent, from: number, to: number): EventTimes["times"] => {
  if (when._tag === "Once") return when.from < to && when.to > from ? [{ from: when.from, to: when.to }] : []
  const parsed = parse(when.cron, when.timeZone)
  if (Result.isFailure(parsed)) return []
  const times: Array<{ readonly from: number; readonly to: number }> = []
  let start = nextStart(parsed.success, from - when.durationMs)
  while (start !== undefined && start < to && times.length < startsMost) {
    times.push({ from: start, to: start + when.durationMs })
    start = nextStart(parsed.success, start)
  }
  return times
}

/** Events of a group that touch the period, the one that counts most first. One that can never come is none. */
export const eventsOf = (
  events: ReadonlyArray<ScaleEvent>,
  group: string,
  from: number,
  to: number
): ReadonlyArray<EventTimes> =>
  events
    .filter((event) => event.group === group || event.group === "*")
    .sort((a, b) => (a.group === b.group ? (a.id < b.id ? -1 : 1) : a.group === "*" ? 1 : -1))
    .map((event) => ({ event, times: timesOf(event, from, to) }))
    .filter(({ times }) => times.length > 0)

const scaled = (interval: Interval, by: number): Interval => ({
  mean: interval.mean * by,
  expected: interval.expected * by,
  p05: interval.p05 * by,
  p50: interval.p50 * by,
  p90: interval.p90 * by,
  p95: interval.p95 * by
})

/** Around a stated count: as Poisson's, by its normal approximation. */
export const around = (mean: number): Interval => {
  const at = (z: number) => Math.max(0, mean + z * Math.sqrt(mean))
  return { mean, expected: mean, p05: at(-1.6449), p50: mean, p90: at(1.2816), p95: at(1.6449) }
}

const added = (a: Interval, b: Interval): Interval => ({
  mean: a.mean + b.mean,
  expected: a.expected + b.expected,
  p05: a.p05 + b.p05,
  p50: a.p50 + b.p50,
  p90: a.p90 + b.p90,
  p95: a.p95 + b.p95
})

/** The interval of the step from `at`, and the event that shaped it. */
export const withEvents = (
  interval: Interval,
  at: number,
  stepMs: number,
  events: ReadonlyArray<EventTimes>
): { readonly interval: Interval; readonly event: string | undefined } => {
  for (const { event, times } of events) {
    const covered = times.reduce(
      (sum, { from, to }) => sum + Math.max(0, Math.min(to, at + stepMs) - Math.max(from, at)),
      0
    )
    if (covered === 0) continue
    const share = Math.min(1, covered / stepMs)
    const { load } = event
    return {
      event: event.id,
      interval:
        load._tag === "Factor"
          ? scaled(interval, 1 + (load.factor - 1) * share)
          : added(scaled(interval, 1 - share), around(load.perMinute * (stepMs / 60_000) * share))
    }
  }
  return { interval, event: undefined }
}
