import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { fail } from "../../Failure.ts"
import { groupArgument } from "../../GroupArgument.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking, writing } from "../../OpenStore.ts"

export const order = Command.make(
  "order",
  {
    bound: JobFlags.durationFlag("bound").pipe(
      Flag.withDescription("a job is passed only by jobs due at most this long after it"),
      Flag.optional
    ),
    dryRun: JobFlags.dryRun,
    json: JobFlags.json,
    group: groupArgument.pipe(Argument.optional),
    order: Argument.String("order").pipe(
      Argument.withDescription("fifo, priority, deadline, shortest, score, or default"),
      Argument.optional
    )
  },
  Effect.fnUntraced(function* ({ bound, dryRun, group, json, order: word }) {
    const { choiceOf, setOrder, showOrders } = yield* Effect.promise(() => import("../../queue/OrderGroup.ts"))
    if (Option.isNone(group) || Option.isNone(word)) {
      if (Option.isSome(bound))
        return yield* fail("usage", "--bound goes with an order: sluice queue order GROUP deadline --bound 1h")
      return yield* showOrders(Option.getOrUndefined(group), json).pipe(looking)
    }
    const choice = yield* choiceOf(word.value, bound)
    yield* setOrder(group.value, choice, dryRun).pipe(writing)
  })
).pipe(
  Command.withDescription(
    "Shows or sets in which order the jobs of a group start. No order lets a job wait without bound."
  ),
  Command.withExamples([
    { command: "sluice queue order" },
    { command: "sluice queue order network shortest" },
    { command: "sluice queue order computation deadline --bound 2h" },
    { command: "sluice queue order network default" }
  ])
)
