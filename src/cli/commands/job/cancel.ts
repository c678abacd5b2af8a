import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { cancel as cancelChange, changeJobs } from "../../JobChange.ts"
import { filterFlags, isEmpty, toFilter } from "../../JobFilter.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"

export const cancel = Command.make(
  "cancel",
  {
    ...filterFlags,
    reason: Flag.String("reason").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("kept with the job"),
      Flag.optional
    ),
    yes: JobFlags.yes,
    dryRun: JobFlags.dryRun,
    jobs: JobFlags.jobIdArgument().pipe(Argument.variadic())
  },
  Effect.fnUntraced(function* (flags) {
    const filter = yield* toFilter(flags)
    yield* changeJobs(cancelChange(Option.getOrUndefined(flags.reason)), {
      ids: yield* JobReference.jobsOf(flags.jobs),
      filter,
      filtered: !isEmpty(filter),
      yes: flags.yes,
      dryRun: flags.dryRun
    })
  }, looking)
).pipe(
  Command.withDescription("Cancels jobs: waiting ones at once, running ones within 2 s."),
  Command.withExamples([
    { command: "sluice job cancel last" },
    { command: "sluice job cancel -g network --state pending --yes", description: "whatever of a group has not begun" }
  ])
)
