import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Job, type JobRecord, TaskQueue } from "../../../services/Queue/index.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { JobShape, toJobShape } from "../../../api/JobShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

const progressText = (value: unknown): string => {
  if (typeof value === "number") return `${HumanNumber.count(value)} %`
  if (typeof value === "object" && value !== null && "percent" in value) {
    const { message, percent } = value as { readonly percent?: unknown; readonly message?: unknown }
    return `${String(percent)} %${typeof message === "string" ? ` ${message}` : ""}`
  }
  return JSON.stringify(value) ?? ""
}

export const watch = Command.make(
  "watch",
  { job: JobFlags.jobIdArgument(), json: JobFlags.json },
  Effect.fnUntraced(function* ({ job: reference, json }) {
    const id = yield* JobReference.jobOf(reference)
    const out = yield* output
    const queue = yield* TaskQueue
    const { explain } = yield* Effect.promise(() => import("../../Reason.ts"))
    let said = ""
    const tell = Effect.fnUntraced(function* (job: JobRecord) {
      const shape = toJobShape(job, false)
      const now = yield* Clock.currentTimeMillis
      const progress = job.progress
      const line = [
        out.style.state(job.state),
        job.attempt > 1 ? `attempt ${job.attempt}` : "",
        job.state === "running" && progress !== undefined ? Sanitize.line(progressText(progress)) : "",
        job.state === "pending" || job.state === "scheduled" ? explain(yield* queue.explain(id), now).why : "",
        job.state !== "running" && job.failure !== undefined && job.state !== "scheduled"
          ? Sanitize.line(job.failure.message)
          : ""
      ]
        .filter((part) => part !== "")
        .join(", ")
      const saying = json ? JSON.stringify(shape) : line.replaceAll(/\bin \d+ \w+|\b\d+ \w+ ago/g, "")
      if (saying !== said)
        yield* json
          ? out.json(JobShape, shape)
          : out.line(`${new Date(now).toISOString()} ${Job.formatJobId(id)} ${line}`)
      said = saying
    })
    yield* Stream.runForEach(queue.watch(id), tell)
  }, looking)
).pipe(
  Command.withDescription("Prints a line for every change of a job until it has ended."),
  Command.withExamples([{ command: "sluice job watch last" }])
)
