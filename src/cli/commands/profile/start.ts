import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { ask, problemOf } from "../../profile/AskWorkers.ts"
import { profiles } from "../../profile/Profiles.ts"
import { WorkerAnswerShape } from "../../../api/ProfileShape.ts"

export const workerArguments = Argument.Int("pid").pipe(
  Argument.withDescription("process ids of workers, as worker ls shows them; none: all on this machine"),
  Argument.variadic()
)

export const start = Command.make(
  "start",
  {
    for: JobFlags.durationFlag("for").pipe(
      Flag.withDescription("ends and saves it by itself after this long (default, and at most, 10 min)"),
      Flag.optional
    ),
    job: JobFlags.jobIdFlag("job").pipe(
      Flag.withDescription("only the next attempt of this job, from its start to its end"),
      Flag.optional
    ),
    json: JobFlags.json,
    pids: workerArguments
  },
  Effect.fnUntraced(function* ({ for: length, job, json, pids }) {
    const out = yield* output
    const files = yield* profiles
    if (Option.isSome(job) && Option.isSome(length))
      return yield* fail("usage", "--job and --for do not go together: a job's profile ends with its attempt")
    const answers = yield* ask(files, pids, {
      action: Option.isSome(job) ? "job" : "start",
      forMs: Option.isSome(length) ? Duration.toMillis(length.value) : null,
      job: Option.isSome(job) ? Job.formatJobId(yield* JobReference.jobOf(job.value)) : null
    })
    for (const answered of answers) {
      const problem = problemOf(answered)
      if (json) yield* out.json(WorkerAnswerShape, { pid: answered.pid, profile: null, problem: problem ?? null })
      else if (problem === undefined)
        yield* out.line(out.quiet ? String(answered.pid) : `worker ${answered.pid} is being profiled`)
      else yield* out.note(`sluice: ${problem}`)
    }
    const failed = answers.filter((answered) => problemOf(answered) !== undefined)
    if (failed.length === answers.length) {
      return yield* failed.every(({ answer }) => answer === undefined) ? fail("timedOut") : fail("conflict")
    }
  }, looking)
).pipe(
  Command.withDescription("Begins a CPU and allocation profile in running workers."),
  Command.withExamples([
    { command: "sluice profile start --for 30s" },
    { command: "sluice profile start --job last", description: "one job, when it runs next" }
  ])
)
