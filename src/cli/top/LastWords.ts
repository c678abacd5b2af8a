/** What a job has written so far, a piece at a time: the one place that knows where that rests. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Job, type JobRecord, Outputs, ShellResult, ShellTask, TaskQueue } from "../../services/Queue/index.ts"
import * as CommandOutput from "../CommandOutput.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as OutputLines from "./OutputLines.ts"

/** How much of a job's words has been read. */
export interface Heard {
  readonly attempt: number
  /** The newest thousand lines; whole ones. */
  readonly lines: ReadonlyArray<string>
  readonly total: number
  /** Where the log of a handler continues. */
  readonly next: number
  /** What the attempt of a command writes; undefined: it is none, or was heard to its end. */
  readonly output: OutputLines.OutputLines | undefined
  /** Whether the output of the attempt that ended is among the lines. */
  readonly whole: boolean
}

export const nothingHeard: Heard = { attempt: 0, lines: [], total: 0, next: 0, output: undefined, whole: false }

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
        .map(CommandOutput.plainLine)
}

/** What a command wrote, kept in its result or in the error of its last attempt. */
const commandLines = (job: JobRecord): ReadonlyArray<string> => {
  const kept = (job.state === "completed" ? job.result : job.failure?.error) ?? {}
  const { stderr, stdout } = kept as { readonly stdout?: unknown; readonly stderr?: unknown }
  return [...outputLines(stdout), ...outputLines(stderr)]
}

/** Closes what `heard` holds open. */
export const forget = ({ output }: Heard): void => output?.close()

/** `before` and what was written since. Reads what is new only. Of a job that is looked at no more, call `forget`. */
export const hear = Effect.fnUntraced(function* (job: JobRecord, before: Heard) {
  const queue = yield* TaskQueue
  const outputs = yield* Outputs
  if (before.attempt !== job.attempt) forget(before)
  const heard = before.attempt === job.attempt ? before : nothingHeard
  const logged = yield* queue.logs(job.id, { after: heard.next, limit: linesKept })
  const ended = Job.finishedStates.includes(job.state)
  const isCommand = ShellTask.isShellTask(job.task) && job.attempt > 0
  const output =
    heard.output ?? (isCommand && !heard.whole ? OutputLines.make(outputs.read(job.id, job.attempt)) : undefined)
  const written = output === undefined ? [] : yield* Effect.promise(() => output.read(ended))
  const isHeard = ended && (output === undefined || output.isAtEnd())
  // A log may be gone, or on another machine: of an ended command the row keeps the beginning and the end.
  const kept = isHeard && !heard.whole && isCommand && output?.isEmpty() ? commandLines(job) : []
  const fresh = [...logged.lines.map(({ message }) => message), ...written, ...kept]
  if (isHeard) output?.close()
  return {
    attempt: job.attempt,
    lines: fresh.length === 0 ? heard.lines : [...heard.lines, ...fresh].slice(-linesKept),
    total: heard.total + fresh.length,
    next: fresh.length === 0 ? heard.next : logged.next,
    output: isHeard ? undefined : output,
    whole: heard.whole || isHeard
  } satisfies Heard
})

/** The line a running job said last, also one that it has not ended yet. */
export const lastLine = ({ lines, output }: Heard): string | undefined => output?.unfinished() ?? lines.at(-1)

/** A job's progress for people: `40 % half`; empty without one. */
export const progressText = (job: JobRecord): string => {
  const value = job.progress
  if (value === undefined || value === null) return ""
  if (typeof value === "number") return `${HumanNumber.count(value)} %`
  if (typeof value === "object" && "percent" in value) {
    const { message, percent } = value as { readonly percent?: unknown; readonly message?: unknown }
    return `${String(percent)} %${typeof message === "string" ? ` ${message}` : ""}`
  }
  return JSON.stringify(value) ?? ""
}
