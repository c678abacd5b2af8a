/**
 * The task behind `sluice run`, `add` and `map`: a command as a job.
 *
 * Its payload is a `ShellCommand`, complete in itself: any worker on the machine can run it. Exit code 0 completes the
 * job with a `ShellResult`; any other end fails the attempt with `CommandFailed`, so that retries work as for every
 * task. A command has no time limit unless its job has one: the soft limit sends SIGTERM to the process group; the hard
 * limit and a cancellation kill it.
 *
 * The command finds `SLUICE_JOB_ID`, `SLUICE_ATTEMPT`, `SLUICE_GROUP` and `SLUICE_STORE` in its environment.
 */
import { Cause, Clock, Duration, Effect, Exit, Schema, SchemaTransformation } from "effect"
import { formatJobId } from "../Job.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { exitTemporary, retryAfterOfCommand } from "../../Limits/policy/RetryAfter.ts"
import { RateLimited } from "../../Limits/RateLimited.ts"
import { type AttemptEnd, type OutputLog, type OutputStream, Outputs } from "../Outputs.ts"
import { laneName, shellTaskName } from "../policy/Lane.ts"
import * as ResourceGroup from "../ResourceGroup.ts"
import * as Task from "../Task.ts"
import { OutputBytes } from "./OutputBytes.ts"
import { ProcessError, ProcessRunner } from "./ProcessRunner.ts"
import { ShellCommand, ShellResult } from "./ShellCommand.ts"

/**
 * Bytes of each stream that rest in a job's row: small outputs whole, for programs that read them as a value. The whole
 * is in its log (`Outputs`).
 */
export const previewBytes = 64 * 1024

/**
 * Of a failed one, in characters of JSON, since an error is at most 16 KiB in all: the end, where commands say what
 * went wrong.
 */
const failedJsonMost = 7000

const controlsOfTwo = new Set(["\b", "\t", "\n", "\f", "\r", '"', "\\"].map((text) => text.charCodeAt(0)))

/** Characters a UTF-16 unit takes in JSON, a half of a pair like one that stands alone. */
const jsonCost = (unit: number): number =>
  controlsOfTwo.has(unit) ? 2 : unit < 0x20 || (unit >= 0xd800 && unit < 0xe000) ? 6 : 1

/** The longest end of `text` that takes at most so many characters of JSON. */
const endWithin = (text: string, most: number): string => {
  let start = text.length
  for (let cost = 0; start > 0; start--) {
    cost += jsonCost(text.charCodeAt(start - 1))
    if (cost > most) break
  }
  const end = text.slice(start)
  return end.isWellFormed() ? end : end.slice(1)
}

/** Cut when it is stored; the process that ran the command has more. */
const FailedOutput = OutputBytes.pipe(
  Schema.flip,
  Schema.decodeTo(
    Schema.toType(Schema.toEncoded(OutputBytes)),
    SchemaTransformation.transform({
      decode: (text) =>
        typeof text === "string"
          ? endWithin(text, failedJsonMost)
          : { base64: text.base64.slice(0, failedJsonMost - (failedJsonMost % 4)) },
      encode: (text) => text
    })
  ),
  Schema.flip
)

/** The command ran and did not end with 0. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  /** `null` when a signal ended it. */
  exitCode: Schema.NullOr(Schema.Int),
  signal: Schema.NullOr(Schema.String),
  /** It ended after its soft limit had told it to. */
  timedOut: Schema.Boolean,
  durationMs: Schema.Finite,
  stdout: FailedOutput,
  stderr: FailedOutput
}) {
  override get message() {
    const end = this.exitCode === null ? `was ended by ${this.signal}` : `ended with exit code ${this.exitCode}`
    return this.timedOut ? `the command reached its time limit and ${end}` : `the command ${end}`
  }
}

export { isShellTask, laneOf, shellTaskName } from "../policy/Lane.ts"

/** What a shell job may fail with. `ProcessError`: it never ran. */
export const ShellError = Schema.Union([CommandFailed, ProcessError])
export type ShellError = typeof ShellError.Type

const isRetryable = (error: ShellError): boolean =>
  error._tag === "CommandFailed" || error.reason._tag === "SpawnFailed"

const make = (name: string) =>
  Task.make(name, {
    group: ResourceGroup.computation,
    payload: ShellCommand,
    success: ShellResult,
    error: ShellError,
    retryable: isRetryable,
    // Encodes, backups and trainings take as long as they take; who wants a limit says so with the job.
    softLimit: Duration.infinity,
    hardLimit: Duration.infinity,
    // A night with the lid closed, and no more: then a worker elsewhere may have the job.
    suspendedFor: "8 hours"
  })

export type ShellTask = ReturnType<typeof make>

/** Commands for any worker. */
export const shell: ShellTask = make(shellTaskName)

/** Commands for one process, by the number of its lane. */
export const laneTask = (lane: number): ShellTask => make(laneName(lane))

/** Hears a command while it runs in this process. */
export interface ShellListener {
  readonly onStart?: (job: Task.JobContext) => void
  /** Its process is there; `group` is that of the process and all it starts. */
  readonly onProcess?: (job: Task.JobContext, group: number) => void
  /**
   * Takes what the command writes, instead of its log alone, and gives it to that (`log.write`). When it answers a
   * promise the stream is read on only once that has settled; a rejection ends the attempt as a defect.
   */
  readonly onOutput?: (job: Task.JobContext, log: OutputLog, chunk: Uint8Array, stream: OutputStream) => unknown
  /**
   * Variables that commands find besides the recorded ones, which are stronger. They are in this process alone: never
   * stored.
   */
  readonly env?: Readonly<Record<string, string>>
  /** Commands have the terminal of this process, one at a time; see `RunOptions.atTerminal`. */
  readonly atTerminal?: boolean
  /** Bytes of each stream that rest in the job's row. Default 64 KiB, which is the most. */
  readonly previewBytes?: number
}

/**
 * SIGKILL follows SIGTERM this soon when a run is interrupted: within the time a stopping worker has to hand its jobs
 * back.
 */
const forceKillAfter = "1 second"

/** How an attempt ended, for its log. */
const endOf = (exit: Exit.Exit<ShellResult, ShellError | RateLimited>, endedAt: number): AttemptEnd => {
  if (Exit.isSuccess(exit)) return { endedAt, outcome: "completed", exitCode: exit.value.exitCode, message: "" }
  if (Cause.hasInterrupts(exit.cause)) {
    return { endedAt, outcome: "interrupted", exitCode: null, message: "it was ended before it had finished" }
  }
  const error = Cause.squash(exit.cause)
  const exitCode = error instanceof CommandFailed ? error.exitCode : error instanceof RateLimited ? exitTemporary : null
  return { endedAt, outcome: "failed", exitCode, message: error instanceof Error ? error.message : String(error) }
}

/** A command that ended with another code than 0 has failed, unless it says when to come again. */
const failureOf = (result: ShellResult, job: Task.JobContext): CommandFailed | RateLimited => {
  const { durationMs, exitCode, signal, stderr, stdout } = result
  const said = retryAfterOfCommand(exitCode, Buffer.from(stderr).toString())
  if (said !== undefined) return RateLimited.fromData({ when: said })
  return new CommandFailed({ exitCode, signal, timedOut: job.signal.aborted, durationMs, stdout, stderr })
}

/** Runs the jobs of `task` as child processes of this one. */
export const handler = (task: ShellTask, listener: ShellListener = {}) =>
  task.toLayer(
    Effect.gen(function* () {
      const { traits } = yield* JobStore
      const runner = yield* ProcessRunner
      const outputs = yield* Outputs
      return Effect.fnUntraced(function* (command: ShellCommand, job: Task.JobContext<ShellResult, unknown>) {
        const log = outputs.begin(job.id, job.attempt)
        listener.onStart?.(job)
        const surrounded =
          listener.env === undefined ? command : { ...command, env: { ...listener.env, ...command.env } }
        const ran = runner.run(surrounded, {
          env: {
            SLUICE_JOB_ID: formatJobId(job.id),
            SLUICE_ATTEMPT: String(job.attempt),
            SLUICE_GROUP: job.group,
            SLUICE_STORE: traits.label
          },
          signal: job.signal,
          ...(command.stdinOpen === true ? { inputPipe: outputs.inputOf(job.id, job.attempt) } : {}),
          atTerminal: listener.atTerminal === true,
          forceKillAfter,
          onStart: (group) => listener.onProcess?.(job, group),
          onOutput: (chunk, stream) =>
            listener.onOutput === undefined ? log.write(chunk, stream) : listener.onOutput(job, log, chunk, stream),
          outputLimitBytes: Math.min(listener.previewBytes ?? previewBytes, previewBytes)
        })
        // A fault of this machine's, not of the command: as when the worker itself dies.
        const told = Effect.catchReason(ran, "ProcessError", "CommandLost", (lost) => Effect.die(lost))
        return yield* Effect.flatMap(told, (result) =>
          result.exitCode === 0 ? Effect.succeed(result) : Effect.fail(failureOf(result, job))
        ).pipe(Effect.onExit((exit) => Effect.map(Clock.currentTimeMillis, (endedAt) => log.end(endOf(exit, endedAt)))))
      })
    })
  )
