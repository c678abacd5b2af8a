/** What Effects log while a command runs, on stderr: one line per event, whatever stands in it. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { describeCause } from "../Failure.ts"
import * as Sanitize from "./Sanitize.ts"
import type { Screen } from "./Screen.ts"

/** Text as it is, errors by their message, else JSON. A value that can be written as neither is named by its type. */
const wordOf = (part: unknown): string => {
  if (typeof part === "string") return part
  try {
    return part instanceof Error ? part.message : (JSON.stringify(part) ?? String(part))
  } catch {
    return `[${typeof part}]`
  }
}

/** `2026-08-01T09:30:00.000Z WARN message key=value: why`; of a cause its message. */
export const logger = (stderr: Screen): Logger.Logger<unknown, void> =>
  Logger.make(({ cause, date, fiber, logLevel, message }) => {
    const now = date.getTime()
    const words = [
      ...(Array.isArray(message) ? message : [message]).map(wordOf),
      ...fiber.getRef(References.CurrentLogSpans).map(([label, from]) => `${label}=${now - from}ms`),
      ...Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(
        ([key, value]) => `${key}=${typeof value === "string" ? JSON.stringify(value) : wordOf(value)}`
      )
    ].join(" ")
    const why = cause.reasons.length === 0 ? "" : `: ${describeCause(cause).line}`
    const line = Sanitize.line(`${date.toISOString()} ${logLevel.toUpperCase()} ${words}${why}`)
    Effect.runFork(stderr.write(`${line}\n`))
  })
