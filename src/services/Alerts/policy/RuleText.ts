/** Figures of metrics as people write and read them. */
import { durationText } from "../../Queue/policy/DurationText.ts"
import { grouped, numberFormat } from "../../Text/policy/EnglishNumber.ts"
import { replace } from "../../Text/policy/SafeText.ts"
import type { MetricUnit } from "./Metrics.ts"

export const pressureLevels: ReadonlyArray<string> = ["ok", "elevated", "high", "critical"]

/** Names come from anybody: at most 300 characters, without those that a terminal, a log or a chat might obey. */
export const safeText = (text: string): string => replace(text.slice(0, 300), () => "\ufffd")

const short = numberFormat({ maximumSignificantDigits: 3 })

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const

export const bytesText = (bytes: number): string => {
  const power = bytes < 1024 ? 0 : Math.min(byteUnits.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${short(bytes / 1024 ** power)} ${byteUnits[power]}`
}

/** `10,000 jobs`, `25 %`, `2 min`, `512 MiB`, `high`. */
export const figureText = (unit: MetricUnit, value: number): string => {
  switch (unit) {
    case "jobs":
      return `${grouped(value)} ${value === 1 ? "job" : "jobs"}`
    case "share":
      return `${short(value * 100)} %`
    case "duration":
      return durationText(value)
    case "bytes":
      return bytesText(value)
    case "pressure":
      return pressureLevels[Math.max(0, Math.min(3, Math.round(value)))]!
    case "suspicion":
      return short(value)
  }
}

/** A time of day where a reader knows the day, otherwise with its date; UTC, and said so. */
export const timeText = (at: number, now: number): string => {
  const text = new Date(at).toISOString()
  return text.slice(0, 10) === new Date(now).toISOString().slice(0, 10)
    ? `${text.slice(11, 16)} UTC`
    : `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`
}
