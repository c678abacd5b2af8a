import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Job, type JobRecord, JobStore, ShellResult, ShellTask, TaskQueue } from "../../../services/Queue/index.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"
import { type Output, output } from "../../Output.ts"
import { type PayloadForm, storedValue } from "../../shapes/JobShape.ts"

/** A line of a job's log as `--json` shows it. */
export const LogLineShape = Schema.Struct({
  at: Schema.String,
  attempt: Schema.Int,
  level: Schema.Literals(["debug", "info", "warning", "error"]),
  message: Schema.String
})

const followEvery = "200 millis"

const decodeOutput = Schema.decodeUnknownOption(ShellResult.fields.stdout)

/** Output as it rests; none where a job kept none, or something that is no output. */
const bytesOf = (stored: unknown): Uint8Array => Option.getOrElse(decodeOutput(stored), () => new Uint8Array())

/** What a command wrote, kept in its result or in the error of its last attempt. */
const commandOutput = (job: JobRecord, form: PayloadForm, out: Output) => {
  const kept = (job.state === "completed" ? storedValue(job.result, form) : job.failure?.error) ?? {}
  const { stderr, stdout } = kept as { readonly stdout?: unknown; readonly stderr?: unknown }
  return Effect.andThen(out.stdout.writeBytes(bytesOf(stdout)), out.stderr.writeBytes(bytesOf(stderr)))
}

export const logs = Command.make(
  "logs",
  {
    job: JobFlags.jobIdArgument(),
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withoutNegation,
      Flag.withDescription("until the job has ended"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json
  },
  Effect.fnUntraced(function* ({ follow, job: reference, json }) {
    const id = yield* JobReference.jobOf(reference)
    const out = yield* output
    const { traits } = yield* JobStore
    const queue = yield* TaskQueue
    let after = 0
    for (;;) {
      const job = yield* queue.get(id)
      for (;;) {
        const { lines, next } = yield* queue.logs(id, { after })
        for (const { at, attempt, level, message } of lines) {
          yield* json
            ? out.json(LogLineShape, { at: new Date(at).toISOString(), attempt, level, message })
            : out.line(`${new Date(at).toISOString()} ${level} ${message}`)
        }
        if (lines.length === 0 || next === after) break
        after = next
      }
      const ended = Job.finishedStates.includes(job.state)
      if (!follow || ended) {
        if (ShellTask.isShellTask(job.task) && !json) {
          if (ended || job.failure !== undefined) yield* commandOutput(job, traits.payloads, out)
          if (!ended)
            yield* out.note(`the job is ${job.state}; its output is kept when an attempt ends (-f waits for it)`)
        }
        return
      }
      yield* Effect.sleep(followEvery)
    }
  }, looking)
).pipe(
  Command.withDescription(
    "Prints what a job has logged, and what a command has written: its stdout on stdout, its stderr on stderr."
  )
)
