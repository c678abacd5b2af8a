/** What a handler logs: kept with its job, and told to all other loggers with the job's name on it. */
import { Cause, type Context, Logger, type LogLevel as EffectLogLevel, References } from "effect"
import { CurrentAttempt } from "../attempt/CurrentAttempt.ts"
import type { LogLevel } from "../../Store/Turn.ts"

/** Longest line kept, in characters. */
const maxLine = 8192

const levelOf = (level: EffectLogLevel.LogLevel): LogLevel => {
  switch (level) {
    case "Fatal":
    case "Error":
      return "error"
    case "Warn":
      return "warning"
    case "Trace":
    case "Debug":
      return "debug"
    default:
      return "info"
  }
}

const textOfPart = (part: unknown): string => {
  if (typeof part === "string") return part
  try {
    return JSON.stringify(part) ?? String(part)
  } catch {
    return typeof part === "bigint" ? String(part) : `[a ${typeof part} that cannot be written as JSON]`
  }
}

const textOf = (message: unknown): string => (Array.isArray(message) ? message : [message]).map(textOfPart).join(" ")

export const jobLogger: Logger.Logger<unknown, void> = Logger.make(({ cause, fiber, logLevel, message }) => {
  const target = fiber.getRef(CurrentAttempt)
  if (target === undefined) return
  const text = cause.reasons.length === 0 ? textOf(message) : `${textOf(message)} ${Cause.pretty(cause)}`
  const line = text.length <= maxLine ? text : `${text.slice(0, maxLine - 1)}…`
  // As it comes back from UTF-8; a cut may have parted a character.
  target.log(levelOf(logLevel), line.toWellFormed())
})

/** The same logger, told which attempt a line is of. Costs a handler nothing that does not log. */
export const ofAttempt = <Output>(logger: Logger.Logger<unknown, Output>): Logger.Logger<unknown, Output> =>
  Logger.make((line) => {
    const { fiber } = line
    const attempt = fiber.getRef(CurrentAttempt)
    if (attempt === undefined) return logger.log(line)
    const annotations = { ...fiber.getRef(References.CurrentLogAnnotations), ...attempt.annotations }
    const getRef = <A>(reference: Context.Reference<A>): A =>
      (reference as unknown) === References.CurrentLogAnnotations ? (annotations as A) : fiber.getRef(reference)
    return logger.log({ ...line, fiber: Object.create(fiber, { getRef: { value: getRef } }) })
  })
