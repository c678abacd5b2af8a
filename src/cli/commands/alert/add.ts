import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { AlertMetrics, Alerts, AlertText } from "../../../services/Alerts/index.ts"
import { withoutSinks } from "../../AlertStore.ts"
import { fail } from "../../Failure.ts"
import { parseFigure } from "../../input/FigureInput.ts"
import { didYouMean } from "../../input/Suggestion.ts"
import * as JobFlags from "../../JobFlags.ts"
import { writing } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

const isMetric = (text: string): text is AlertMetrics.Metric => Object.hasOwn(AlertMetrics.metrics, text)

export const add = Command.make(
  "add",
  {
    name: Argument.String("name").pipe(Argument.withDescription("of the rule; one of that name is replaced")),
    metric: Argument.String("metric").pipe(
      Argument.withDescription("what it is about; see: sluice alert ls --metrics")
    ),
    threshold: Argument.String("threshold").pipe(
      Argument.withDescription("in the metric's unit: 10000, 5%, 30s, 2GiB, high")
    ),
    group: Flag.String("group").pipe(
      Flag.withAlias("g"),
      Flag.withMetavar("NAME"),
      Flag.withDescription("the group, task or worker it is about (default: each)"),
      Flag.optional
    ),
    hold: JobFlags.durationFlag("for").pipe(
      Flag.withDescription("how long it must hold before the alert fires (default: the metric's own)"),
      Flag.optional
    ),
    over: JobFlags.durationFlag("over").pipe(
      Flag.withDescription("the time the figure is taken over, or looked ahead (default: the metric's own)"),
      Flag.optional
    ),
    resolve: Flag.String("resolve").pipe(
      Flag.withMetavar("FIGURE"),
      Flag.withDescription("where the alert begins to resolve (default: a fifth from the threshold)"),
      Flag.optional
    ),
    critical: Flag.Boolean("critical").pipe(
      Flag.withoutNegation,
      Flag.withDescription("of severity critical, not warning"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(
    function* (flags) {
      const out = yield* output
      const { metric } = flags
      if (!isMetric(metric)) {
        return yield* fail(
          "usage",
          `no metric ${JSON.stringify(metric)}; expected one of ${AlertMetrics.metricNames.join(", ")}.${didYouMean(metric, AlertMetrics.metricNames)}`
        )
      }
      const { unit } = AlertMetrics.metricSpec(metric)
      const figure = (what: string, text: string) => {
        const read = parseFigure(unit, text)
        return Result.isFailure(read)
          ? Effect.fail(fail("usage", `${JSON.stringify(text)} is no ${what} of ${metric}; expected ${read.failure}`))
          : Effect.succeed(read.success)
      }
      const millis = (duration: Option.Option<Duration.Duration>) =>
        Option.getOrUndefined(Option.map(duration, Duration.toMillis))
      const rule = yield* Alerts.use(
        Effect.fnUntraced(function* (alerts) {
          return yield* alerts.putRule({
            name: flags.name,
            metric,
            threshold: yield* figure("threshold", flags.threshold),
            subject: Option.getOrUndefined(flags.group),
            forMs: millis(flags.hold),
            overMs: millis(flags.over),
            resolveAt: Option.isNone(flags.resolve)
              ? undefined
              : yield* figure("resolve threshold", flags.resolve.value),
            severity: flags.critical ? "critical" : "warning"
          })
        })
      )
      const { of, side, title } = AlertMetrics.metricSpec(metric)
      const about = of === "store" ? "" : ` of ${rule.subject === undefined ? `each ${of}` : `${of} ${rule.subject}`}`
      const holds = rule.forMs === 0 ? "" : ` for ${HumanNumber.duration(rule.forMs)}`
      const level =
        unit === "suspicion"
          ? "unusual"
          : `${side === "above" ? "at least" : "at most"} ${AlertText.figureText(unit, rule.threshold)}`
      yield* out.line(
        out.quiet
          ? rule.name
          : Sanitize.line(`${rule.name}: ${rule.severity} when the ${title}${about} is ${level}${holds}`)
      )
    },
    withoutSinks,
    writing
  )
).pipe(
  Command.withDescription(
    "Adds a rule, or replaces the one of its name, built-in ones too. It is in force with the leader's next look, within 15 s."
  ),
  Command.withExamples([
    { command: "sluice alert add mail-waits oldest-pending 10m -g mail --critical" },
    { command: "sluice alert add failures failure-rate 5% --over 15m --for 5m", description: "of each group" },
    { command: "sluice alert add growing forecast-backlog 10000 --over 1h", description: "an hour ahead" },
    { command: "sluice alert add disk store-free 5GiB", description: "when no more is free" }
  ])
)
