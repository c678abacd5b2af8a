import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Job, type JobId, QueueSettings, ShellTask, TaskQueue } from "../../../services/Queue/index.ts"
import { oneLine } from "../../../services/Text/index.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { readPayload } from "../../Payload.ts"

const decodeCommand = Schema.decodeUnknownResult(Schema.toCodecJson(ShellTask.shell.payload), {
  onExcessProperty: "error"
})

/** Of a command what is not given stays as it is: folder, environment, umask. A worker would bury what its task cannot read. */
const wholePayload = (id: JobId, given: unknown) =>
  Effect.gen(function* () {
    const { payload, task } = yield* TaskQueue.use((queue) => queue.get(id))
    if (!ShellTask.isShellTask(task)) return given
    const before = typeof payload === "string" ? (JSON.parse(payload) as object) : (payload as object)
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

export const edit = Command.make(
  "edit",
  {
    job: JobFlags.jobIdArgument(),
    payload: Flag.String("payload").pipe(
      Flag.withMetavar("JSON|@FILE|-"),
      Flag.withDescription("its new payload; of a command the fields that change, like command or cwd"),
      Flag.optional
    ),
    priority: Flag.Int("priority").pipe(Flag.withAlias("p"), Flag.withMetavar("1-10"), Flag.optional),
    at: JobFlags.timeFlag("at").pipe(Flag.withDescription("due at this time"), Flag.optional),
    in: JobFlags.durationFlag("in").pipe(Flag.withDescription("due this long from now; 0s is now"), Flag.optional),
    deadline: JobFlags.timeFlag("deadline").pipe(
      Flag.withDescription("its result is wanted by this time"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    if (Option.isSome(flags.at) && Option.isSome(flags.in))
      return yield* fail("usage", "--at and --in both say when; give one of them")
    const due = Option.isSome(flags.at)
      ? DateTime.toEpochMillis(flags.at.value)
      : Option.isSome(flags.in)
        ? (yield* Clock.currentTimeMillis) + Duration.toMillis(flags.in.value)
        : undefined
    const { maxPayloadBytes } = yield* QueueSettings.Settings
    const payload = Option.isSome(flags.payload) ? yield* readPayload(flags.payload.value, maxPayloadBytes) : undefined
    const priority = Option.getOrUndefined(flags.priority)
    const deadline = Option.isSome(flags.deadline) ? DateTime.toEpochMillis(flags.deadline.value) : undefined
    if (payload === undefined && priority === undefined && due === undefined && deadline === undefined) {
      return yield* fail("usage", "nothing to change; give --payload, --priority, --at, --in or --deadline")
    }
    const id = yield* JobReference.jobOf(flags.job)
    const whole = payload === undefined ? undefined : yield* wholePayload(id, payload)
    yield* TaskQueue.use((queue) =>
      queue.edit(id, {
        ...(whole === undefined ? {} : { payload: whole }),
        ...(priority === undefined ? {} : { priority }),
        ...(due === undefined ? {} : { due }),
        ...(deadline === undefined ? {} : { deadline })
      })
    )
    yield* out.line(out.quiet ? Job.formatJobId(id) : `changed ${Job.formatJobId(id)}`)
  }, looking)
).pipe(
  Command.withDescription("Changes the payload, priority, time or deadline of a waiting job."),
  Command.withExamples([
    { command: "sluice job edit last -p 1", description: "before all others" },
    { command: "sluice job edit last --in 10m", description: "later" }
  ])
)
