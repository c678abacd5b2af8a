/**
 * The hours in which a group works: windows of the week by the clock on the wall of a zone. A group is open while that
 * clock shows a time within a window, and nothing else decides: a time that the clock skips when it is put forward
 * never comes, so a window that lies in it does not open that day, and a time that it shows twice is open twice.
 *
 * A time has one answer, whoever asks: it depends on nothing but the windows and the zone's rules, which Node carries.
 * `Cron` of Effect says when something starts, and near a change of the clock only roughly; a window is more than its
 * start. Loads nothing of Effect: a store asks it on its own thread.
 */
import * as Bounds from "../../Queue/policy/Bounds.ts"

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const
export type Weekday = (typeof weekdays)[number]

/** From a time of day to another, on each of the days; over midnight where the second is the earlier one. */
export interface HoursWindow {
  /** On which it begins. */
  readonly days: ReadonlyArray<Weekday>
  /** `HH:MM`, 00:00 to 23:59. Open from there on. */
  readonly from: string
  /** `HH:MM`, 00:00 to 24:00, never the same as `from`. No longer open then. */
  readonly to: string
}

export interface Hours {
  /** Open in any of them. At least one. */
  readonly windows: ReadonlyArray<HoursWindow>
  /** IANA name such as `Europe/Berlin`. */
  readonly timeZone: string
}

/** Hours, or their text: `mon-fri 22:00-06:00 Europe/Berlin`. */
export type HoursInput = Hours | string

export interface Opening {
  readonly isOpen: boolean
  /** When that changes next, in milliseconds since 1970; undefined: never, it is always open. */
  readonly changesAt: number | undefined
}

/** Windows of one group. Each is looked at when the group opens or closes. */
export const mostWindows = 100
/** Characters of a text. */
const longestText = 4096

const minuteMs = 60_000
const dayMinutes = 1440
const weekMinutes = 7 * dayMinutes
const weekMs = weekMinutes * minuteMs
/** Monday, 5 January 1970, where weeks are counted from. */
const mondayMs = 4 * dayMinutes * minuteMs
/** No zone has put its clock forth and back within so many milliseconds. */
const shiftsApartMs = 6 * 3_600_000

const expected = "days, times and a zone like mon-fri 22:00-06:00 Europe/Berlin"

// Reading -------------------------------------------------------------------------------------------------------------

const timePattern = /^(\d{1,2}):(\d\d)$/

/** Minutes of the day; undefined: no time of day. */
const minutesOf = (text: unknown): number | undefined => {
  const found = typeof text === "string" ? timePattern.exec(text) : null
  if (found === null) return undefined
  const minutes = Number(found[1]) * 60 + Number(found[2])
  return Number(found[2]) < 60 && minutes <= dayMinutes ? minutes : undefined
}

const twoDigits = (value: number) => String(value).padStart(2, "0")
const timeText = (minutes: number) => `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`

const timeOfDay = (what: string, value: unknown, most: number): number => {
  const minutes = minutesOf(value)
  return minutes !== undefined && minutes <= most
    ? minutes
    : Bounds.refuse(what, value, `a time of day from 00:00 to ${timeText(most)}`)
}

const windowFields: ReadonlySet<string> = new Set<keyof HoursWindow>(["days", "from", "to"])
const hoursFields: ReadonlySet<string> = new Set<keyof Hours>(["windows", "timeZone"])

const checkWindow = (what: string, window: HoursWindow): HoursWindow => {
  Bounds.fields(what, window, windowFields)
  const days = Bounds.someOf(`${what}.days`, window.days, weekdays)
  if (days.length === 0) Bounds.refuse(`${what}.days`, days, `at least one of ${weekdays.join(", ")}`)
  const from = timeOfDay(`${what}.from`, window.from, dayMinutes - 1)
  const to = timeOfDay(`${what}.to`, window.to, dayMinutes)
  if (from === to)
    throw new Bounds.OutOfBounds(
      `${what} is from ${timeText(from)} to ${timeText(to)}, which never opens; expected another time, or 00:00-24:00 for a whole day`
    )
  return { days: weekdays.filter((day) => days.includes(day)), from: timeText(from), to: timeText(to) }
}

const checkZone = (what: string, timeZone: unknown): string => {
  if (typeof timeZone === "string" && timeZone !== "" && clockOf(timeZone) !== undefined) return timeZone
  return Bounds.refuse(what, timeZone, "the IANA name of a time zone such as Europe/Berlin")
}

/** The hours, their days and times as they are written. Throws `OutOfBounds`. */
export const checkHours = (what: string, input: unknown): Hours => {
  if (typeof input === "string") return parseHours(input, what)
  Bounds.fields(what, input, hoursFields)
  const { timeZone, windows } = input as Hours
  if (!Array.isArray(windows) || windows.length === 0 || windows.length > mostWindows)
    return Bounds.refuse(`${what}.windows`, windows, `1 to ${mostWindows} windows, without which nothing ever opens`)
  return {
    windows: windows.map((window, i) => checkWindow(`${what}.windows[${i}]`, window)),
    timeZone: checkZone(`${what}.timeZone`, timeZone)
  }
}

/** `mon`, or all from the first to the last of `fri-mon`. */
const daysOf = (word: string): ReadonlyArray<Weekday> | undefined => {
  const [first, last = first, ...more] = word.split("-").map((name) => weekdays.indexOf(name as Weekday))
  if (first === undefined || last === undefined || first < 0 || last < 0 || more.length > 0) return undefined
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, i) => weekdays[(first + i) % 7]!)
}

/**
 * Windows and a zone: `mon-fri 22:00-06:00, sat 00:00-24:00 Europe/Berlin`. Spaces and commas part the words. Days go
 * with the times after them, up to the next days; times without days are those of every day. Throws `OutOfBounds`.
 */
export const parseHours = (text: string, what = "hours"): Hours => {
  if (text.length > longestText) return Bounds.refuse(what, text, `at most ${longestText} characters`)
  const words = text.split(/[\s,]+/).filter((word) => word !== "")
  const timeZone = words.pop()
  if (timeZone === undefined) return Bounds.refuse(what, text, expected)
  const windows: Array<HoursWindow> = []
  let days: ReadonlyArray<Weekday> = weekdays
  /** No times have come yet of the days named last. */
  let isNaming = false
  for (const word of words) {
    const named = daysOf(word.toLowerCase())
    if (named !== undefined) {
      days = isNaming ? [...days, ...named] : named
      isNaming = true
      continue
    }
    const [from, to, ...more] = word.split("-")
    if (minutesOf(from) === undefined || minutesOf(to) === undefined || more.length > 0)
      throw new Bounds.OutOfBounds(`${what} has ${Bounds.shown(word)} in it; expected ${expected}`)
    windows.push({ days: [...new Set(days)], from: from!, to: to! })
    isNaming = false
  }
  if (windows.length === 0 || isNaming) return Bounds.refuse(what, text, expected)
  return checkHours(what, { windows, timeZone })
}

/** In the form that `parseHours` reads. */
export const hoursText = ({ timeZone, windows }: Hours): string =>
  `${windows.map(({ days, from, to }) => `${daysText(days)} ${from}-${to}`).join(", ")} ${timeZone}`

const daysText = (days: ReadonlyArray<Weekday>): string => {
  const runs: Array<string> = []
  for (let first = 0; first < weekdays.length; first++) {
    if (!days.includes(weekdays[first]!)) continue
    let last = first
    while (last + 1 < weekdays.length && days.includes(weekdays[last + 1]!)) last++
    runs.push(first === last ? weekdays[first]! : `${weekdays[first]}-${weekdays[last]}`)
    first = last
  }
  return runs.join(",")
}

// Answering -----------------------------------------------------------------------------------------------------------

/** How far the clock of a zone is ahead of UTC, in milliseconds; undefined: there is no such zone. */
const clockOf = (timeZone: string): ((at: number) => number) | undefined => {
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" })
    return (at) => offsetIn(format.format(at))
  } catch {
    return undefined
  }
}

/** Of `1/5/1970, GMT-03:30`. */
const offsetIn = (text: string): number => {
  const found = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text)!
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = found
  const ms = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
  return sign === "-" ? -ms : ms
}

/** From a minute of the week up to another, counted from Monday 00:00. */
type Span = readonly [from: number, to: number]

/** In order, apart from one another, none over the end of the week. */
const spansOf = (windows: ReadonlyArray<HoursWindow>): ReadonlyArray<Span> => {
  const spans = windows
    .flatMap(({ days, from, to }) => {
      const length = (minutesOf(to)! - minutesOf(from)! + dayMinutes) % dayMinutes || dayMinutes
      return days.flatMap((day): ReadonlyArray<Span> => {
        const start = weekdays.indexOf(day) * dayMinutes + minutesOf(from)!
        const end = start + length
        return end <= weekMinutes
          ? [[start, end]]
          : [
              [start, weekMinutes],
              [0, end - weekMinutes]
            ]
      })
    })
    .sort(([a], [b]) => a - b)
  const apart: Array<Span> = []
  for (const [from, to] of spans) {
    const last = apart.at(-1)
    if (last === undefined || from > last[1]) apart.push([from, to])
    else if (to > last[1]) apart[apart.length - 1] = [last[0], to]
  }
  return apart
}

/**
 * When a group of these hours is open. Keeps its last answer: asked again before that changes it compares two numbers,
 * otherwise it takes a fraction of a millisecond. Throws `OutOfBounds` for a zone that this Node does not know.
 */
export const openingTimes = ({ timeZone, windows }: Hours): ((now: number) => Opening) => {
  const clock = clockOf(checkZone("hours.timeZone", timeZone))!
  const spans = spansOf(windows)
  const isAlways = spans.length === 1 && spans[0]![0] === 0 && spans[0]![1] === weekMinutes
  /** Of the week, by the clock on the wall. */
  const wallMs = (at: number) => (((at + clock(at) - mondayMs) % weekMs) + weekMs) % weekMs
  const isOpenAt = (at: number) => {
    const minute = wallMs(at) / minuteMs
    return spans.some(([from, to]) => minute >= from && minute < to)
  }
  /** Milliseconds from a time of the week to the next edge of a window. */
  const toEdge = (wall: number) => {
    let least = Number.POSITIVE_INFINITY
    for (const span of spans)
      for (const edge of span) {
        const ahead = (edge * minuteMs - wall + weekMs) % weekMs || weekMs
        if (ahead < least) least = ahead
      }
    return least
  }
  /** The first time after `from`, up to `to`, at which the clock was put forth or back. */
  const shiftWithin = (from: number, to: number): number | undefined => {
    const offset = clock(from)
    for (let low = from; low < to; low += shiftsApartMs) {
      let high = Math.min(to, low + shiftsApartMs)
      if (clock(high) === offset) continue
      for (let before = low; high - before > 1; ) {
        const middle = Math.floor((before + high) / 2)
        if (clock(middle) === offset) before = middle
        else high = middle
      }
      return high
    }
    return undefined
  }
  const changeAfter = (now: number, isOpen: boolean): number => {
    for (let at = now; ; ) {
      const edge = at + toEdge(wallMs(at))
      at = shiftWithin(at, edge) ?? edge
      if (isOpenAt(at) !== isOpen) return at
    }
  }

  let from = Number.POSITIVE_INFINITY
  let last: Opening = { isOpen: true, changesAt: undefined }
  return (now) => {
    if (isAlways || (now >= from && now < last.changesAt!)) return last
    const isOpen = isOpenAt(now)
    last = { isOpen, changesAt: changeAfter(now, isOpen) }
    from = now
    return last
  }
}
