import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Alerts, type SinkAnswer } from "../../../services/Alerts/index.ts"
import { withAlerts } from "../../AlertStore.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { acting } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { SinkAnswerShape } from "../../../api/AlertShape.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import type { Column } from "../../terminal/Table.ts"

const columns: ReadonlyArray<Column<SinkAnswer>> = [
  { header: "sink", value: ({ sink }) => sink },
  {
    header: "delivered",
    value: ({ delivered }) => (delivered ? "yes" : "no"),
    style: (cell, { delivered }, style) => (delivered ? cell : style.bad(cell))
  },
  { header: "answer", value: ({ text }) => text, minimum: 20 }
]

export const test = Command.make(
  "test",
  { json: JobFlags.json, wide: JobFlags.wide },
  Effect.fnUntraced(function* ({ json, wide }) {
    const out = yield* output
    const answers = yield* Effect.scoped(
      Alerts.use((alerts) => alerts.test).pipe(withAlerts((line) => out.note(`sluice: ${Sanitize.line(line)}`)))
    )
    if (json) for (const answer of answers) yield* out.json(SinkAnswerShape, answer)
    else yield* out.table(columns, answers, { wide })
    const failed = answers.filter(({ delivered }) => !delivered)
    if (failed.length > 0)
      return yield* fail(
        "failure",
        `${failed.length} of ${answers.length} sinks did not take the sample; the table says why`
      )
  }, acting)
).pipe(
  Command.withDescription(
    "Sends a sample to each sink that this shell's settings name, one try each, and says what each answered. A worker sends to those that its own settings name."
  ),
  Command.withExamples([
    { command: "sluice alert test" },
    {
      command: "SLUICE_ALERT_COMMAND='./page.sh oncall' sluice alert test --json",
      description: "a program that reads the alert as JSON on its standard input"
    }
  ])
)
