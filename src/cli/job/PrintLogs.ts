/** What a job has logged and what its command writes, also while it runs: what `job logs` prints. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { wroteNothing } from "../../api/JobShape.ts"
import {
  Job,
  type JobId,
  type JobRecord,
  type OutputPiece,
  type OutputReader,
  Outputs,
  type OutputStream,
  ShellResult,
  ShellTask,
  TaskQueue
} from "../../services/Queue/index.ts"
import * as CommandOutput from "../CommandOutput.ts"
import { fail } from "../Failure.ts"
import { type Output, output } from "../Output.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/** A line of a job's log as `--json` shows it. */
export const LogLineShape = Schema.Struct({
  at: Schema.String,
  attempt: Schema.Int,
  level: Schema.Literals(["debug", "info", "warning", "error"]),
  message: Schema.String
})

/** Where the system does not tell of changes, or of none. */
const followEveryMillis = 200
/** A busy log changes at every moment. */
const followLeast = "20 millis"

const streams: ReadonlyArray<OutputStream> = ["stdout", "stderr"]

const decodeOutput = Schema.decodeUnknownOption(ShellResult.fields.stdout)

/** Output as it rests; none where a job kept none, or something that is no output. */
const bytesOf = (stored: unknown): Uint8Array => Option.getOrElse(decodeOutput(stored), () => new Uint8Array())

/** Pieces on their way to the two streams. */
const makePrinter = (out: Output, wanted: ReadonlyArray<OutputStream>) => {
  const texts = CommandOutput.texts(out)
  const write = (stream: OutputStream, bytes: Uint8Array) =>
    out[stream].isTerminal ? out[stream].write(texts[stream].take(bytes)) : Effect.asVoid(out[stream].writeBytes(bytes))
  const leftOut = (stream: OutputStream, bytes: number) =>
    bytes > 0 && wanted.includes(stream) ? write(stream, Buffer.from(CommandOutput.leftOutLine(bytes))) : Effect.void
  return {
    bytes: (stream: OutputStream, bytes: Uint8Array) => (wanted.includes(stream) ? write(stream, bytes) : Effect.void),
    leftOut: ({ stderr, stdout }: { readonly stderr: number; readonly stdout: number }) =>
      Effect.andThen(leftOut("stdout", stdout), leftOut("stderr", stderr)),
    end: Effect.forEach(streams, (stream) => out[stream].write(texts[stream].end()), { discard: true })
  }
}

type Printer = ReturnType<typeof makePrinter>

/** What a job's row has of its last attempt's output: the beginning and end, where there is no log any more. */
const storedOutput = (job: JobRecord) => {
  const kept = (job.state === "completed" ? job.result : job.failure?.error) ?? {}
  const { stderr, stdout } = kept as { readonly stdout?: unknown; readonly stderr?: unknown }
  return { stdout: bytesOf(stdout), stderr: bytesOf(stderr) }
}

/** Of an ended attempt that has no log. One that completed without a word never had one. */
const withoutLog = (job: JobRecord, attempt: number, printer: Printer, out: Output) => {
  const isLast = attempt >= job.attempt
  const { stderr, stdout } = storedOutput(job)
  if (isLast && stdout.length + stderr.length > 0)
    return Effect.andThen(
      out.note("sluice: its log is no longer kept; this is what the job itself has of it"),
      Effect.andThen(printer.bytes("stdout", stdout), printer.bytes("stderr", stderr))
    )
  if (isLast && wroteNothing(job)) return Effect.void
  const failure = job.attempts.find(({ number }) => number === attempt)?.failure
  const why = failure === undefined ? "" : `: ${Sanitize.line(failure.message)}`
  return out.note(`sluice: what attempt ${attempt} wrote, if anything, is no longer kept${why}`)
}

const newlinesIn = (bytes: Uint8Array): number => {
  let count = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++
  return count
}

/** What follows the so many-th newline. */
const afterNewlines = (bytes: Uint8Array, count: number): Uint8Array => {
  let at = 0
  for (let left = count; left > 0; left--) at = bytes.indexOf(10, at) + 1
  return bytes.subarray(at)
}

/** Newlines that come before the last `lines` lines. */
const newlinesBefore = (reader: OutputReader, wanted: ReadonlyArray<OutputStream>, lines: number) =>
  Effect.promise(async () => {
    let newlines = 0
    let isCut = false
    for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
      if (piece._tag !== "Bytes" || !wanted.includes(piece.stream)) continue
      newlines += newlinesIn(piece.bytes)
      isCut = piece.bytes.at(-1) !== 10
    }
    return Math.max(0, newlines + (isCut ? 1 : 0) - lines)
  })

/** Prints what there is of one attempt's log, as often as it is asked. */
const openAttempt = (
  id: JobId,
  attempt: number,
  wanted: ReadonlyArray<OutputStream>,
  printer: Printer,
  lines: number
) =>
  Effect.gen(function* () {
    const outputs = yield* Outputs
    const open = (job: JobId) =>
      Effect.acquireRelease(
        Effect.sync(() => outputs.read(job, attempt)),
        (reader) => Effect.sync(reader.close)
      )
    let skip = lines === Number.POSITIVE_INFINITY ? 0 : yield* newlinesBefore(yield* open(id), wanted, lines)
    const reader = yield* open(id)
    const seen = { anything: false, bytes: false, message: "" }
    const show = (piece: OutputPiece) => {
      seen.anything = true
      switch (piece._tag) {
        case "End":
          seen.message = piece.end.message
          return Effect.void
        case "LeftOut":
          return skip > 0 ? Effect.void : printer.leftOut(piece)
        case "Bytes": {
          seen.bytes = true
          if (skip === 0 || !wanted.includes(piece.stream)) return printer.bytes(piece.stream, piece.bytes)
          const newlines = newlinesIn(piece.bytes)
          const rest = newlines < skip ? piece.bytes.subarray(piece.bytes.length) : afterNewlines(piece.bytes, skip)
          skip -= Math.min(skip, newlines)
          return printer.bytes(piece.stream, rest)
        }
      }
    }
    const print = Effect.gen(function* () {
      for (;;) {
        const piece = yield* Effect.promise(reader.next)
        if (piece === undefined) return
        yield* show(piece)
      }
    })
    return { print, seen }
  })

/** Completes when something has changed in the folder of the logs, or after a while. */
const nextChange = Effect.gen(function* () {
  const outputs = yield* Outputs
  yield* Effect.callback<void>((resume) => {
    const done = () => {
      clearTimeout(timer)
      unwatch()
      resume(Effect.void)
    }
    const timer = setTimeout(done, followEveryMillis)
    const unwatch = outputs.watch(done)
    return Effect.sync(() => {
      clearTimeout(timer)
      unwatch()
    })
  })
})

/** Lines of the log, of one attempt only where that is asked. */
const logLines = (id: JobId, out: Output, json: boolean, asked: number | undefined) => {
  let after = 0
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    for (;;) {
      const { lines, next } = yield* queue.logs(id, { after })
      for (const { at, attempt, level, message } of lines) {
        if (asked !== undefined && attempt !== asked) continue
        yield* json
          ? out.json(LogLineShape, { at: new Date(at).toISOString(), attempt, level, message })
          : out.line(`${new Date(at).toISOString()} ${level} ${message}`)
      }
      if (lines.length === 0 || next === after) return
      after = next
    }
  })
}

const isOver = (job: JobRecord): boolean => Job.finishedStates.includes(job.state)

export interface Wanted {
  readonly follow: boolean
  readonly attempt: Option.Option<number>
  readonly lines: Option.Option<number>
  readonly stdout: boolean
  readonly stderr: boolean
  readonly json: boolean
}

export const printLogs = Effect.fnUntraced(function* (id: JobId, flags: Wanted) {
  const { follow, json } = flags
  const out = yield* output
  const lines = Option.getOrElse(flags.lines, () => Number.POSITIVE_INFINITY)
  if (lines < 0) return yield* fail("usage", `--lines is ${lines}; expected 0 or more`)
  const asked = Option.getOrUndefined(flags.attempt)
  if (asked !== undefined && asked < 1) return yield* fail("usage", `--attempt is ${asked}; attempts count from 1`)
  const wanted = flags.stdout === flags.stderr ? streams : streams.filter((stream) => flags[stream])
  const queue = yield* TaskQueue
  const printer = makePrinter(out, wanted)
  const printLogLines = logLines(id, out, json, asked)
  const pause = Effect.andThen(Effect.sleep(followLeast), nextChange)

  const noAttempt = (job: JobRecord) =>
    fail("notFound", `job ${Job.formatJobId(id)} has no attempt ${asked}; it has ${job.attempt}`)

  let job = yield* queue.get(id)
  if (json || !ShellTask.isShellTask(job.task)) {
    for (; ; job = yield* queue.get(id)) {
      yield* printLogLines
      if (!follow || isOver(job)) {
        if ((asked ?? 0) > job.attempt) return yield* noAttempt(job)
        return
      }
      yield* Effect.sleep(followEveryMillis)
    }
  }

  let attempt = asked ?? Math.max(1, job.attempt)
  let shown = yield* openAttempt(id, attempt, wanted, printer, lines)
  for (; ; job = yield* queue.get(id)) {
    yield* printLogLines
    // The state first: what was written before it is seen is there to be read.
    yield* shown.print
    if (!follow || isOver(job) || (asked !== undefined && asked < job.attempt)) break
    if (asked === undefined && job.attempt > attempt) {
      attempt = job.attempt
      yield* out.note(`sluice: attempt ${attempt}`)
      shown = yield* openAttempt(id, attempt, wanted, printer, Number.POSITIVE_INFINITY)
      continue
    }
    yield* pause
  }
  if (!shown.seen.anything && attempt > Math.max(1, job.attempt)) return yield* noAttempt(job)
  const hasEnded = job.attempt > 0 && (isOver(job) || attempt < job.attempt || job.state !== "running")
  if (!shown.seen.anything && hasEnded) yield* withoutLog(job, attempt, printer, out)
  yield* printer.end
  if (!shown.seen.bytes && shown.seen.message !== "") yield* out.note(`sluice: ${Sanitize.line(shown.seen.message)}`)
  else if (!shown.seen.anything && !hasEnded && !isOver(job))
    yield* out.note(`sluice: the job is ${job.state}; nothing written yet`)
}, Effect.scoped)
