import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import path from "node:path"
import { PerformanceProfiler, ProfilingReport } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { Invocation } from "../../Invocation.ts"
import * as JobFlags from "../../JobFlags.ts"
import { actingLocation } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { readPayload } from "../../Payload.ts"
import { onFiles, profiles } from "../../profile/Profiles.ts"
import { printReport } from "../../profile/ReportText.ts"
import { measurePair } from "../../profile/PairTimings.ts"
import { against, metric, runFlags, taskArgument, within } from "../../profile/RunFlags.ts"
import { layerOf, measure, runJobs } from "../../profile/Timings.ts"
import * as Settings from "../../Settings.ts"
import { PairTimingsShape, TimingsShape } from "../../../api/ProfileShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import { moduleFile, moduleHandlers, payloadOf, taskOf } from "../../worker/NamedTask.ts"

export const run = Command.make(
  "run",
  {
    ...runFlags(100),
    rounds: Flag.Int("rounds").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("with --timings: so many rounds after the warm-up (default 5)"),
      Flag.withDefault(5)
    ),
    against,
    metric,
    timings: Flag.Boolean("timings").pipe(
      Flag.withoutNegation,
      Flag.withDescription("no profile: CPU and wall time per job, a figure per round"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide,
    task: taskArgument
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const { settings } = yield* actingLocation
    const { cwd } = yield* Invocation
    yield* within("times", flags.times, 1, 1_000_000)
    yield* within("rounds", flags.rounds, 1, 1000)
    const file = yield* moduleFile(flags.tasks, settings)
    const { maxPayloadBytes } = yield* Settings.toQueueSettings(settings)
    if (Option.isSome(flags.against)) {
      if (!flags.timings) return yield* fail("usage", "--against needs --timings: a profile is one module's")
      const timings = yield* measurePair({
        task: flags.task,
        first: path.resolve(cwd, flags.against.value),
        second: file,
        // Once: standard input is not there a second time.
        payload: JSON.stringify(yield* readPayload(flags.payload, maxPayloadBytes)),
        maxPayloadBytes,
        times: flags.times,
        rounds: flags.rounds,
        metric: flags.metric
      }).pipe(
        Effect.scoped,
        Effect.mapError((error) => error as unknown)
      )
      if (flags.json) return yield* out.json(PairTimingsShape, timings)
      return yield* out.lines(
        timings.figures.map(({ figure, ratio }) => Sanitize.line(`${figure}: ${ratio.toFixed(4)} × per job`))
      )
    }
    if (flags.metric !== "cpu")
      return yield* fail("usage", "--metric goes with --against: without it both times are shown")
    const handlers = yield* moduleHandlers(file)
    yield* Effect.gen(function* () {
      const task = yield* taskOf(file, flags.task)
      const payload = yield* payloadOf(task, flags.payload, maxPayloadBytes)
      if (flags.timings) {
        const timings = yield* measure(task, payload, flags.times, flags.rounds)
        if (flags.json) return yield* out.json(TimingsShape, timings)
        return yield* out.lines(
          timings.cpuUs.map(
            (cpu, i) =>
              `${HumanNumber.duration(cpu / 1000)} CPU, ${HumanNumber.duration(timings.wallUs[i]! / 1000)} by the wall per job`
          )
        )
      }
      const files = yield* profiles
      const profiler = yield* PerformanceProfiler
      yield* profiler.startProfiling
      const failed = yield* Effect.exit(runJobs(task, payload, flags.times))
      const recorded = yield* profiler.stopRecording(`run of ${task.name}`)
      yield* onFiles("the profile cannot be saved", () => files.save(recorded))
      if (flags.json) yield* out.json(ProfilingReport.ProfilingReport, recorded.report)
      else if (out.quiet) yield* out.line(recorded.report.id)
      else yield* printReport(out, recorded.report, flags.wide)
      if (failed._tag === "Failure")
        return yield* fail("failure", `a job of ${Sanitize.line(task.name)} failed; the profile ends there`)
    }).pipe(
      Effect.scoped,
      Effect.provide(layerOf(handlers, !flags.timings)),
      // What the handlers' own layers fail with.
      Effect.mapError((error) => error as unknown)
    )
  })
).pipe(
  Command.withDescription("Runs a task of your module here, on a queue in memory, and profiles it."),
  Command.withExamples([
    { command: "sluice profile run resize --tasks ./tasks.ts --payload @one.json --times 500" },
    {
      command: "sluice profile run resize --tasks ./tasks.ts --payload @one.json --timings --rounds 10",
      description: "only how long it takes"
    }
  ])
)
