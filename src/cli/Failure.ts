/**
 * How a command ends without success: one line for a person, one exit code for a script. Handlers fail with whatever
 * error the queue gave them; `describe` says what it means for the command line.
 */
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import { ExitCode, type ExitName } from "./ExitCode.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

/** An ending the command decided itself. Without a message it has said what there is to say already. */
export class CommandFailure extends Schema.TaggedError<CommandFailure>()("CommandFailure", {
  exitCode: Schema.Int,
  /** One line: what was wrong, what was expected, what to do. Not yet made safe to show. */
  message: Schema.String
}) {}

/** Ends the command with a documented exit code. */
export const fail = (exit: ExitName, message = ""): CommandFailure =>
  new CommandFailure({ exitCode: ExitCode[exit], message })

/** Ends the command with the code of another program. */
export const passOn = (exitCode: number): CommandFailure => new CommandFailure({ exitCode, message: "" })

export interface Description {
  readonly exitCode: number
  /** One line, safe to show; empty: nothing to say. */
  readonly line: string
}

/** Exit codes of the queue's errors, by the tag of the error or of its `reason`. */
const endings: { readonly [tag: string]: ExitName } = {
  InvalidPayload: "usage",
  PayloadTooLarge: "usage",
  InvalidOption: "usage",
  InputError: "usage",
  CommandTemplateError: "usage",
  ScaleInvalid: "usage",
  ParentNotFound: "notFound",
  JobNotFound: "notFound",
  DecisionNotFound: "notFound",
  DuplicateJob: "conflict",
  QueueOverloaded: "conflict",
  MemoryShort: "conflict",
  WrongState: "conflict",
  InvalidLimit: "usage",
  LimitNotFound: "notFound",
  InvalidRule: "usage",
  InvalidSilence: "usage",
  SettingsUnusable: "usage",
  RuleNotFound: "notFound",
  SilenceNotFound: "notFound",
  StoreInUse: "conflict",
  StoreReadOnly: "notAllowed",
  StoreUntrusted: "notAllowed",
  StoreUnavailable: "unreachable",
  StoreOutcomeUnknown: "unreachable",
  StoreFull: "unreachable",
  StoreCorrupt: "unreachable",
  StoreTampered: "unreachable",
  StoreForeign: "unreachable",
  StoreNewer: "unreachable",
  StoreUnsafe: "unreachable",
  StoreClosed: "unreachable"
}

const tagOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"
    ? error._tag
    : undefined

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * What an error means at the command line. Anything unforeseen is a plain failure, with its message and without its
 * stack.
 */
export const describe = (error: unknown): Description => {
  if (error instanceof CommandFailure) return { exitCode: error.exitCode, line: Sanitize.line(error.message) }
  const reason = typeof error === "object" && error !== null && "reason" in error ? error.reason : undefined
  const ending = endings[tagOf(reason) ?? ""] ?? endings[tagOf(error) ?? ""] ?? "failure"
  return { exitCode: ExitCode[ending], line: Sanitize.line(messageOf(error)) || "failed without a reason" }
}

/** The same for a whole cause: the first failure decides, else the first defect. */
export const describeCause = (cause: Cause.Cause<unknown>): Description => describe(Cause.squash(cause))
