import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { TaskQueue } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { groupArgument } from "../../GroupArgument.ts"
import { writing } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { ls } from "./limit/ls.ts"
import { rm } from "./limit/rm.ts"
import { set } from "./limit/set.ts"

export const limitMost = 100_000

export const limit = Command.make(
  "limit",
  {
    group: groupArgument,
    limit: Argument.String("limit").pipe(Argument.withDescription('jobs at a time over all workers, or "default"'))
  },
  Effect.fnUntraced(function* ({ group, limit: text }) {
    const out = yield* output
    const limit = text === "default" ? null : /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
    if (limit !== null && !(limit >= 1 && limit <= limitMost)) {
      return yield* fail(
        "usage",
        `${JSON.stringify(text)} is no limit; expected 1 to ${limitMost}, or "default" (to stop a group: sluice queue pause ${group})`
      )
    }
    const record = yield* TaskQueue.use((queue) => queue.setLimit(group, limit))
    yield* out.line(
      out.quiet
        ? String(record.limit)
        : `group ${record.name} runs at most ${record.limit} at a time${limit === null ? ", as declared" : ` (declared: ${record.declaredLimit})`}`
    )
  }, writing)
).pipe(
  Command.withDescription(
    "Sets how many jobs of a group run at a time, over all workers; with set, rm and ls the limits of its keys, rates and shares."
  ),
  Command.withSubcommands([ls, set, rm]),
  Command.withExamples([
    { command: "sluice queue limit network 20" },
    { command: "sluice queue limit set network --keys '*' --concurrency 2", description: "two for each customer" },
    { command: "sluice queue limit network default", description: "as declared" }
  ])
)
