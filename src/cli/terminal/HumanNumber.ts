/**
 * Numbers as people read them: a space before every unit, a comma every three digits, units `ms s min h d`, `kB MB GB`,
 * `%`, and `/s`. Anything unknown or not finite is a dash. For `--json` never use these.
 */
import * as ByteSize from "effect/ByteSize"

/** Stands for a figure that is not known. */
export const unknown = "–"

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })
const oneDecimal = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 })
const significant = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 2 })

/** `12000` → `12,000`. */
export const count = (n: number): string => (Number.isFinite(n) ? grouped.format(n) : unknown)

/** Two significant digits below 10, one decimal below 100, then whole. */
const decimal = (n: number): string =>
  n === 0 ? "0" : n < 9.95 ? significant.format(n) : n < 99.95 ? oneDecimal.format(n) : grouped.format(n)

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const pair = (total: number, big: number, bigName: string, small: number, smallName: string): string => {
  const rounded = Math.round(total / small) * small
  const rest = Math.round((rounded % big) / small)
  return `${grouped.format(Math.floor(rounded / big))} ${bigName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`
}

/** A duration in milliseconds: `0.013 ms`, `480 ms`, `2.5 s`, `2 min 5 s`, `1 h 5 min`, `3 d 2 h`. */
export const duration = (milliseconds: number): string => {
  if (!Number.isFinite(milliseconds)) return unknown
  if (milliseconds < 0) return `-${duration(-milliseconds)}`
  if (milliseconds < 999.5) return `${decimal(milliseconds)} ms`
  if (milliseconds < 59.95 * second) return `${decimal(milliseconds / second)} s`
  if (milliseconds < hour - 0.5 * second) return pair(milliseconds, minute, "min", second, "s")
  if (milliseconds < day - 0.5 * minute) return pair(milliseconds, hour, "h", minute, "min")
  return pair(milliseconds, day, "d", hour, "h")
}

/**
 * A number of bytes: `0 B`, `1.5 MB` (powers of 1000), or with `binary` `1.5 MiB` (powers of 1024). Bytes are whole;
 * a fraction is rounded.
 */
export const bytes = (n: number, system: "decimal" | "binary" = "decimal"): string => {
  if (!Number.isFinite(n) || n < 0) return unknown
  return ByteSize.format(ByteSize.bytes(BigInt(Math.round(n))), { system, precision: 1 })
}

/** Events per second, in the unit that keeps it readable: `812/s`, `2.5/s`, `3/min`, `2/h`. */
export const rate = (perSecond: number): string => {
  if (!Number.isFinite(perSecond) || perSecond < 0) return unknown
  if (perSecond === 0 || perSecond >= 0.995) return `${decimal(perSecond)}/s`
  const perMinute = perSecond * 60
  return perMinute >= 0.995 ? `${decimal(perMinute)}/min` : `${decimal(perMinute * 60)}/h`
}

/**
 * A share between 0 and 1 as whole percent. Never rounds to an end it has not reached: `100 %` means all and `0 %` none.
 */
export const percent = (share: number): string => {
  if (!Number.isFinite(share)) return unknown
  if (share > 0 && share < 0.01) return "<1 %"
  return `${grouped.format(Math.floor(share * 100 + 1e-9))} %`
}
