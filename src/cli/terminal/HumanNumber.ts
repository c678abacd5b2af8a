/**
 * Numbers as people read them: a space before every unit, a comma every three digits, units `ms s min h d`, `kB MB GB`,
 * `%`, and `/s`. Anything unknown or not finite is a dash. For `--json` never use these.
 */
import * as ByteSize from "effect/ByteSize"
import { DurationText } from "../../services/Queue/index.ts"
import { EnglishNumber } from "../../services/Text/index.ts"

const { decimal, durationText: duration, unknown } = DurationText

export { duration, unknown }

/** `12000` → `12,000`. */
export const count = (n: number): string => (Number.isFinite(n) ? EnglishNumber.grouped(n) : unknown)

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
 * A share between 0 and 1 as whole percent. Never rounds to an end it has not reached: `100 %` means all and `0 %`
 * none.
 */
export const percent = (share: number): string => {
  if (!Number.isFinite(share)) return unknown
  if (share > 0 && share < 0.01) return "<1 %"
  return `${EnglishNumber.grouped(Math.floor(share * 100 + 1e-9))} %`
}
