/** Writes to the standard input of a running command: what `job send` does with its flags. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { closeSync, constants, fstatSync, openSync, rmSync, writeSync } from "node:fs"
import {
  Job,
  type JobId,
  type JobRecord,
  Outputs,
  QueueSettings,
  ShellTask,
  TaskQueue
} from "../../services/Queue/index.ts"
import { readAll } from "../Caller.ts"
import type { SendFlags } from "../commands/job/send.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import * as ByteText from "../input/ByteText.ts"
import { Invocation } from "../Invocation.ts"
import * as JobReference from "../JobReference.ts"
import { output } from "../Output.ts"

/** Between two tries to write into a full pipe, and to open one that is being made. */
const tryEvery = "20 millis"
/** A command that has begun has its pipe within so many milliseconds. */
const beginsWithin = 2000

const takesInput = (job: JobRecord): boolean => {
  const payload = job.payload
  return typeof payload === "object" && payload !== null && Reflect.get(payload, "stdinOpen") === true
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

// @effect-diagnostics-next-line globalErrorInEffectCatch:off - the system's errors are told apart by their code
const attempted = <A>(what: () => A) => Effect.try({ try: what, catch: (error) => error as NodeJS.ErrnoException })

const readsNoMore = (name: string) =>
  fail("conflict", `the command of job ${name} reads no input any more: it has closed it, or its end was sent (--eof)`)

/** The writing end, until the scope closes. */
const openPipe = (job: JobRecord, file: string) =>
  Effect.gen(function* () {
    const name = Job.formatJobId(job.id)
    const opening = attempted(() => openSync(file, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW))
    for (;;) {
      const opened = yield* Effect.result(opening)
      if (opened._tag === "Success") return opened.success
      const code = codeOf(opened.failure)
      const begun = (yield* Clock.currentTimeMillis) - (job.startedAt ?? 0)
      if ((code !== "ENOENT" && code !== "ENXIO") || begun >= beginsWithin)
        return yield* code === "ENOENT" || code === "ENXIO"
          ? readsNoMore(name)
          : fail("notAllowed", `the input of job ${name} cannot be written: ${opened.failure.message}`)
      yield* Effect.sleep(tryEvery)
    }
  }).pipe((open) => Effect.acquireRelease(open, (descriptor) => Effect.sync(() => closeSync(descriptor))))

/** As fast as the command reads. */
const write = (descriptor: number, bytes: Uint8Array, name: string): Effect.Effect<void, CommandFailure> =>
  Effect.gen(function* () {
    for (let at = 0; at < bytes.length; ) {
      const written = yield* Effect.result(attempted(() => writeSync(descriptor, bytes, at)))
      if (written._tag === "Success") at += written.success
      else if (codeOf(written.failure) === "EAGAIN") yield* Effect.sleep(tryEvery)
      else if (codeOf(written.failure) === "EPIPE") return yield* readsNoMore(name)
      else return yield* fail("failure", `the input of job ${name} cannot be written: ${written.failure.message}`)
    }
  })

const runningJob = (id: JobId) =>
  Effect.gen(function* () {
    const job = yield* TaskQueue.use((queue) => queue.get(id))
    const name = Job.formatJobId(id)
    if (!ShellTask.isShellTask(job.task))
      return yield* fail("conflict", `job ${name} is a task of a program (${job.task}), which has no standard input`)
    if (!takesInput(job))
      return yield* fail("conflict", `job ${name} takes no input; add it with --stdin-open to send it some`)
    if (job.state !== "running") return yield* fail("conflict", `job ${name} is ${job.state}, not running`)
    return job
  })

export const sendInput = Effect.fnUntraced(function* ({ eof, job: reference, noNewline, text }: SendFlags) {
  const out = yield* output
  const { stdin } = yield* Invocation
  const outputs = yield* Outputs
  const { maxPayloadBytes } = yield* QueueSettings.Settings
  if (Option.isNone(text) && !eof)
    return yield* fail("usage", "nothing to send; write the text after the job, as in sluice job send last yes")
  const job = yield* runningJob(yield* JobReference.jobOf(reference))
  const name = Job.formatJobId(job.id)
  const bytes = Option.isNone(text)
    ? new Uint8Array()
    : text.value === "-"
      ? yield* readAll(stdin, maxPayloadBytes)
      : ByteText.encode(noNewline ? text.value : `${text.value}\n`)
  const file = outputs.inputOf(job.id, job.attempt)
  const descriptor = yield* openPipe(job, file)
  if (!fstatSync(descriptor).isFIFO())
    return yield* fail("notAllowed", `what stands in the place of the input of job ${name} is no pipe`)
  yield* write(descriptor, bytes, name)
  if (eof) rmSync(file, { force: true })
  yield* out.line(out.quiet ? name : `${name} was sent ${bytes.length} bytes${eof ? ", and its input ends" : ""}`)
}, Effect.scoped)
