import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type AlertEvent, Alerts } from "../../../services/Alerts/index.ts"
import { withoutSinks } from "../../AlertStore.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { AlertEventShape, toEventShape } from "../../../api/AlertShape.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import type { Column } from "../../terminal/Table.ts"

const limitMost = 1000

const columns = (now: number): ReadonlyArray<Column<AlertEvent>> => [
  { header: "when", value: ({ at }) => relativeTime(at, now), align: "right" },
  {
    header: "what",
    value: ({ alert }) => (alert.silencedBy === null ? alert.status : `${alert.status}, silenced`),
    style: (cell, { alert }, style) =>
      alert.status !== "firing" ? cell : alert.severity === "critical" ? style.bad(cell) : style.warning(cell)
  },
  { header: "alert", value: ({ alert }) => alert.text, minimum: 20 }
]

export const history = Command.make(
  "history",
  {
    rule: Argument.String("rule").pipe(Argument.withDescription("of one rule only"), Argument.optional),
    limit: Flag.Int("limit").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`how many, at most ${limitMost} (default 50)`),
      Flag.withDefault(50)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(
    function* ({ json, limit, rule, wide }) {
      const out = yield* output
      if (!(limit >= 1 && limit <= limitMost))
        return yield* fail("usage", `--limit is ${limit}; expected 1 to ${limitMost}`)
      const now = yield* Clock.currentTimeMillis
      const events = yield* Alerts.use((alerts) =>
        alerts.history({ ...(Option.isSome(rule) ? { rule: rule.value } : {}), limit })
      )
      if (json) for (const event of events) yield* out.json(AlertEventShape, toEventShape(event))
      else if (events.length === 0) yield* out.note("no alert has fired yet")
      else yield* out.table(columns(now), events, { wide })
    },
    withoutSinks,
    looking
  )
).pipe(
  Command.withDescription("What fired and what resolved, newest first; the last 1,000 of each rule are kept."),
  Command.withExamples([{ command: "sluice alert history failing --limit 10", description: "of one rule" }])
)
