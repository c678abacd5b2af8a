import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { groupArgument } from "../../GroupArgument.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking, writing } from "../../OpenStore.ts"

export const hours = Command.make(
  "hours",
  {
    json: JobFlags.json,
    group: groupArgument.pipe(Argument.optional),
    hours: Argument.String("hours").pipe(
      Argument.withDescription("days, times and a zone like mon-fri 22:00-06:00 Europe/Berlin, or none"),
      Argument.variadic()
    )
  },
  Effect.fnUntraced(function* ({ group, hours: words, json }) {
    const { setHours, showHours } = yield* Effect.promise(() => import("../../limit/GroupHours.ts"))
    if (Option.isNone(group) || words.length === 0) {
      return yield* showHours(Option.getOrUndefined(group), json).pipe(looking)
    }
    yield* setHours(group.value, words.join(" ")).pipe(writing)
  })
).pipe(
  Command.withDescription(
    "Shows or sets the hours in which jobs of a group start. Outside of them it is as if paused; what runs goes on."
  ),
  Command.withExamples([
    { command: "sluice queue hours" },
    { command: "sluice queue hours network mon-fri 22:00-06:00, sat-sun 00:00-24:00 Europe/Berlin" },
    { command: "sluice queue hours network none", description: "at all hours" }
  ])
)
