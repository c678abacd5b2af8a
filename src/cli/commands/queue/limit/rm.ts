import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { groupArgument } from "../../../GroupArgument.ts"
import { subjectFlags } from "../../../LimitFlags.ts"
import { writing } from "../../../OpenStore.ts"

export const rm = Command.make(
  "rm",
  { ...subjectFlags, group: groupArgument },
  Effect.fnUntraced(function* ({ group, ...flags }) {
    const { removeLimit } = yield* Effect.promise(() => import("../../../limit/RemoveLimit.ts"))
    yield* removeLimit(group, flags)
  }, writing)
).pipe(
  Command.withDescription("Takes a limit away: that of a key, a pattern or a tier; without one, all that was set."),
  Command.withExamples([
    { command: "sluice queue limit rm network --keys 'acme-*'" },
    { command: "sluice queue limit rm network --key acme-7", description: "as its pattern says again" },
    { command: "sluice queue limit rm network", description: "as the programs declared it" }
  ])
)
