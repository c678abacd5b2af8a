import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
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
import { comparePairs } from "../../profile/Pairs.ts"
import { profilesAt } from "../../profile/Profiles.ts"
import {
  against,
  comparisonFlags,
  metric,
  mostPairRuns,
  pairRounds,
  runFlags,
  standardRounds,
  standardRuns,
  taskArgument,
  within
} from "../../profile/RunFlags.ts"
import * as Settings from "../../Settings.ts"
import { type CheckResult, CheckResultShape } from "../../../api/ProfileShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import { moduleFile } from "../../worker/NamedTask.ts"

const major = (version: string): string => version.split(".")[0]!

const percent = (ratio: number): string => {
  const change = (ratio - 1) * 100
  return `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(1)} %`
}

/** A figure of a task that answers its own is in the task's unit. */
const amount = (metric: string, figure: number): string =>
  metric === "answer" ? String(Number(figure.toPrecision(4))) : HumanNumber.duration(figure / 1000)

const text = ({ afterUs, beforeUs, figure, high, low, metric, p, ratio, task, verdict }: CheckResult): string =>
  `${figure === metric ? task : `${task}, ${figure}`}: ${verdict}, ${percent(ratio)} ${metric === "answer" ? "" : `${metric} `}per job (95 % between ${percent(low)} and ${percent(high)}, p ${p < 0.0001 ? "< 0.0001" : p.toFixed(4)}); ${amount(metric, beforeUs)} before, ${amount(metric, afterUs)} now`

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
    against,
    metric,
    floor: Flag.Finite("floor").pipe(
      Flag.withMetavar("PERCENT"),
      Flag.withDescription("smallest slowdown that matters (default 5)"),
      Flag.withDefault(Regression.standardBar.floor * 100)
    ),
    within: JobFlags.durationFlag("within").pipe(
      Flag.withDescription("with --against: starts no process after this long (default 1h)"),
      Flag.withDefault(Duration.hours(1))
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
    const other = Option.map(flags.against, (file) => path.resolve(cwd, file))
    const inPairs = Option.isSome(other)
    const runs = Option.getOrElse(flags.runs, () => (inPairs ? mostPairRuns : standardRuns))
    const rounds = Option.getOrElse(flags.rounds, () => (inPairs ? pairRounds : standardRounds))
    yield* within("runs", runs, fewestRuns, 100)
    yield* within("rounds", rounds, 1, 1000)
    yield* within("floor", flags.floor, 0, 1000)
    const module = yield* moduleFile(flags.tasks, settings)
    const { maxPayloadBytes } = yield* Settings.toQueueSettings(settings)
    const given = JSON.stringify(yield* readPayload(flags.payload, maxPayloadBytes))
    const { metric, task, times } = flags
    const floor = flags.floor / 100

    const baselineOf = Effect.gen(function* () {
      if (metric === "answer") return yield* fail("usage", "--metric answer needs --against: a baseline holds times")
      const name = yield* baselineName(Option.getOrUndefined(flags.name), task)
      const saved = yield* readBaseline(yield* profilesAt(at.location), name)
      if (major(saved.node) !== major(process.version))
        return yield* fail(
          "conflict",
          `baseline ${name} was saved with Node ${saved.node}, this is ${process.version}; save it again`
        )
      if (given !== "null" && saved.payload !== given)
        return yield* fail(
          "conflict",
          `baseline ${name} was saved with another payload; give the same, or save it again`
        )
      const after: Array<RunFigures> = []
      // The same number as then: the first jobs of a round cost more than the rest.
      for (let i = 0; i < runs; i++)
        after.push(yield* freshRun({ task, module, payload: saved.payload, times: saved.times, rounds }))
      const before = runsOf(saved)
      const figure = (of: ReadonlyArray<RunFigures>) =>
        median(of.map(({ cpuUs, wallUs }) => (metric === "wall" ? wallUs : cpuUs)))
      const compared = Regression.compareRuns(costs(before, metric), costs(after, metric), {
        ...Regression.standardBar,
        floor
      })
      return [{ figure: metric, ...compared, beforeUs: figure(before), afterUs: figure(after), runs: after.length }]
    })

    const compared = yield* Option.match(other, {
      onNone: () => baselineOf,
      onSome: (against) =>
        comparePairs({
          task,
          module,
          against,
          payload: given,
          times,
          rounds,
          metric,
          runs,
          floor,
          withinMs: Duration.toMillis(flags.within)
        })
    })
    const results: ReadonlyArray<CheckResult> = compared.map((each) => ({ task, metric, ...each }))
    for (const result of results) {
      if (flags.json) yield* out.json(CheckResultShape, result)
      else yield* out.line(Sanitize.line(text(result)))
    }
    const slower = results.filter(({ verdict }) => verdict === "regression")
    if (slower.length > 0) {
      const names = slower.map(({ figure }) => (figure === metric ? task : figure))
      return yield* fail("failure", `${Sanitize.line(names.join(", "))} got slower`)
    }
  })
).pipe(
  Command.withDescription(
    "Compares a task with its baseline, or with another module's, by runs in fresh processes; exit 1 when it got slower beyond noise."
  ),
  Command.withExamples([
    { command: "sluice profile check resize --tasks ./tasks.ts --payload @one.json" },
    {
      command: "sluice profile check resize --tasks ./tasks.ts --payload @one.json --against ../main/tasks.ts",
      description: "both in turn, on this machine, now: the sharpest comparison"
    }
  ])
)
