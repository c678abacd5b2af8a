import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { fail } from "../../Failure.ts"
import { sayNew } from "../../GroupArgument.ts"
import { changeJobs, move as moveChange, waitingStates } from "../../JobChange.ts"
import { filterFlags, isEmpty, toFilter } from "../../JobFilter.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"

export const move = Command.make(
  "move",
  {
    ...filterFlags,
    to: Flag.String("to").pipe(Flag.withMetavar("GROUP"), Flag.withDescription("the group they wait in from now on")),
    yes: JobFlags.yes,
    dryRun: JobFlags.dryRun,
    jobs: JobFlags.jobIdArgument().pipe(Argument.variadic())
  },
  Effect.fnUntraced(function* (flags) {
    const filter = yield* toFilter(flags)
    if (filter.states?.some((state) => waitingStates.includes(state)) === false)
      return yield* fail(
        "conflict",
        `only waiting jobs can be moved, and none of them is ${filter.states.join(" or ")}`
      )
    if (!flags.dryRun) yield* sayNew(flags.to)
    yield* changeJobs(moveChange(flags.to), {
      ids: yield* JobReference.jobsOf(flags.jobs),
      filter,
      filtered: !isEmpty(filter),
      yes: flags.yes,
      dryRun: flags.dryRun,
      example: "a filter like -g computation"
    })
  }, looking)
).pipe(
  Command.withDescription("Moves waiting jobs into another group."),
  Command.withExamples([
    { command: "sluice job move last --to network" },
    { command: "sluice job move -g computation --tag fetch --to network", description: "whatever of a group waits" }
  ])
)
