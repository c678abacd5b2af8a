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

/** Of comparisons. */
export const comparisonFlags = {
  runs: Flag.Int("runs").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("fresh processes on each side, 8 to 100 (default 15)"),
    Flag.withDefault(15)
  ),
  rounds: Flag.Int("rounds").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("rounds in each; their median counts (default 5)"),
    Flag.withDefault(5)
  )
}

export const within = (name: string, value: number, least: number, most: number) =>
  value >= least && value <= most
    ? Effect.void
    : Effect.fail(fail("usage", `--${name} is ${value}; expected ${least} to ${most}`))
