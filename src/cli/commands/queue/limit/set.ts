import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { groupArgument } from "../../../GroupArgument.ts"
import * as JobFlags from "../../../JobFlags.ts"
import { limitFlags } from "../../../LimitFlags.ts"
import { writing } from "../../../OpenStore.ts"

export const set = Command.make(
  "set",
  { ...limitFlags, dryRun: JobFlags.dryRun, group: groupArgument },
  Effect.fnUntraced(function* ({ dryRun, group, ...flags }) {
    const { setLimit } = yield* Effect.promise(() => import("../../../limit/SetLimit.ts"))
    yield* setLimit(group, flags, dryRun)
  }, writing)
).pipe(
  Command.withDescription(
    "Sets what limits a group, or the partition keys in it, at once and over all workers. What was set before stays; none takes one thing back."
  ),
  Command.withExamples([
    { command: "sluice queue limit set network --rate 50/s", description: "the whole group" },
    { command: "sluice queue limit set network --keys '*' --concurrency 2", description: "two at a time for each key" },
    { command: "sluice queue limit set network --keys 'acme-*' --rate 100/min --backlog 1000" },
    {
      command: "sluice queue limit set network --fair",
      description: "keys take turns; --weight gives one more of them"
    },
    { command: "sluice queue limit set network --keys 'pro-*' --weight 4" },
    { command: "sluice queue limit set network --key acme-7 --concurrency 10", description: "this key alone" }
  ])
)
