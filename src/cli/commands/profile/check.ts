import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import path from "node:path"
import { Regression } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { Invocation } from "../../Invocation.ts"
import * as JobFlags from "../../JobFlags.ts"
import { actingLocation } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { readPayload } from "../../Payload.ts"
import { baselineName, costs, fewestRuns, readBaseline, runsOf } from "../../profile/Baselines.ts"
import { freshRun, median, type RunFigures } from "../../profile/FreshRuns.ts"
import { profilesAt } from "../../profile/Profiles.ts"
import { comparisonFlags, runFlags, taskArgument, within } from "../../profile/RunFlags.ts"
import * as Settings from "../../Settings.ts"
import { CheckResultShape } from "../../shapes/ProfileShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import { moduleFile } from "../../worker/NamedTask.ts"

const major = (version: string): string => version.split(".")[0]!

export const check = Command.make(
  "check",
  {
    ...runFlags(100),
    ...comparisonFlags,
    name: Flag.String("name").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("the baseline's name (default: the task's)"),
      Flag.optional
    ),
    against: Flag.String("against").pipe(
      Flag.withMetavar("MODULE"),
      Flag.withDescription("compare with this module, run in turn with the other, instead of a baseline"),
      Flag.optional
    ),
    metric: Flag.Literals("metric", ["cpu", "wall"]).pipe(
      Flag.withDescription("CPU time, or time by the wall for tasks that wait (default cpu)"),
      Flag.withDefault("cpu" as const)
    ),
    floor: Flag.Int("floor").pipe(
      Flag.withMetavar("PERCENT"),
      Flag.withDescription("smallest slowdown that matters (default 5)"),
      Flag.withDefault(Regression.standardBar.floor * 100)
    ),
    json: JobFlags.json,
    task: taskArgument
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const { cwd } = yield* Invocation
    const at = yield* actingLocation
    const { settings } = at
    yield* within("times", flags.times, 1, 1_000_000)
    yield* within("runs", flags.runs, fewestRuns, 100)
    yield* within("rounds", flags.rounds, 1, 1000)
    yield* within("floor", flags.floor, 0, 1000)
    const files = yield* profilesAt(at.location)
    const module = yield* moduleFile(flags.tasks, settings)
    const { maxPayloadBytes } = yield* Settings.toQueueSettings(settings)
    const given = JSON.stringify(yield* readPayload(flags.payload, maxPayloadBytes))
    const name = yield* baselineName(Option.getOrUndefined(flags.name), flags.task)
    const saved = Option.isSome(flags.against) ? undefined : yield* readBaseline(files, name)
    if (saved !== undefined && major(saved.node) !== major(process.version))
      return yield* fail(
        "conflict",
        `baseline ${name} was saved with Node ${saved.node}, this is ${process.version}; save it again`
      )
    const payload = saved !== undefined && given === "null" ? saved.payload : given
    if (saved !== undefined && saved.payload !== payload)
      return yield* fail("conflict", `baseline ${name} was saved with another payload; give the same, or save it again`)
    // The same number as then: the first jobs of a round cost more than the rest.
    const times = saved?.times ?? flags.times

    const runOf = (file: string) => freshRun({ task: flags.task, module: file, payload, times, rounds: flags.rounds })
    const before: Array<RunFigures> = []
    const after: Array<RunFigures> = []
    const other = Option.isSome(flags.against) ? path.resolve(cwd, flags.against.value) : undefined
    for (let i = 0; i < flags.runs; i++) {
      // In turn, and in alternating order: what drifts meets both alike.
      if (other !== undefined && i % 2 === 0) before.push(yield* runOf(other))
      after.push(yield* runOf(module))
      if (other !== undefined && i % 2 === 1) before.push(yield* runOf(other))
    }
    const earlier = saved === undefined ? before : runsOf(saved)
    const compared = Regression.compareRuns(costs(earlier, flags.metric), costs(after, flags.metric), {
      ...Regression.standardBar,
      floor: flags.floor / 100
    })
    const figure = (runs: ReadonlyArray<RunFigures>) =>
      median(runs.map(({ cpuUs, wallUs }) => (flags.metric === "wall" ? wallUs : cpuUs)))
    const result = {
      task: flags.task,
      metric: flags.metric,
      ...compared,
      beforeUs: figure(earlier),
      afterUs: figure(after),
      runs: after.length
    }
    if (flags.json) yield* out.json(CheckResultShape, result)
    else {
      const percent = (ratio: number) => `${ratio >= 1 ? "+" : "−"}${(Math.abs(ratio - 1) * 100).toFixed(1)} %`
      yield* out.line(
        Sanitize.line(
          `${flags.task}: ${compared.verdict}, ${percent(compared.ratio)} ${flags.metric} per job (95 % between ${percent(compared.low)} and ${percent(compared.high)}, p ${compared.p < 0.0001 ? "< 0.0001" : compared.p.toFixed(4)}); ${HumanNumber.duration(result.beforeUs / 1000)} before, ${HumanNumber.duration(result.afterUs / 1000)} now`
        )
      )
    }
    if (compared.verdict === "regression") return yield* fail("failure", `${flags.task} got slower`)
  })
).pipe(
  Command.withDescription(
    "Compares a task with its baseline, by runs in fresh processes and a rank test; exit 1 when it got slower beyond noise."
  ),
  Command.withExamples([
    { command: "sluice profile check resize --tasks ./tasks.ts --payload @one.json" },
    {
      command: "sluice profile check resize --tasks ./tasks.ts --against ../main/tasks.ts",
      description: "both in turn, on this machine, now: the sharpest comparison"
    }
  ])
)
