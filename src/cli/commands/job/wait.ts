import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job, type JobRecord, TaskQueue } from "../../../services/Queue/index.ts"
import { ExitCode } from "../../ExitCode.ts"
import { fail, passOn } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { JobSummaryShape, toJobSummary } from "../../../api/JobShape.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

/** The exit code an ended job stands for; the worst of several counts. */
const codeOf = ({ failure, state }: JobRecord): number =>
  state === "completed"
    ? ExitCode.ok
    : state === "cancelled"
      ? ExitCode.cancelled
      : failure?.cause === "TimedOut"
        ? ExitCode.timedOut
        : ExitCode.failure

export const wait = Command.make(
  "wait",
  {
    timeout: JobFlags.durationFlag("timeout").pipe(
      Flag.withDescription("give up waiting after this long: exit code 7"),
      Flag.optional
    ),
    json: JobFlags.json,
    jobs: JobFlags.jobIdArgument().pipe(Argument.variadic({ min: 1 }))
  },
  Effect.fnUntraced(function* ({ jobs, json, timeout }) {
    const ids = yield* JobReference.jobsOf(jobs)
    const out = yield* output
    const queue = yield* TaskQueue
    const ended: Array<JobRecord> = []
    const waiting = Effect.forEach(
      ids,
      (id) =>
        Effect.gen(function* () {
          const job = yield* queue.waitFor(id)
          ended.push(job)
          if (json) yield* out.json(JobSummaryShape, toJobSummary(job))
          else
            yield* out.line(
              out.quiet
                ? Job.formatJobId(id)
                : `${Job.formatJobId(id)} ${out.style.state(job.state)}${job.failure === undefined ? "" : `: ${Sanitize.line(job.failure.message)}`}`
            )
        }),
      { concurrency: 16, discard: true }
    )
    const done = yield* Option.isSome(timeout) ? Effect.timeoutOption(waiting, timeout.value) : Effect.asSome(waiting)
    if (Option.isNone(done))
      return yield* fail(
        "timedOut",
        `${ids.length - ended.length} of ${ids.length} jobs have not ended yet; they go on`
      )
    const worst = Math.max(...ended.map(codeOf).map((code) => (code === ExitCode.failure ? 100 : code)))
    if (worst > 0) return yield* passOn(worst === 100 ? ExitCode.failure : worst)
  }, looking)
).pipe(
  Command.withDescription(
    "Waits for jobs to end: exit code 0 when all completed, 1 when one failed, 8 when one was cancelled."
  ),
  Command.withExamples([
    { command: "sluice job wait last --timeout 10m" },
    { command: "sluice job wait $(sluice add -- ./report.sh) && echo ready" }
  ])
)
