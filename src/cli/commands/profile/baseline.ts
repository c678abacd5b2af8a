import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { actingLocation } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { readPayload } from "../../Payload.ts"
import { baselineName, fewestRuns, readBaseline } from "../../profile/Baselines.ts"
import { freshRun, median, type RunFigures } from "../../profile/FreshRuns.ts"
import { onFiles, profiles, profilesAt } from "../../profile/Profiles.ts"
import {
  comparisonFlags,
  runFlags,
  standardRounds,
  standardRuns,
  taskArgument,
  within
} from "../../profile/RunFlags.ts"
import * as Settings from "../../Settings.ts"
import { type Baseline, BaselineShape } from "../../../api/ProfileShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import { moduleFile } from "../../worker/NamedTask.ts"

const name = Flag.String("name").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription("the baseline's name (default: the task's)"),
  Flag.optional
)

const save = Command.make(
  "save",
  { ...runFlags(100), ...comparisonFlags, name, json: JobFlags.json, task: taskArgument },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const at = yield* actingLocation
    const { settings } = at
    yield* within("times", flags.times, 1, 1_000_000)
    const wanted = Option.getOrElse(flags.runs, () => standardRuns)
    const rounds = Option.getOrElse(flags.rounds, () => standardRounds)
    yield* within("runs", wanted, fewestRuns, 100)
    yield* within("rounds", rounds, 1, 1000)
    const files = yield* profilesAt(at.location)
    const module = yield* moduleFile(flags.tasks, settings)
    const { maxPayloadBytes } = yield* Settings.toQueueSettings(settings)
    const payload = JSON.stringify(yield* readPayload(flags.payload, maxPayloadBytes))
    const called = yield* baselineName(Option.getOrUndefined(flags.name), flags.task)
    const runs: Array<RunFigures> = []
    for (let i = 0; i < wanted; i++) {
      runs.push(yield* freshRun({ task: flags.task, module, payload, times: flags.times, rounds }))
    }
    const baseline: Baseline = {
      name: called,
      task: flags.task,
      at: new Date(yield* Clock.currentTimeMillis).toISOString(),
      node: process.version,
      times: flags.times,
      payload,
      cpuUs: runs.map(({ cpuUs }) => cpuUs),
      wallUs: runs.map(({ wallUs }) => wallUs),
      yardstickUs: runs.map(({ yardstickUs }) => yardstickUs)
    }
    yield* onFiles("the baseline cannot be saved", () => files.saveBaseline(called, JSON.stringify(baseline)))
    if (flags.json) return yield* out.json(BaselineShape, baseline)
    yield* out.line(
      out.quiet
        ? called
        : `baseline ${called}: ${HumanNumber.duration(median(baseline.cpuUs) / 1000)} CPU, ${HumanNumber.duration(median(baseline.wallUs) / 1000)} by the wall per job of ${Sanitize.line(flags.task)}, ${runs.length} runs`
    )
  })
).pipe(
  Command.withDescription("Measures a task in fresh processes and keeps what it costs."),
  Command.withExamples([{ command: "sluice profile baseline save resize --tasks ./tasks.ts --payload @one.json" }])
)

const ls = Command.make(
  "ls",
  { json: JobFlags.json },
  Effect.fnUntraced(function* ({ json }) {
    const out = yield* output
    const files = yield* profiles
    const now = yield* Clock.currentTimeMillis
    const names = yield* onFiles("the baselines cannot be listed", () => files.baselines())
    const all: ReadonlyArray<Baseline> = yield* Effect.forEach(names, (each) => readBaseline(files, each))
    if (json) for (const baseline of all) yield* out.json(BaselineShape, baseline)
    else if (out.quiet) yield* out.lines(names)
    else if (all.length === 0) yield* out.note("no baselines; save one with: sluice profile baseline save TASK")
    else
      yield* out.table(
        [
          { header: "name", value: (baseline) => baseline.name },
          { header: "task", value: ({ task }) => task },
          { header: "CPU per job", value: ({ cpuUs }) => HumanNumber.duration(median(cpuUs) / 1000), align: "right" },
          { header: "by the wall", value: ({ wallUs }) => HumanNumber.duration(median(wallUs) / 1000), align: "right" },
          { header: "runs", value: ({ cpuUs }) => String(cpuUs.length), align: "right" },
          { header: "saved", value: ({ at }) => relativeTime(Date.parse(at), now), align: "right" }
        ],
        all
      )
  })
).pipe(Command.withDescription("Lists baselines."), Command.withExamples([{ command: "sluice profile baseline ls" }]))

const rm = Command.make(
  "rm",
  { name: Argument.String("name") },
  Effect.fnUntraced(function* ({ name: called }) {
    const files = yield* profiles
    const there = yield* onFiles(`baseline ${Sanitize.line(called)} cannot be read`, () => files.baseline(called))
    if (there === undefined) return yield* fail("notFound", `no baseline ${Sanitize.line(called)} in ${files.folder}`)
    yield* onFiles("the baseline cannot be removed", () => files.removeBaseline(called))
  })
).pipe(
  Command.withDescription("Removes a baseline."),
  Command.withExamples([{ command: "sluice profile baseline rm resize" }])
)

export const baseline = Command.make("baseline").pipe(
  Command.withDescription("What tasks cost when it was saved, for sluice profile check."),
  Command.withSubcommands([save, ls, rm]),
  Command.withExamples([{ command: "sluice profile baseline save resize --tasks ./tasks.ts --payload @one.json" }])
)
