/** A waiting job as a text that people edit, and what they have changed in it. */
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type JobRecord, ShellTask } from "../../services/Queue/index.ts"
import { oneLine } from "../../services/Text/index.ts"
import { parseTime } from "../input/TimeInput.ts"

const Surroundings = {
  group: Schema.String,
  tags: Schema.Array(Schema.String),
  priority: Schema.Int,
  /** As `--at` takes it. */
  due: Schema.String,
  deadline: Schema.NullOr(Schema.String)
}

/** Words that are not UTF-8 are `{"base64": "…"}`; whether they are commands is the task's to say. */
const EditedCommand = Schema.Struct({ command: Schema.Unknown, cwd: Schema.Unknown, ...Surroundings })
const EditedTask = Schema.Struct({ payload: Schema.Unknown, ...Surroundings })

type Edited = typeof EditedCommand.Type | typeof EditedTask.Type

/** What the text says otherwise than the job. Of a command `payload` has its changed fields. */
export interface JobChanges {
  readonly payload?: unknown
  readonly group?: string
  readonly tags?: ReadonlyArray<string>
  readonly priority?: number
  readonly due?: number
  readonly deadline?: number
}

const payloadNames = ["command", "cwd", "payload"]

const timeText = (millis: number): string => new Date(millis).toISOString()

const fieldsOf = (job: JobRecord): Edited => {
  const payload = job.payload
  const around = {
    group: job.group,
    tags: job.extra?.tags ?? [],
    priority: job.priority,
    due: timeText(job.due),
    deadline: job.extra?.deadline === undefined ? null : timeText(job.extra.deadline)
  }
  if (!ShellTask.isShellTask(job.task)) return { payload, ...around }
  const { command, cwd } = payload as { readonly command: unknown; readonly cwd: unknown }
  return { command, cwd, ...around }
}

export const textOf = (job: JobRecord): string => `${JSON.stringify(fieldsOf(job), undefined, 2)}\n`

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

const millisOf = (name: string, text: string, now: number): Result.Result<number, string> =>
  Result.mapBoth(parseTime(text, now), {
    onFailure: ({ advice }) => `${name} is no time: ${advice.replace(/, or use --in 5m$/, "")}`,
    onSuccess: DateTime.toEpochMillis
  })

/**
 * What `text` changes in the job; a failure says in one line what is wrong with it. `now` is in milliseconds since
 * 1970.
 */
export const changesIn = (text: string, job: JobRecord, now: number): Result.Result<JobChanges, string> =>
  Result.gen(function* () {
    const before = fieldsOf(job)
    const parsed = yield* Result.try({
      try: () => JSON.parse(text) as unknown,
      catch: (error) => `it is not JSON: ${oneLine((error as Error).message)}`
    })
    const shape: Schema.Codec<Edited, unknown> = "command" in before ? EditedCommand : EditedTask
    const after = yield* Result.mapError(
      Schema.decodeUnknownResult(shape, { onExcessProperty: "error" })(parsed),
      ({ message }) => `${oneLine(message)}; expected ${Object.keys(before).join(", ")}`
    )
    const changedFields = (): unknown => {
      if (!("command" in before) || !("command" in after)) return "payload" in after ? after.payload : undefined
      return {
        ...(isSame(before.command, after.command) ? {} : { command: after.command }),
        ...(isSame(before.cwd, after.cwd) ? {} : { cwd: after.cwd })
      }
    }
    const isPayloadSame = payloadNames.every((name) => isSame(Reflect.get(before, name), Reflect.get(after, name)))
    if (after.deadline === null && before.deadline !== null)
      return yield* Result.fail("a deadline cannot be taken back; write a time")
    return {
      ...(isPayloadSame ? {} : { payload: changedFields() }),
      ...(after.group === before.group ? {} : { group: after.group }),
      ...(isSame(after.tags, before.tags) ? {} : { tags: after.tags }),
      ...(after.priority === before.priority ? {} : { priority: after.priority }),
      ...(after.due === before.due ? {} : { due: yield* millisOf("due", after.due, now) }),
      ...(after.deadline === before.deadline || after.deadline === null
        ? {}
        : { deadline: yield* millisOf("deadline", after.deadline, now) })
    }
  })
