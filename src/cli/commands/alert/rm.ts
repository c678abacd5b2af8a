import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Alerts } from "../../../services/Alerts/index.ts"
import { withoutSinks } from "../../AlertStore.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"

const name = Argument.String("name").pipe(Argument.withDescription("of the rule"))

const done = {
  removed: "is removed",
  restored: "is as built in again",
  off: "is off; sluice alert restore brings it back"
} as const

export const rm = Command.make(
  "rm",
  { name },
  Effect.fnUntraced(
    function* ({ name }) {
      const out = yield* output
      const what = yield* Alerts.use((alerts) => alerts.removeRule(name))
      yield* out.note(`rule ${name} ${done[what]}`)
    },
    withoutSinks,
    looking
  )
).pipe(
  Command.withDescription(
    "Removes a rule that was added, returns a changed one to what is built in, or switches a built-in one off. Its alerts end."
  ),
  Command.withExamples([{ command: "sluice alert rm unusual-wait", description: "switch a built-in rule off" }])
)

export const restore = Command.make(
  "restore",
  { name },
  Effect.fnUntraced(
    function* ({ name }) {
      const out = yield* output
      yield* Alerts.use((alerts) => alerts.restoreRule(name))
      yield* out.note(`rule ${name} is as built in`)
    },
    withoutSinks,
    looking
  )
).pipe(
  Command.withDescription("Brings a built-in rule back as it is built in."),
  Command.withExamples([{ command: "sluice alert restore unusual-wait" }])
)
