/**
 * Durations as people read them, on the terminal and in what alerts say: a space before every unit, units `ms s min h
 * d`.
 */

import { grouped, numberFormat } from "../../Text/policy/EnglishNumber.ts"

/** Stands for a figure that is not known. */
export const unknown = "–"

const significant = numberFormat({ maximumSignificantDigits: 2 })
const oneDecimal = numberFormat({ maximumFractionDigits: 1 })

/** Two significant digits below 10, one decimal below 100, then whole. */
export const decimal = (n: number): string =>
  n === 0 ? "0" : n < 9.95 ? significant(n) : n < 99.95 ? oneDecimal(n) : grouped(n)

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const pair = (total: number, big: number, bigName: string, small: number, smallName: string): string => {
  const rounded = Math.round(total / small) * small
  const rest = Math.round((rounded % big) / small)
  return `${grouped(Math.floor(rounded / big))} ${bigName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`
}

/** A duration in milliseconds: `0.013 ms`, `480 ms`, `2.5 s`, `2 min 5 s`, `1 h 5 min`, `3 d 2 h`. */
export const durationText = (milliseconds: number): string => {
  if (!Number.isFinite(milliseconds)) return unknown
  if (milliseconds < 0) return `-${durationText(-milliseconds)}`
  if (milliseconds < 999.5) return `${decimal(milliseconds)} ms`
  if (milliseconds < 59.95 * second) return `${decimal(milliseconds / second)} s`
  if (milliseconds < hour - 0.5 * second) return pair(milliseconds, minute, "min", second, "s")
  if (milliseconds < day - 0.5 * minute) return pair(milliseconds, hour, "h", minute, "min")
  return pair(milliseconds, day, "d", hour, "h")
}
