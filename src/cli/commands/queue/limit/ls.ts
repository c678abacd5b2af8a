import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { groupArgument } from "../../../GroupArgument.ts"
import * as JobFlags from "../../../JobFlags.ts"
import { looking } from "../../../OpenStore.ts"

export const ls = Command.make(
  "ls",
  { json: JobFlags.json, wide: JobFlags.wide, group: groupArgument.pipe(Argument.optional) },
  Effect.fnUntraced(function* ({ group, ...options }) {
    const { listLimits } = yield* Effect.promise(() => import("../../../limit/ListLimits.ts"))
    yield* listLimits(group, options)
  }, looking)
).pipe(
  Command.withDescription("Lists limits: of groups, tiers and keys, what they hold and how many jobs wait for them."),
  Command.withExamples([
    { command: "sluice queue limit ls" },
    { command: "sluice queue limit ls network --json", description: "for programs, up to 1,000 keys" }
  ])
)
