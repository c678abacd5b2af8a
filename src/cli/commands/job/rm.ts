import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { remove, changeJobs } from "../../JobChange.ts"
import { filterFlags, isEmpty, toFilter } from "../../JobFilter.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"

export const rm = Command.make(
  "rm",
  {
    ...filterFlags,
    yes: JobFlags.yes,
    dryRun: JobFlags.dryRun,
    jobs: JobFlags.jobIdArgument().pipe(Argument.variadic())
  },
  Effect.fnUntraced(function* (flags) {
    const filter = yield* toFilter(flags)
    yield* changeJobs(remove, {
      ids: flags.jobs,
      filter,
      filtered: !isEmpty(filter),
      yes: flags.yes,
      dryRun: flags.dryRun
    })
  }, looking)
).pipe(Command.withDescription("Removes waiting and finished jobs with their logs."))
