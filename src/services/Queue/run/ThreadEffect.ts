import { Cause, Effect, Exit, Logger, type LogLevel } from "effect"
import * as PlainError from "./PlainError.ts"
import type { Outcome } from "./ThreadMessage.ts"
import type { ThreadContext, ThreadLogLevel } from "./ThreadPool.ts"

const levels: Readonly<Record<LogLevel.LogLevel, ThreadLogLevel>> = {
  All: "debug",
  Trace: "debug",
  Debug: "debug",
  Info: "info",
  Warn: "warning",
  Error: "error",
  Fatal: "error",
  None: "debug"
}

const text = (message: unknown): string => (Array.isArray(message) ? message : [message]).map(String).join(" ")

const outcomeOf = (cause: Cause.Cause<unknown>): Outcome => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return { type: "failed", reason: "failure", error: PlainError.from(failure.error) }
  const defect = cause.reasons.find(Cause.isDieReason)
  if (defect !== undefined) return { type: "failed", reason: "defect", error: PlainError.from(defect.defect) }
  return {
    type: "failed",
    reason: "interrupted",
    error: { name: "Interrupted", message: "the handler interrupted itself" }
  }
}

/**
 * Runs a handler that is an Effect. Apart from the thread's entry, so that handlers which are plain functions do not
 * load Effect.
 */
export const run = async (effect: Effect.Effect<unknown, unknown>, context: ThreadContext): Promise<Outcome> => {
  const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) =>
    context.log(
      levels[logLevel],
      cause.reasons.length === 0 ? text(message) : `${text(message)} ${Cause.pretty(cause)}`
    )
  )
  const exit = await Effect.runPromiseExit(Effect.provide(effect, Logger.layer([logger])))
  return Exit.isSuccess(exit) ? { type: "done", value: exit.value } : outcomeOf(exit.cause)
}
