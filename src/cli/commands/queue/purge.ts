import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job, StoreLayers } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { existing, groupArgument } from "../../GroupArgument.ts"
import { changeJobs, remove } from "../../JobChange.ts"
import { filterFlags, toFilter } from "../../JobFilter.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"

export const purge = Command.make(
  "purge",
  {
    state: filterFlags.state,
    before: filterFlags.before,
    yes: JobFlags.yes,
    dryRun: JobFlags.dryRun,
    group: groupArgument.pipe(Argument.optional)
  },
  Effect.fnUntraced(function* ({ before, dryRun, group, state, yes }) {
    const live = state.find((name) => Job.liveStates.includes(name))
    if (live !== undefined)
      return yield* fail("usage", `purge removes finished jobs; for ${live} ones: sluice job cancel --state ${live}`)
    if (Option.isSome(group)) yield* existing(group.value)
    const filter = yield* toFilter({
      state: state.length === 0 ? Job.finishedStates : state,
      task: [],
      group: Option.isSome(group) ? [group.value] : [],
      tag: Option.none(),
      owner: Option.none(),
      batch: Option.none(),
      since: Option.none(),
      before
    })
    yield* changeJobs(remove, { ids: [], filter, filtered: true, yes, dryRun })
    if (!dryRun) yield* StoreLayers.pruneOutputs
  }, looking)
).pipe(
  Command.withDescription("Removes finished jobs: completed, failed and cancelled ones unless --state says which."),
  Command.withExamples([
    { command: "sluice queue purge --before 7d --yes" },
    { command: "sluice queue purge network --state completed --dry-run", description: "how many it would be" }
  ])
)
