/** Flags of the commands that run a task to measure it. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { fail } from "../Failure.ts"
import { namedTaskFlags } from "../worker/NamedTask.ts"

export const taskArgument = Argument.String("task").pipe(Argument.withDescription("the task's name"))

export const runFlags = (defaultTimes: number) => ({
  ...namedTaskFlags,
  times: Flag.Int("times").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(`so many jobs in a round (default ${defaultTimes})`),
    Flag.withDefault(defaultTimes)
  )
})

/** What pairs are compared by. */
export type PairMetric = "cpu" | "wall" | "answer"

export const against = Flag.String("against").pipe(
  Flag.withMetavar("MODULE"),
  Flag.withDescription("compare with this module, both in turn in one process, instead of a baseline"),
  Flag.optional
)

export const metric = Flag.Literals("metric", ["cpu", "wall", "answer"]).pipe(
  Flag.withDescription(
    "CPU time, time by the wall for tasks that wait, or, with --against, costs that the task answers by name (default cpu)"
  ),
  Flag.withDefault("cpu" as const)
)

/** Rounds of a run; of a pair, which compares them one by one, more and shorter ones are better. */
export const standardRounds = 5
export const pairRounds = 30

/** Fresh processes of a baseline, and of a comparison with one; pairs end by themselves, so that they may take more. */
export const standardRuns = 15
export const mostPairRuns = 40

/** Of comparisons. */
export const comparisonFlags = {
  runs: Flag.Int("runs").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(
      `fresh processes, 8 to 100 (default ${standardRuns}; with --against as many as it takes, at most ${mostPairRuns})`
    ),
    Flag.optional
  ),
  rounds: Flag.Int("rounds").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(
      `rounds in each; their median counts (default ${standardRounds}, with --against ${pairRounds})`
    ),
    Flag.optional
  )
}

export const within = (name: string, value: number, least: number, most: number) =>
  value >= least && value <= most
    ? Effect.void
    : Effect.fail(fail("usage", `--${name} is ${value}; expected ${least} to ${most}`))
