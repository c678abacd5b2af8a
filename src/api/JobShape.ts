/**
 * A job as it leaves a process. Made of records whose values are JSON: those of tasks without a handler here, or asked
 * for with `JobValues`.
 */
import * as Schema from "effect/Schema"
import { Job, type JobRecord, logName, ShellTask, SystemWord } from "../services/Queue/index.ts"
import { shownProgram } from "./ShownProgram.ts"

const Time = Schema.String

const summary = {
  /** Eleven characters. */
  id: Schema.String,
  task: Schema.String,
  group: Schema.String,
  state: Schema.Literals(["scheduled", "pending", "running", "completed", "failed", "cancelled"]),
  /** Why it is scheduled, else null. */
  waitReason: Schema.NullOr(Schema.Literals(["time", "retry", "parents", "key", "limit"])),
  priority: Schema.Int,
  /** Attempts begun. */
  attempt: Schema.Int,
  maxAttempts: Schema.Int,
  /** Times in RFC 3339. */
  enqueuedAt: Time,
  dueAt: Time,
  startedAt: Schema.NullOr(Time),
  finishedAt: Schema.NullOr(Time),
  tags: Schema.Array(Schema.String),
  /** Program and arguments of a command, bytes that are not UTF-8 escaped; null for tasks of programs. */
  command: Schema.NullOr(Schema.Array(Schema.String)),
  /** How the last attempt of a command ended: its exit code, or the signal that ended it; both null otherwise. */
  exitCode: Schema.NullOr(Schema.Int),
  signal: Schema.NullOr(Schema.String),
  /**
   * From the start of the last attempt to the job's end, in milliseconds; null until then, and where it was cancelled.
   */
  ranMs: Schema.NullOr(Schema.Finite),
  /** The last attempt's failure in a sentence, else null. */
  error: Schema.NullOr(Schema.String)
}

/** A job in a list. */
export const JobSummaryShape = Schema.Struct(summary)

/** An attempt of a job. */
export const AttemptShape = Schema.Struct({
  /** From 1. */
  number: Schema.Int,
  /** Session of the worker that ran it. */
  session: Schema.Int,
  startedAt: Time,
  /** Null while it runs. */
  endedAt: Schema.NullOr(Time),
  outcome: Job.JobAttempt.fields.outcome,
  failure: Schema.NullOr(Job.Failure),
  /** Of a command: the name of its log, if it left one; else null. */
  output: Schema.NullOr(Schema.String)
})

/** A job whole. The environment of a command is left out unless asked for. */
export const JobShape = Schema.Struct({
  ...summary,
  /** Of the definition that made the payload. */
  version: Schema.Int,
  payload: Schema.Unknown,
  /** Null until it has completed. */
  result: Schema.Unknown,
  /** The last progress reported, else null. */
  progress: Schema.Unknown,
  failure: Schema.NullOr(Job.Failure),
  /** The oldest first: the last one, and of those before it the newest ten. */
  attempts: Schema.Array(AttemptShape),
  partitionKey: Schema.NullOr(Schema.String),
  uniqueKey: Schema.NullOr(Schema.String),
  /** Jobs it waits for. */
  waitingFor: Schema.Array(Schema.String),
  expiresAt: Schema.NullOr(Time),
  /** When its result is wanted, else null. */
  deadline: Schema.NullOr(Time),
  /** Whether it completed by then; null without a deadline and until it has finished. */
  deadlineMet: Schema.NullOr(Schema.Boolean),
  /** How long it stays when it has finished, by its own word; null: as the store's retention says. */
  retention: Schema.NullOr(Job.JobRetention),
  /** Session of the worker that runs it or ran it last. */
  session: Schema.NullOr(Schema.Int),
  owner: Schema.NullOr(Schema.String),
  team: Schema.NullOr(Schema.String),
  batchKey: Schema.NullOr(Schema.String),
  headers: Schema.Record(Schema.String, Schema.String)
})

const time = (millis: number): string => new Date(millis).toISOString()
const timeOrNull = (millis: number | undefined): string | null => (millis === undefined ? null : time(millis))

export const toJobSummary = (job: JobRecord): typeof JobSummaryShape.Type => ({
  id: Job.formatJobId(job.id),
  task: job.task,
  group: job.group,
  state: job.state,
  waitReason: job.waitReason ?? null,
  priority: job.priority,
  attempt: job.attempt,
  maxAttempts: job.maxAttempts,
  enqueuedAt: time(job.enqueuedAt),
  dueAt: time(job.due),
  startedAt: timeOrNull(job.startedAt),
  finishedAt: timeOrNull(job.finishedAt),
  tags: job.extra?.tags ?? [],
  command: commandOf(job) ?? null,
  exitCode: endOf(job).exitCode ?? null,
  signal: endOf(job).signal ?? null,
  ranMs: ranMs(job) ?? null,
  error: job.failure?.message ?? null
})

export const toAttemptShapes = ({ attempts, id, task }: JobRecord): ReadonlyArray<typeof AttemptShape.Type> =>
  attempts.map(({ endedAt, failure, number, outcome, session, startedAt }) => ({
    number,
    session,
    startedAt: time(startedAt),
    endedAt: timeOrNull(endedAt),
    outcome,
    failure: failure ?? null,
    output: ShellTask.isShellTask(task) ? logName(id, number) : null
  }))

/** Undefined without a deadline, and until the job has finished. */
export const deadlineMet = ({ extra, finishedAt, state }: JobRecord): boolean | undefined =>
  extra?.deadline === undefined || finishedAt === undefined
    ? undefined
    : state === "completed" && finishedAt <= extra.deadline

/** A command's payload without its environment, which may hold secrets. */
const withoutEnvironment = (payload: unknown): unknown => {
  if (typeof payload !== "object" || payload === null || !("env" in payload)) return payload
  const { env: _, envBytes: __, ...rest } = payload as { readonly env: unknown; readonly envBytes?: unknown }
  return rest
}

export const payloadOf = (job: JobRecord, environment: boolean): unknown => {
  const payload = job.payload
  return ShellTask.isShellTask(job.task) && !environment ? withoutEnvironment(payload) : payload
}

export const toJobShape = (job: JobRecord, environment: boolean): typeof JobShape.Type => ({
  ...toJobSummary(job),
  version: job.version,
  payload: payloadOf(job, environment) ?? null,
  result: job.result ?? null,
  progress: job.progress ?? null,
  failure: job.failure ?? null,
  attempts: toAttemptShapes(job),
  partitionKey: job.partitionKey ?? null,
  uniqueKey: job.uniqueKey ?? null,
  waitingFor: job.waitingFor.map(Job.formatJobId),
  expiresAt: timeOrNull(job.expiresAt),
  deadline: timeOrNull(job.extra?.deadline),
  deadlineMet: deadlineMet(job) ?? null,
  retention: job.extra?.retention ?? null,
  session: job.session ?? null,
  owner: job.extra?.owner ?? null,
  team: job.extra?.team ?? null,
  batchKey: job.extra?.batchKey ?? null,
  headers: job.extra?.headers ?? {}
})

/** Program and arguments of a command, not yet safe to show; undefined for tasks of programs. */
const commandOf = (job: JobRecord): ReadonlyArray<string> | undefined => {
  if (!ShellTask.isShellTask(job.task)) return undefined
  const { command } = (job.payload ?? {}) as { readonly command?: unknown }
  return Array.isArray(command)
    ? (command as ReadonlyArray<typeof SystemWord.SystemWord.Encoded>).map(SystemWord.shown)
    : undefined
}

export interface JobEnd {
  readonly exitCode?: number | undefined
  readonly signal?: string | undefined
}

/** How a finished command ended, as far as it began. */
export const endOf = (job: JobRecord): JobEnd => {
  if (!ShellTask.isShellTask(job.task)) return {}
  const kept = (job.state === "completed" ? job.result : job.failure?.error) ?? {}
  const { exitCode, signal } = kept as { readonly exitCode?: unknown; readonly signal?: unknown }
  return {
    exitCode: Number.isInteger(exitCode) ? (exitCode as number) : undefined,
    signal: typeof signal === "string" ? signal : undefined
  }
}

/**
 * Whether its row says that the last attempt of a command wrote nothing: it completed, and nothing was kept or left
 * out. Such an attempt has no log; any other that has none has lost it.
 */
export const wroteNothing = (job: JobRecord): boolean => {
  if (job.state !== "completed") return false
  const { stderr, stderrDropped, stdout, stdoutDropped } = (job.result ?? {}) as Record<string, unknown>
  return [stdout, stderr, stdoutDropped, stderrDropped].every((of) => of === "" || of === 0)
}

/** From the start of its last attempt to its end; undefined where it was cancelled, perhaps long after an attempt. */
export const ranMs = ({ finishedAt, startedAt, state }: JobRecord): number | undefined =>
  startedAt === undefined || finishedAt === undefined || state === "cancelled" ? undefined : finishedAt - startedAt

/** What a job does, on one line: the command of a shell job, else its payload. Not yet safe to show. */
export const whatItDoes = (job: JobRecord): string => {
  const words = commandOf(job)
  if (words !== undefined) {
    const [program, flag, text] = words
    return program === "sh" && flag === "-c" && words.length === 3 ? shownProgram(text!) : words.join(" ")
  }
  const payload = payloadOf(job, false)
  return payload === undefined ? "" : typeof payload === "string" ? payload : JSON.stringify(payload)
}
