/**
 * The attempt a fiber belongs to: what a handler logs is kept with its job, and who waits within a handler holds its
 * slot meanwhile.
 */
import { Context } from "effect"
import type { LogLevel } from "../../Store/Turn.ts"

export interface AttemptOfFiber {
  readonly task: string
  /** The group whose slot it holds. */
  readonly group: string
  readonly log: (level: LogLevel, message: string) => void
  /** What a log line of its handler is annotated with. */
  readonly annotations: Readonly<Record<string, unknown>>
}

export const CurrentAttempt = Context.Reference<AttemptOfFiber | undefined>("sluice/run/CurrentAttempt", {
  defaultValue: () => undefined
})
