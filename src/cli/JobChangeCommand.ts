/** A command that changes jobs, named by id or by filter. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { changeJobs, type JobChange } from "./JobChange.ts"
import { filterFlags, isEmpty, toFilter } from "./JobFilter.ts"
import * as JobFlags from "./JobFlags.ts"
import * as JobReference from "./JobReference.ts"
import { looking } from "./OpenStore.ts"

export const jobChangeCommand = <const Name extends string>(
  name: Name,
  change: JobChange,
  description: string,
  examples: ReadonlyArray<Command.Command.Example>
) =>
  Command.make(
    name,
    {
      ...filterFlags,
      yes: JobFlags.yes,
      dryRun: JobFlags.dryRun,
      jobs: JobFlags.jobIdArgument().pipe(Argument.variadic())
    },
    Effect.fnUntraced(function* (flags) {
      const filter = yield* toFilter(flags)
      yield* changeJobs(change, {
        ids: yield* JobReference.jobsOf(flags.jobs),
        filter,
        filtered: !isEmpty(filter),
        yes: flags.yes,
        dryRun: flags.dryRun
      })
    }, looking)
  ).pipe(Command.withDescription(description), Command.withExamples(examples))
