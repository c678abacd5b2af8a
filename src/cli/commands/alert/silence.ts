import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { userInfo } from "node:os"
import { Alerts } from "../../../services/Alerts/index.ts"
import { withoutSinks } from "../../AlertStore.ts"
import { fail } from "../../Failure.ts"
import { didYouMean } from "../../input/Suggestion.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

const userName = Effect.sync(() => {
  try {
    return userInfo().username
  } catch {
    // A user id without a name.
    return `uid ${process.getuid?.() ?? "unknown"}`
  }
})

export const silence = Command.make(
  "silence",
  {
    rule: Argument.String("rule").pipe(Argument.withDescription("a rule, or a pattern with * and ?")),
    group: Flag.String("group").pipe(
      Flag.withAlias("g"),
      Flag.withMetavar("NAME"),
      Flag.withDescription("the group, task or worker it is about, or a pattern (default: all)"),
      Flag.withDefault("*")
    ),
    time: JobFlags.durationFlag("for").pipe(
      Flag.withDescription("how long (default 1h)"),
      Flag.withDefault(Duration.hours(1))
    ),
    why: Flag.String("why").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("for those who find it"),
      Flag.withDefault("")
    )
  },
  Effect.fnUntraced(
    function* ({ group, rule, time, why }) {
      const out = yield* output
      const now = yield* Clock.currentTimeMillis
      const by = yield* userName
      const alerts = yield* Alerts
      const known = (yield* alerts.rules).map((each) => each.rule.name)
      // A misspelt name would silence nothing, and someone would be woken all the same.
      if (/^[\w.-]+$/.test(rule) && !known.includes(rule))
        return yield* fail(
          "notFound",
          `no rule ${JSON.stringify(rule)}, so nothing is silenced; see: sluice alert ls --rules.${didYouMean(rule, known)}`
        )
      const made = yield* alerts.silence({ rule, subject: group, forMs: Duration.toMillis(time), by, why })
      yield* out.line(made.id)
      yield* out.note(
        Sanitize.line(
          `sluice: ${rule} about ${group} is silent; it ends ${relativeTime(made.until, now)}, or with: sluice alert unsilence ${made.id}`
        )
      )
    },
    withoutSinks,
    looking
  )
).pipe(
  Command.withDescription(
    "Tells nobody of some alerts for a time. They are watched on, and those that still fire at its end are told then. Prints its id."
  ),
  Command.withExamples([
    { command: "sluice alert silence failing -g mail --for 2h --why 'provider is down'" },
    { command: "sluice alert silence '*' --for 30m --why deploy", description: "everything" }
  ])
)

export const unsilence = Command.make(
  "unsilence",
  { id: Argument.String("id").pipe(Argument.withDescription("of the silence; see: sluice alert ls --silences")) },
  Effect.fnUntraced(
    function* ({ id }) {
      const out = yield* output
      yield* Alerts.use((alerts) => alerts.endSilence(id))
      yield* out.note(Sanitize.line(`silence ${id} has ended`))
    },
    withoutSinks,
    looking
  )
).pipe(
  Command.withDescription("Ends a silence before its time."),
  Command.withExamples([{ command: "sluice alert unsilence $(sluice alert ls --silences -q | head -1)" }])
)
