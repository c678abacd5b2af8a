import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job, TaskQueue } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { Invocation } from "../../Invocation.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"

export const progress = Command.make(
  "progress",
  {
    job: JobFlags.jobIdFlag("job").pipe(
      Flag.withDescription("default: the job this runs in, $SLUICE_JOB_ID"),
      Flag.optional
    ),
    percent: Argument.Finite("percent").pipe(Argument.withDescription("0 to 100")),
    message: Argument.String("message").pipe(Argument.withDescription("what is being done"), Argument.optional)
  },
  Effect.fnUntraced(function* ({ job, message, percent }) {
    const { env } = yield* Invocation
    const queue = yield* TaskQueue
    if (!(percent >= 0 && percent <= 100))
      return yield* fail("usage", `${percent} is not a percentage; expected 0 to 100`)
    const surrounding = Job.parseJobId(env.SLUICE_JOB_ID ?? "")
    const id = Option.isSome(job) ? yield* JobReference.jobOf(job.value) : surrounding
    if (id === undefined) return yield* fail("usage", "this does not run inside a job; name one with --job")
    const attempt = id === surrounding ? Number(env.SLUICE_ATTEMPT) : (yield* queue.get(id)).attempt
    yield* queue.reportProgress(id, attempt, Option.isSome(message) ? { percent, message: message.value } : { percent })
  }, looking)
).pipe(
  Command.withDescription("Reports progress from inside a running command."),
  Command.withExamples([{ command: "sluice job progress 40 'second of five'" }])
)
