/** How an awaited shell job ended, and what that means for an exit code. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { constants } from "node:os"
import { JobFailed, type ShellResult, ShellTask } from "../services/Queue/index.ts"
import { ExitCode } from "./ExitCode.ts"

export interface CommandEnd {
  /** The command's own code; 128 + the signal's number, as shells report it; ours where it did not end by itself. */
  readonly exitCode: number
  /** The number of the signal that ended it, 0 without. */
  readonly signal: number
  readonly durationMs: number
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  /** Why it failed beyond what its exit code says; empty when the code says it all. Not yet safe to show. */
  readonly remark: string
}

const nothing = new Uint8Array()

const signalNumber = (name: string): number => (constants.signals as Readonly<Record<string, number>>)[name] ?? 0

const failed = (error: unknown): CommandEnd | undefined => {
  if (error instanceof ShellTask.CommandFailed) {
    const signal = error.signal === null ? 0 : signalNumber(error.signal)
    return {
      exitCode: error.timedOut ? ExitCode.timedOut : (error.exitCode ?? 128 + signal),
      signal,
      durationMs: error.durationMs,
      stdout: error.stdout,
      stderr: error.stderr,
      remark: error.exitCode === null || error.timedOut ? error.message : ""
    }
  }
  const never = { signal: 0, durationMs: 0, stdout: nothing, stderr: nothing }
  if (typeof error === "object" && error !== null && "_tag" in error && error._tag === "ProcessError") {
    const { exitCode, message } = error as unknown as { readonly exitCode: number; readonly message: string }
    return { ...never, exitCode, remark: message }
  }
  if (error instanceof JobFailed) {
    const { cause, message } = error.failure
    const exitCode =
      cause === "TimedOut" ? ExitCode.timedOut : error.state === "cancelled" ? ExitCode.cancelled : ExitCode.failure
    return { ...never, exitCode, remark: error.state === "cancelled" ? `cancelled: ${message}` : message }
  }
  return undefined
}

/** `undefined`: the job's end is not known (the store failed, the job was removed, the waiting was interrupted). */
export const commandEnd = (exit: Exit.Exit<ShellResult, unknown>): CommandEnd | undefined => {
  if (Exit.isFailure(exit)) return Cause.hasInterrupts(exit.cause) ? undefined : failed(Cause.squash(exit.cause))
  const { durationMs, exitCode, stderr, stdout } = exit.value
  return { exitCode: exitCode ?? 0, signal: 0, durationMs, stdout, stderr, remark: "" }
}
