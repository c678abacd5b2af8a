/** The time axis of a plot: round local times, through changes of daylight saving time. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const steps: ReadonlyArray<number> = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * minute),
  ...[1, 2, 3, 6, 12].map((hours) => hours * hour),
  ...[1, 2, 7, 14, 28].map((days) => days * day)
]

export interface TimeTick {
  readonly at: number
  /** `14:30`; at midnight, and where ticks are days apart, the day: `Sat 21 Nov`. */
  readonly label: string
  /** The first moment of a day. */
  readonly midnight: boolean
}

/** Whether the platform knows the zone: `Europe/Vienna`, `UTC`. */
export const isTimeZone = (name: string): boolean => Option.isSome(DateTime.zoneMakeNamed(name))

const zoneOf = (timeZone: string) => DateTime.zoneMakeNamedUnsafe(timeZone)

const offsetAt = (at: number, zone: DateTime.TimeZone): number =>
  DateTime.zonedOffset(DateTime.setZone(DateTime.makeUnsafe(at), zone))

const format = (timeZone: string, options: Intl.DateTimeFormatOptions): ((at: number) => string) => {
  const formatter = new Intl.DateTimeFormat("en-GB", { ...options, timeZone })
  return (at) => formatter.format(at).replace(",", "")
}

/** `14:30`. */
export const clock = (timeZone: string) => format(timeZone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })

/** `Sat 21 Nov`. */
export const dayOf = (timeZone: string) => format(timeZone, { weekday: "short", day: "numeric", month: "short" })

/** `Sat 21 Nov 14:30`. */
export const moment = (timeZone: string) => {
  const [date, time] = [dayOf(timeZone), clock(timeZone)]
  return (at: number): string => `${date(at)} ${time(at)}`
}

/**
 * At most `most` ticks from `from` to `to`. Steps of up to an hour are even in time; longer ones stand at the same
 * local hour every day, so that midnights stay midnights when the clocks change.
 */
export const timeTicks = (from: number, to: number, timeZone: string, most: number): ReadonlyArray<TimeTick> => {
  const step = steps.find((step) => (to - from) / step <= most) ?? Math.ceil((to - from) / most / day) * day
  const zone = zoneOf(timeZone)
  const time = clock(timeZone)
  const date = dayOf(timeZone)
  const ticks: Array<TimeTick> = []
  // In local time, where days begin at multiples of a day.
  let local = Math.ceil((from + offsetAt(from, zone)) / step) * step
  for (;;) {
    const near = local - offsetAt(local - offsetAt(from, zone), zone)
    const at = local - offsetAt(near, zone)
    if (at > to) return ticks
    local += step
    if (at < from) continue
    const clockTime = time(at)
    const midnight = clockTime === "00:00"
    ticks.push({ at, midnight, label: midnight || step >= day ? date(at) : clockTime })
  }
}
