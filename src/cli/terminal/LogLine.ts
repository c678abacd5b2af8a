/** What Effects log while a command runs, on stderr: one line per event, whatever stands in it. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { describeCause } from "../Failure.ts"
import * as Sanitize from "./Sanitize.ts"
import type { Screen } from "./Screen.ts"

const wordOf = (part: unknown): string => (typeof part === "string" ? part : (JSON.stringify(part) ?? String(part)))

/** `2026-08-01T09:30:00.000Z WARN message key=value: why`. Structured parts as JSON; of a cause its message. */
export const logger = (stderr: Screen): Logger.Logger<unknown, void> =>
  Logger.make((event) => {
    const { annotations, level, message, timestamp } = Logger.formatStructured.log(event)
    const words = [
      ...(Array.isArray(message) ? message : [message]).map(wordOf),
      ...Object.entries(annotations).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    ]
    const why = event.cause.reasons.length === 0 ? "" : `: ${describeCause(event.cause).line}`
    Effect.runFork(stderr.write(`${Sanitize.line(`${timestamp} ${level} ${words.join(" ")}${why}`)}\n`))
  })
