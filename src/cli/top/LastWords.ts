/** What a job has written so far, a piece at a time: the one place that knows where that rests. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Job, type JobRecord, ShellResult, ShellTask, TaskQueue } from "../../services/Queue/index.ts"
import { type PayloadForm, storedValue } from "../shapes/JobShape.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"

/** How much of a job's words has been read. */
export interface Heard {
  readonly attempt: number
  /** The newest thousand lines. */
  readonly lines: ReadonlyArray<string>
  readonly total: number
  /** Where the log continues. */
  readonly next: number
  /** Whether the output of the attempt that ended is among the lines. */
  readonly whole: boolean
}

export const nothingHeard: Heard = { attempt: 0, lines: [], total: 0, next: 0, whole: false }

const linesKept = 1000

const decodeOutput = Schema.decodeUnknownOption(ShellResult.fields.stdout)
const asText = new TextDecoder("utf-8", { ignoreBOM: true })

/** The lines of output as it rests; none where a job kept none, or something that is no output. */
const outputLines = (stored: unknown): ReadonlyArray<string> => {
  const bytes = Option.getOrElse(decodeOutput(stored), () => new Uint8Array())
  return bytes.length === 0
    ? []
    : asText
        .decode(bytes)
        .replace(/\r?\n$/, "")
        .split(/\r?\n/)
}

/** What a command wrote, kept in its result or in the error of its last attempt. */
const commandLines = (job: JobRecord, form: PayloadForm): ReadonlyArray<string> => {
  const kept = (job.state === "completed" ? storedValue(job.result, form) : job.failure?.error) ?? {}
  const { stderr, stdout } = kept as { readonly stdout?: unknown; readonly stderr?: unknown }
  return [...outputLines(stdout), ...outputLines(stderr)]
}

/** `heard` and what was written since. Reads what is new only. */
export const hear = Effect.fnUntraced(function* (job: JobRecord, form: PayloadForm, before: Heard) {
  const queue = yield* TaskQueue
  const heard = before.attempt === job.attempt ? before : nothingHeard
  const { lines, next } = yield* queue.logs(job.id, { after: heard.next, limit: linesKept })
  const ended = Job.finishedStates.includes(job.state)
  const output = ended && !heard.whole && ShellTask.isShellTask(job.task) ? commandLines(job, form) : []
  const fresh = [...lines.map(({ message }) => message), ...output]
  const whole = heard.whole || ended
  if (fresh.length === 0) return { ...heard, attempt: job.attempt, whole }
  return {
    attempt: job.attempt,
    lines: [...heard.lines, ...fresh].slice(-linesKept),
    total: heard.total + fresh.length,
    next,
    whole
  } satisfies Heard
})

/** A job's progress for people: `40 % half`; empty without one. */
export const progressText = (job: JobRecord, form: PayloadForm): string => {
  const value = storedValue(job.progress, form)
  if (value === undefined || value === null) return ""
  if (typeof value === "number") return `${HumanNumber.count(value)} %`
  if (typeof value === "object" && "percent" in value) {
    const { message, percent } = value as { readonly percent?: unknown; readonly message?: unknown }
    return `${String(percent)} %${typeof message === "string" ? ` ${message}` : ""}`
  }
  return JSON.stringify(value) ?? ""
}
