import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { retry as retryChange, changeJobs } from "../../JobChange.ts"
import { filterFlags, isEmpty, toFilter } from "../../JobFilter.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"

export const retry = Command.make(
  "retry",
  {
    ...filterFlags,
    yes: JobFlags.yes,
    dryRun: JobFlags.dryRun,
    jobs: JobFlags.jobIdArgument().pipe(Argument.variadic())
  },
  Effect.fnUntraced(function* (flags) {
    const filter = yield* toFilter(flags)
    yield* changeJobs(retryChange, {
      ids: flags.jobs,
      filter,
      filtered: !isEmpty(filter),
      yes: flags.yes,
      dryRun: flags.dryRun
    })
  }, looking)
).pipe(Command.withDescription("Queues finished jobs again, with all their attempts."))
