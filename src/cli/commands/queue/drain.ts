import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { groupArgument } from "../../GroupArgument.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"

export const drain = Command.make(
  "drain",
  {
    timeout: JobFlags.durationFlag("timeout").pipe(
      Flag.withDescription("give up after this long: exit code 7"),
      Flag.optional
    ),
    group: groupArgument.pipe(Argument.optional)
  },
  Effect.fnUntraced(function* ({ group, timeout }) {
    const { drainGroups } = yield* Effect.promise(() => import("../../queue/DrainGroups.ts"))
    yield* drainGroups(Option.getOrUndefined(group), timeout)
  }, looking)
).pipe(
  Command.withDescription("Waits until no job is pending or running. Jobs that are scheduled for later do not count."),
  Command.withExamples([
    { command: "sluice queue drain", description: "all work is done" },
    { command: "sluice queue drain network --timeout 10m" }
  ])
)
