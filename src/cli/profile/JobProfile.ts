/** Where the time of one job went: from a saved profile, or by profiling its next attempt and waiting for it. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job, type JobId, type ProfileFolder, ProfilingReport, TaskQueue } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { output } from "../Output.ts"
import { ask, problemOf } from "./AskWorkers.ts"
import { onFiles, profiles, readReport } from "./Profiles.ts"
import { printReport } from "./ReportText.ts"

/**
 * A worker saves a profile right after its attempt; a large one takes a second or two to attribute. In milliseconds.
 */
const savedWithinMs = 15_000
const lookMs = 100

/** The newest saved profile with an attempt of the job in it. */
const newestOf = (files: ProfileFolder.ProfileFolder, job: string) =>
  Effect.gen(function* () {
    for (const id of yield* onFiles("the profiles cannot be listed", () => files.ids())) {
      const report = yield* readReport(files, id)
      if (report.slowest.some((attempt) => attempt.job === job)) return report
    }
  })

export interface JobProfileOptions {
  readonly json: boolean
  readonly wide: boolean
  /** How long to wait for the next attempt. */
  readonly timeout: Option.Option<Duration.Duration>
}

export const showJobProfile = (id: JobId, { json, timeout, wide }: JobProfileOptions) =>
  Effect.gen(function* () {
    const out = yield* output
    const queue = yield* TaskQueue
    const files = yield* profiles
    const name = Job.formatJobId(id)
    const show = (report: ProfilingReport.ProfilingReport) =>
      json ? out.json(ProfilingReport.ProfilingReport, report) : printReport(out, report, wide)

    const { state } = yield* queue.get(id)
    const found = yield* newestOf(files, name)
    if (found !== undefined) return yield* show(found)
    if (state === "running")
      return yield* fail(
        "conflict",
        `job ${name} runs already, and a profile begins with an attempt; profile its worker: sluice profile start`
      )
    if (state !== "pending" && state !== "scheduled")
      return yield* fail(
        "notFound",
        `no saved profile has job ${name}, which is ${state}; run it again (sluice job retry ${name}) and ask before it starts`
      )
    const answers = yield* ask(files, [], { action: "job", forMs: null, job: name })
    const problems = answers.flatMap((answered) => problemOf(answered) ?? [])
    if (problems.length === answers.length) return yield* fail("conflict", problems[0]!)
    yield* out.note(`sluice: job ${name} is profiled when it runs next; waiting for that`)
    const report = queue.waitFor(id).pipe(
      Effect.andThen(
        Effect.gen(function* () {
          for (let waited = 0; waited < savedWithinMs; waited += lookMs) {
            const report = yield* newestOf(files, name)
            if (report !== undefined) return report
            yield* Effect.sleep(lookMs)
          }
          return yield* fail(
            "notFound",
            `job ${name} ended and no worker saved a profile of it; it may have been cancelled before it started`
          )
        })
      )
    )
    const ended = yield* Option.isSome(timeout) ? Effect.timeoutOption(report, timeout.value) : Effect.asSome(report)
    if (Option.isNone(ended))
      return yield* fail("timedOut", `job ${name} has not run yet; ask again for what was found`)
    yield* show(ended.value)
  })
