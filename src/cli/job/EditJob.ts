/** A waiting job changed: what `job edit` does with its flags. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import path from "node:path"
import * as OwnFile from "../../files/OwnFile.ts"
import { Job, type JobId, QueueSettings, ShellTask, TaskQueue } from "../../services/Queue/index.ts"
import { oneLine } from "../../services/Text/index.ts"
import { commandWords } from "../Caller.ts"
import type { EditFlags } from "../commands/job/edit.ts"
import * as EditedJob from "./EditedJob.ts"
import * as Editor from "./Editor.ts"
import { fail } from "../Failure.ts"
import { sayNew } from "../GroupArgument.ts"
import * as JobReference from "../JobReference.ts"
import { stateFolder } from "../OpenStore.ts"
import { output } from "../Output.ts"
import { readPayload } from "../Payload.ts"

const decodeCommand = Schema.decodeUnknownResult(Schema.toCodecJson(ShellTask.shell.payload), {
  onExcessProperty: "error"
})

/**
 * Of a command what is not given stays as it is: folder, environment, umask. A worker would bury what its task cannot
 * read.
 */
const wholePayload = (id: JobId, given: unknown) =>
  Effect.gen(function* () {
    const { payload, task } = yield* TaskQueue.use((queue) => queue.get(id))
    if (!ShellTask.isShellTask(task)) return given
    const before = payload as object
    const whole = isObject(given) ? { ...before, ...given } : given
    const decoded = decodeCommand(whole)
    if (Result.isFailure(decoded)) {
      const why = oneLine(decoded.failure.message)
      return yield* fail(
        "usage",
        `the payload does not fit a command: ${why}; write it like '{"command": ["gzip", "a.txt"]}', with cwd, env, umask or stdin where they change`
      )
    }
    return whole
  })

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const apply = (id: JobId, changes: EditedJob.JobChanges) =>
  Effect.gen(function* () {
    if (changes.group !== undefined) yield* sayNew(changes.group)
    const whole = changes.payload === undefined ? undefined : yield* wholePayload(id, changes.payload)
    yield* TaskQueue.use((queue) => queue.edit(id, { ...changes, ...(whole === undefined ? {} : { payload: whole }) }))
  })

const refuseUnlessWaiting = (job: { readonly id: JobId; readonly state: Job.JobState }) =>
  job.state === "pending" || job.state === "scheduled"
    ? Effect.void
    : Effect.fail(fail("conflict", `Job ${Job.formatJobId(job.id)} is ${job.state}; only waiting jobs can be edited`))

/** True: something was changed. A text that is refused is kept, and opened again the next time. */
const inEditor = (id: JobId) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const out = yield* output
    const job = yield* queue.get(id)
    yield* refuseUnlessWaiting(job)
    const file = path.join(yield* stateFolder("edits"), `${Job.formatJobId(id)}.json`)
    if (OwnFile.look(file) === undefined) OwnFile.writeNew(file, EditedJob.textOf(job))
    else yield* out.note("sluice: the text that was refused before is opened again")
    yield* Effect.onError(Editor.open(file), () => Effect.sync(() => OwnFile.remove(file)))
    // Editors put another file in its place.
    const text = yield* Effect.try({
      try: () => readFileSync(file, "utf8"),
      catch: (error) => fail("failure", `the edited text cannot be read: ${(error as Error).message}`)
    })
    const now = yield* Clock.currentTimeMillis
    const changed = yield* Effect.fromResult(EditedJob.changesIn(text, job, now)).pipe(
      Effect.mapError((why) => fail("usage", why)),
      Effect.flatMap((changes) => {
        const isChanged = Object.keys(changes).length > 0
        return Effect.as(isChanged ? apply(id, changes) : Effect.void, isChanged)
      }),
      Effect.tapCause(() =>
        out.note(`sluice: the text is kept; sluice job edit ${Job.formatJobId(id)} --editor opens it again`)
      )
    )
    OwnFile.remove(file)
    return changed
  })

export const editJob = Effect.fnUntraced(function* (flags: EditFlags) {
  const out = yield* output
  if (Option.isSome(flags.at) && Option.isSome(flags.in))
    return yield* fail("usage", "--at and --in both say when; give one of them")
  const due = Option.isSome(flags.at)
    ? DateTime.toEpochMillis(flags.at.value)
    : Option.isSome(flags.in)
      ? (yield* Clock.currentTimeMillis) + Duration.toMillis(flags.in.value)
      : undefined
  const { maxPayloadBytes } = yield* QueueSettings.Settings
  const given = Option.isSome(flags.payload) ? yield* readPayload(flags.payload.value, maxPayloadBytes) : undefined
  const hasWords = flags.words.length > 0
  if (hasWords && given !== undefined)
    return yield* fail("usage", "--payload and a command both say what it runs; give one of them")
  if (flags.shell && !hasWords)
    return yield* fail("usage", "--shell is about a new command; write it after --, as in -- 'sort < a | uniq -c'")
  const words = hasWords
    ? yield* commandWords(flags.words, { shell: flags.shell, usage: "sluice job edit last -- make test" })
    : undefined
  const payload = words === undefined ? given : { command: words }
  const priority = Option.getOrUndefined(flags.priority)
  const deadline = Option.isSome(flags.deadline) ? DateTime.toEpochMillis(flags.deadline.value) : undefined
  const changes: EditedJob.JobChanges = {
    ...(payload === undefined ? {} : { payload }),
    ...(Option.isSome(flags.group) ? { group: flags.group.value } : {}),
    ...(flags.tag.length === 0 ? {} : { tags: flags.tag.filter((tag) => tag !== "") }),
    ...(priority === undefined ? {} : { priority }),
    ...(due === undefined ? {} : { due }),
    ...(deadline === undefined ? {} : { deadline })
  }
  const isNothing = Object.keys(changes).length === 0
  if (isNothing && !flags.editor) {
    return yield* fail(
      "usage",
      "nothing to change; give --payload, --group, --tag, --priority, --at, --in or --deadline, another command after --, or --editor"
    )
  }
  if (!isNothing && flags.editor)
    return yield* fail("usage", "--editor shows what there is to change; leave the other changes out")
  const id = yield* JobReference.jobOf(flags.job)
  if (words !== undefined) {
    const { task } = yield* TaskQueue.use((queue) => queue.get(id))
    if (!ShellTask.isShellTask(task))
      return yield* fail(
        "conflict",
        `job ${Job.formatJobId(id)} is a task of a program (${task}); change its --payload`
      )
  }
  const changed = flags.editor ? yield* inEditor(id) : yield* Effect.as(apply(id, changes), true)
  const name = Job.formatJobId(id)
  yield* changed ? out.line(out.quiet ? name : `changed ${name}`) : out.note("sluice: nothing was changed")
})
