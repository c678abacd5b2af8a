/**
 * The task behind `sluice run`, `add` and `map`: a command as a job.
 *
 * Its payload is a `ShellCommand`, complete in itself: any worker on the machine can run it. Exit code 0 completes the job with a
 * `ShellResult`; any other end fails the attempt with `CommandFailed`, so that retries work as for every task. A command has no time limit
 * unless its job has one: the soft limit sends SIGTERM to the process group; the hard limit and a cancellation kill it.
 *
 * The command finds `SLUICE_JOB_ID`, `SLUICE_ATTEMPT`, `SLUICE_GROUP` and `SLUICE_STORE` in its environment.
 */
import { Duration, Effect, Schema, SchemaTransformation } from "effect"
import { formatJobId } from "../Job.ts"
import { JobStore } from "../JobStore.ts"
import { laneName, shellTaskName } from "../policy/Lane.ts"
import * as ResourceGroup from "../ResourceGroup.ts"
import * as Task from "../Task.ts"
import { OutputBytes } from "./OutputBytes.ts"
import { ProcessError, ProcessRunner } from "./ProcessRunner.ts"
import { ShellCommand, ShellResult } from "./ShellCommand.ts"

/** Characters of JSON a string takes. */
const jsonLength = (text: string): number => JSON.stringify(text).length

/** The longest end of `text` that takes at most `limit` characters of JSON, found by halving. */
const endWithin = (text: string, limit: number): string => {
  let kept = text.slice(-limit)
  let from = 0
  let to = kept.length
  if (jsonLength(kept) > limit) {
    while (to - from > 1) {
      const middle = (from + to) >> 1
      if (jsonLength(kept.slice(-middle)) <= limit) from = middle
      else to = middle
    }
    kept = kept.slice(kept.length - from)
  }
  return kept.isWellFormed() ? kept : kept.slice(1)
}

const reverse = (text: string): string => Array.from(text).reverse().join("")

/**
 * Output that is cut when it is stored, to at most `limit` characters of JSON; the process that ran the command has all of it. Of
 * text beginning and end are kept (`endOnly`: the end, where commands say what went wrong), of other bytes the beginning.
 */
const keptOutput = (limit: number, endOnly: boolean) => {
  const cutText = (text: string): string => {
    if (text.length <= limit / 6 || jsonLength(text) <= limit) return text
    if (endOnly) return endWithin(text, limit)
    const half = Math.floor(limit / 2) - 64
    const head = reverse(endWithin(reverse(text.slice(0, limit)), half))
    const tail = endWithin(text, half)
    return `${head}\n[... ${text.length - head.length - tail.length} characters left out ...]\n${tail}`
  }
  return OutputBytes.pipe(
    Schema.flip,
    Schema.decodeTo(
      Schema.toType(Schema.toEncoded(OutputBytes)),
      SchemaTransformation.transform({
        decode: (text) =>
          typeof text === "string" ? cutText(text) : { base64: text.base64.slice(0, limit - (limit % 4)) },
        encode: (text) => text
      })
    ),
    Schema.flip
  )
}

/** Of a failed command, since an error is at most 16 KiB in all. */
const FailedOutput = keptOutput(7000, true)
/** Of a successful one: both streams fit a result at its smallest limit, 1 MiB. */
const StoredOutput = keptOutput(400_000, false)

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

const StoredResult = Schema.Struct({ ...ShellResult.fields, stdout: StoredOutput, stderr: StoredOutput })

const make = (name: string) =>
  Task.make(name, {
    group: ResourceGroup.computation,
    payload: ShellCommand,
    success: StoredResult,
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
  /** See `RunOptions.onOutput`. */
  readonly onOutput?: (job: Task.JobContext, chunk: Uint8Array, stream: "stdout" | "stderr") => void
  /** Variables that commands find besides the recorded ones, which are stronger. They are in this process alone: never stored. */
  readonly env?: Readonly<Record<string, string>>
  /** Bytes of each stream this process keeps of a running command. Default 1 MiB. */
  readonly outputLimitBytes?: number
}

/** SIGKILL follows SIGTERM this soon when a run is interrupted: within the time a stopping worker has to hand its jobs back. */
const forceKillAfter = "1 second"

/** Runs the jobs of `task` as child processes of this one. */
export const handler = (task: ShellTask, listener: ShellListener = {}) =>
  task.toLayer(
    Effect.gen(function* () {
      const { traits } = yield* JobStore
      const runner = yield* ProcessRunner
      return Effect.fnUntraced(function* (command: ShellCommand, job: Task.JobContext<ShellResult, unknown>) {
        listener.onStart?.(job)
        const surrounded =
          listener.env === undefined ? command : { ...command, env: { ...listener.env, ...command.env } }
        const run = runner.run(surrounded, {
          env: {
            SLUICE_JOB_ID: formatJobId(job.id),
            SLUICE_ATTEMPT: String(job.attempt),
            SLUICE_GROUP: job.group,
            SLUICE_STORE: traits.location
          },
          signal: job.signal,
          forceKillAfter,
          onOutput: (chunk, stream) => listener.onOutput?.(job, chunk, stream),
          ...(listener.outputLimitBytes === undefined ? {} : { outputLimitBytes: listener.outputLimitBytes })
        })
        const result = yield* Effect.catchReason(run, "ProcessError", "CommandLost", (lost) => Effect.die(lost))
        if (result.exitCode === 0) return result
        return yield* new CommandFailed({
          exitCode: result.exitCode,
          signal: result.signal,
          timedOut: job.signal.aborted,
          durationMs: result.durationMs,
          stdout: result.stdout,
          stderr: result.stderr
        })
      })
    })
  )
