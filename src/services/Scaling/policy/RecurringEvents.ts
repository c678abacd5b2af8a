/**
 * What recurs and the ordinary course of a day does not explain: each day, each week, or each month at the same local
 * time.
 *
 * Every hour is held against what its day's level and the profile of a working day or weekend lead to expect, both
 * medians (J. W. Tukey, Exploratory Data Analysis, 1977, chapter 11: median polish), on the square-root scale, on which
 * counts scatter alike at every level (M. S. Bartlett 1936). Hours far beyond the scatter are exceptional. A time of
 * the week or month is an event when most of its hours were, and so many that chance, at the rate of exceptional hours
 * overall, would not bring them anywhere among all times looked at (binomial tail, Bonferroni). An event of each day is
 * in the profile itself; it is looked for against the hours around it.
 */
import type { RecurringPattern } from "../LoadPrediction.ts"

/** One hour. `count` undefined: not measured. Hours come in order, without gaps. */
export interface HourCount {
  readonly at: number
  readonly count: number | undefined
}

export type FoundPattern = Omit<RecurringPattern, "group" | "timeZone">

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** An hour is exceptional this many times the scatter from what is expected. */
const farFromScatter = 4
/** And at least this many times what is expected: a small surplus is no event, however sure. */
const factorLeast = 1.5
/** Occurrences that make a habit. */
const seenLeast = 3
/** The part of chances in which it must have come. */
const seenShare = 0.75
/** How sure it must be that it is not chance. */
const confidenceLeast = 0.95
/** Hours on each side that an event of each day is held against. */
const around = 3
/** Days of data below which nothing is looked for: three occurrences of something daily, and what lies between them. */
const daysLeast = 4

interface Hour {
  readonly at: number
  readonly count: number
  /** Local: day since 1970, hour, weekday (0 Sunday), day of month. */
  readonly day: number
  readonly hour: number
  readonly weekday: number
  readonly date: number
}

const median = (values: ReadonlyArray<number>): number => {
  if (values.length === 0) return 0
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const by = <K, A>(items: Iterable<A>, key: (item: A) => K): Map<K, Array<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const item of items) {
    const at = key(item)
    const group = groups.get(at)
    if (group === undefined) groups.set(at, [item])
    else group.push(item)
  }
  return groups
}

const localHours = (hours: ReadonlyArray<HourCount>, offsetMs: (at: number) => number): ReadonlyArray<Hour> =>
  hours.flatMap(({ at, count }) => {
    if (count === undefined) return []
    const local = new Date(at + offsetMs(at))
    return [
      {
        at,
        count,
        day: Math.floor(local.getTime() / dayMs),
        hour: local.getUTCHours(),
        weekday: local.getUTCDay(),
        date: local.getUTCDate()
      }
    ]
  })

const isWeekend = ({ weekday }: Hour) => weekday === 0 || weekday === 6

/** What each hour is expected to bring: its day's level times the profile of its kind of day. */
const expectations = (hours: ReadonlyArray<Hour>): ReadonlyMap<Hour, number> => {
  const kindOf = (hour: Hour) => `${isWeekend(hour)} ${hour.hour}`
  const kinds = by(hours, kindOf)
  const days = by(hours, ({ day }) => day)
  let profile = new Map([...kinds].map(([kind, each]) => [kind, median(each.map(({ count }) => count))]))
  let levels = new Map<number, number>()
  for (let pass = 0; pass < 3; pass++) {
    levels = new Map(
      [...days].map(([day, each]) => {
        const ratios = each.flatMap((hour) => {
          const usual = profile.get(kindOf(hour))!
          return usual > 0 ? [hour.count / usual] : []
        })
        return [day, ratios.length === 0 ? 1 : median(ratios)]
      })
    )
    profile = new Map(
      [...kinds].map(([kind, each]) => [
        kind,
        median(each.flatMap(({ count, day }) => (levels.get(day)! > 0 ? [count / levels.get(day)!] : [])))
      ])
    )
  }
  return new Map(hours.map((hour) => [hour, profile.get(kindOf(hour))! * levels.get(hour.day)!]))
}

/** Distances on the square-root scale; counts of a Poisson process scatter by a half there. */
const distance = (count: number, expected: number) => Math.sqrt(count) - Math.sqrt(expected)

/** P(X ≥ seen) of a binomial count. */
const binomialTail = (seen: number, chances: number, rate: number): number => {
  let term = (1 - rate) ** chances
  let below = 0
  for (let k = 0; k < seen; k++) {
    below += term
    term *= ((chances - k) / (k + 1)) * (rate / (1 - rate))
  }
  return Math.max(0, 1 - below)
}

interface Exceptional {
  readonly hours: ReadonlySet<Hour>
  readonly rate: number
  readonly expected: ReadonlyMap<Hour, number>
}

const exceptionalOf = (hours: ReadonlyArray<Hour>): Exceptional => {
  const expected = expectations(hours)
  const off = hours.map((hour) => Math.abs(distance(hour.count, expected.get(hour)!)))
  // 1.4826 × the median of absolute deviations is the standard deviation of a normal distribution.
  const scatter = Math.max(0.5, 1.4826 * median(off))
  const found = hours.filter((hour) => {
    const usual = expected.get(hour)!
    return distance(hour.count, usual) > farFromScatter * scatter && hour.count >= factorLeast * Math.max(usual, 1)
  })
  return { hours: new Set(found), rate: (found.length + 1) / (hours.length + 2), expected }
}

interface Occurrence {
  readonly at: number
  readonly factor: number
  readonly extra: number
}

interface Slot {
  readonly hour: number
  /** Weekday, day of month, or 0. */
  readonly at: number
  readonly occurrences: ReadonlyArray<Occurrence>
  readonly chances: number
  readonly confidence: number
}

/** Times of a period at which most hours were exceptional. */
const habitual = (
  hours: ReadonlyArray<Hour>,
  atOf: (hour: Hour) => number,
  isExceptional: (hour: Hour) => boolean,
  expected: ReadonlyMap<Hour, number>,
  rate: number
): ReadonlyArray<Slot> => {
  const slots = by(hours, (hour) => atOf(hour) * 24 + hour.hour)
  return [...slots].flatMap(([key, each]) => {
    const hits = each.filter(isExceptional)
    const confidence = 1 - Math.min(1, binomialTail(hits.length, each.length, rate) * slots.size)
    if (hits.length < seenLeast || hits.length < seenShare * each.length || confidence < confidenceLeast) return []
    const occurrences = hits.map((hour) => {
      const usual = expected.get(hour)!
      return { at: hour.at, factor: hour.count / Math.max(usual, 1), extra: hour.count - usual }
    })
    return [{ at: Math.floor(key / 24), hour: key % 24, occurrences, chances: each.length, confidence }]
  })
}

/** Each hour against the median of those around it, for what comes every day. */
const daily = (hours: ReadonlyArray<Hour>): ReadonlyArray<Slot> => {
  const near = new Map<Hour, number>()
  const byTime = new Map(hours.map((hour) => [hour.at, hour]))
  for (const hour of hours) {
    const others: Array<number> = []
    for (let i = -around; i <= around; i++) {
      const other = byTime.get(hour.at + i * hourMs)
      if (i !== 0 && other !== undefined) others.push(other.count)
    }
    if (others.length >= around) near.set(hour, median(others))
  }
  const looked = hours.filter((hour) => near.has(hour))
  // A peak of the day rises over hours: only what stands out from them is an event, hence twice the factor.
  const stands = (hour: Hour) =>
    distance(hour.count, near.get(hour)!) > farFromScatter * 0.5 &&
    hour.count >= 2 * factorLeast * Math.max(near.get(hour)!, 1)
  const rate = (looked.filter(stands).length / 24 + 1) / (looked.length + 2)
  return habitual(looked, () => 0, stands, near, rate)
}

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const clock = (hour: number) => `${String(hour).padStart(2, "0")}:00`

const wordsFor: Record<RecurringPattern["period"], (slot: Slot, hours: number) => { when: string; cron: string }> = {
  day: ({ hour }, hours) => ({ when: `every day ${clock(hour)} for ${hours} h`, cron: `0 ${hour} * * *` }),
  week: ({ at, hour }, hours) => ({
    when: `every ${weekdays[at]} ${clock(hour)} for ${hours} h`,
    cron: `0 ${hour} * * ${at}`
  }),
  month: ({ at, hour }, hours) => ({
    when: `day ${at} of every month ${clock(hour)} for ${hours} h`,
    cron: `0 ${hour} ${at} * *`
  })
}

/** Slots of neighbouring hours are one event. */
const joined = (
  period: RecurringPattern["period"],
  slots: ReadonlyArray<Slot>
): ReadonlyArray<Omit<FoundPattern, "next">> => {
  const sorted = slots.toSorted((a, b) => a.at - b.at || a.hour - b.hour)
  const runs: Array<Array<Slot>> = []
  for (const slot of sorted) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (before !== undefined && before.at === slot.at && before.hour + 1 === slot.hour) run!.push(slot)
    else runs.push([slot])
  }
  return runs.map((run) => {
    const [first] = run as [Slot]
    const strongest = run.reduce((a, b) =>
      median(b.occurrences.map(({ extra }) => extra)) > median(a.occurrences.map(({ extra }) => extra)) ? b : a
    )
    return {
      period,
      ...wordsFor[period](first, run.length),
      durationMs: run.length * hourMs,
      factor: median(strongest.occurrences.map(({ factor }) => factor)),
      extra: run.reduce((sum, { occurrences }) => sum + median(occurrences.map(({ extra }) => extra)), 0),
      seen: strongest.occurrences.length,
      chances: strongest.chances,
      confidence: Math.min(...run.map(({ confidence }) => confidence)),
      last: Math.max(...first.occurrences.map(({ at }) => at))
    }
  })
}

/**
 * Patterns in hourly counts, surest first, then largest. `offsetMs`: how far local time is ahead of UTC at a time. What
 * every day brings is not found again as an event of a weekday, nor that of a weekday as one of a month.
 */
export const recurringIn = (
  counts: ReadonlyArray<HourCount>,
  offsetMs: (at: number) => number
): ReadonlyArray<Omit<FoundPattern, "next">> => {
  const hours = localHours(counts, offsetMs)
  if (hours.length < daysLeast * 24) return []
  const days = daily(hours)
  const ofDay = new Set(days.map(({ hour }) => hour))
  const { expected, hours: exceptional, rate } = exceptionalOf(hours)
  const rest = hours.filter(({ hour }) => !ofDay.has(hour))
  const isExceptional = (hour: Hour) => exceptional.has(hour)
  const weeks = habitual(rest, ({ weekday }) => weekday, isExceptional, expected, rate)
  const ofWeek = new Set(weeks.map(({ at, hour }) => at * 24 + hour))
  const others = rest.filter(({ hour, weekday }) => !ofWeek.has(weekday * 24 + hour))
  const months = habitual(others, ({ date }) => date, isExceptional, expected, rate)
  return [...joined("day", days), ...joined("week", weeks), ...joined("month", months)].sort(
    (a, b) => b.confidence - a.confidence || b.extra - a.extra
  )
}
