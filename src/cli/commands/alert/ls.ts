import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  AlertMetrics,
  type AlertRule,
  Alerts,
  AlertText,
  type AlertStanding,
  type Silence
} from "../../../services/Alerts/index.ts"
import { withoutSinks } from "../../AlertStore.ts"
import { fail } from "../../Failure.ts"
import { hint } from "../../Hint.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import {
  AlertOverviewShape,
  AlertRuleShape,
  SilenceShape,
  toOverviewShape,
  toRuleShape,
  toSilenceShape
} from "../../../api/AlertShape.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import type { Column } from "../../terminal/Table.ts"

/** A ledger this old has no leader: one writes at least each minute. */
const lookedLatelyMs = 150_000

const standings = (now: number): ReadonlyArray<Column<AlertStanding>> => [
  {
    header: "state",
    value: ({ phase, silencedBy }) => (silencedBy === undefined ? phase : `${phase}, silenced`),
    style: (cell, { phase, severity, silencedBy }, style) =>
      phase !== "firing" || silencedBy !== undefined
        ? cell
        : severity === "critical"
          ? style.bad(cell)
          : style.warning(cell)
  },
  { header: "severity", value: ({ severity }) => severity },
  { header: "rule", value: ({ rule }) => rule, minimum: 16 },
  { header: "about", value: ({ metric, subject }) => (subject === "" ? AlertMetrics.metricSpec(metric).of : subject) },
  { header: "since", value: ({ since }) => relativeTime(since, now), align: "right" },
  { header: "what", value: ({ text }) => text, minimum: 20 },
  { header: "runbook", value: ({ runbook }) => runbook, wide: true }
]

const ruleText = ({ metric, overMs, threshold }: AlertRule.AlertRule): string => {
  const { side, unit } = AlertMetrics.metricSpec(metric)
  const over =
    overMs === undefined ? "" : ` ${metric.startsWith("forecast") ? "within" : "over"} ${HumanNumber.duration(overMs)}`
  return unit === "suspicion"
    ? `${metric}: unusual for the hour and the day`
    : `${metric} ${side === "above" ? "≥" : "≤"} ${AlertText.figureText(unit, threshold)}${over}`
}

const rules: ReadonlyArray<Column<AlertRule.RuleInForce>> = [
  { header: "rule", value: ({ rule }) => rule.name, minimum: 16 },
  { header: "holds when", value: ({ rule }) => ruleText(rule), minimum: 20 },
  {
    header: "for",
    value: ({ rule }) =>
      AlertMetrics.metricSpec(rule.metric).unit === "suspicion"
        ? "3 steps"
        : rule.forMs === 0
          ? "at once"
          : HumanNumber.duration(rule.forMs),
    align: "right"
  },
  {
    header: "resolves at",
    value: ({ rule }) => {
      const { unit } = AlertMetrics.metricSpec(rule.metric)
      return unit === "suspicion" ? "–" : AlertText.figureText(unit, rule.resolveAt)
    },
    align: "right",
    wide: true
  },
  { header: "about", value: ({ rule }) => rule.subject ?? `each ${AlertMetrics.metricSpec(rule.metric).of}` },
  { header: "severity", value: ({ rule }) => rule.severity },
  { header: "from", value: ({ source }) => source }
]

const silences = (now: number): ReadonlyArray<Column<Silence>> => [
  { header: "id", value: ({ id }) => id },
  { header: "rule", value: ({ rule }) => rule },
  { header: "about", value: ({ subject }) => subject },
  { header: "ends", value: ({ until }) => relativeTime(until, now), align: "right" },
  { header: "by", value: ({ by }) => by },
  { header: "why", value: ({ why }) => why, minimum: 12 }
]

const metricColumns: ReadonlyArray<Column<AlertMetrics.Metric>> = [
  { header: "metric", value: (metric) => metric },
  { header: "of each", value: (metric) => AlertMetrics.metricSpec(metric).of },
  { header: "threshold", value: (metric) => AlertMetrics.metricSpec(metric).unit },
  { header: "what it is", value: (metric) => AlertMetrics.metricSpec(metric).summary, minimum: 20 }
]

const only = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

export const ls = Command.make(
  "ls",
  {
    rules: only("rules", "the rules, also those switched off"),
    silences: only("silences", "the silences in force"),
    metrics: only("metrics", "what a rule may be about"),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(
    function* (flags) {
      const out = yield* output
      const alerts = yield* Alerts
      const now = yield* Clock.currentTimeMillis
      const { json, wide } = flags
      if ([flags.rules, flags.silences, flags.metrics].filter(Boolean).length > 1)
        return yield* fail("usage", "--rules, --silences and --metrics are three lists; ask for one")
      if (flags.metrics) {
        if (json) return yield* fail("usage", "--metrics has no --json; the metrics are in docs/guides/alerts.md")
        return yield* out.table(metricColumns, AlertMetrics.metricNames, { wide })
      }
      if (flags.rules) {
        const found = yield* alerts.rules
        if (json) for (const rule of found) yield* out.json(AlertRuleShape, toRuleShape(rule))
        else if (out.quiet) yield* out.lines(found.map(({ rule }) => rule.name))
        else yield* out.table(rules, found, { wide })
        return
      }
      if (flags.silences) {
        const found = yield* alerts.silences
        if (json) for (const silence of found) yield* out.json(SilenceShape, toSilenceShape(silence))
        else if (out.quiet) yield* out.lines(found.map(({ id }) => id))
        else if (found.length === 0) yield* out.note("nothing is silenced")
        else yield* out.table(silences(now), found, { wide })
        return
      }
      const overview = yield* alerts.overview
      if (json) return yield* out.json(AlertOverviewShape, toOverviewShape(overview))
      const { alerts: standing, looked, undelivered } = overview
      if (out.quiet) return yield* out.lines([...new Set(standing.map(({ rule }) => rule))])
      if (standing.length === 0) yield* out.note("no alert")
      else yield* out.table(standings(now), standing, { wide })
      if (looked === undefined || now - looked.at > lookedLatelyMs) {
        const since =
          looked === undefined ? "nobody has looked yet" : `nobody has looked since ${relativeTime(looked.at, now)}`
        yield* out.note(
          yield* hint(`${since}: a worker does, unless SLUICE_ALERTS is off; start one with: sluice worker -d`)
        )
      } else {
        const sinks = looked.sinks.length === 0 ? "tells nobody" : `tells ${looked.sinks.join(", ")}`
        const waiting = undelivered === 0 ? "" : `; ${undelivered} not delivered yet`
        yield* out.note(
          Sanitize.line(`worker ${looked.by} looked ${relativeTime(looked.at, now)} and ${sinks}${waiting}`)
        )
      }
    },
    withoutSinks,
    looking
  )
).pipe(
  Command.withDescription("Alerts that are pending or fire; or the rules, the silences, or what rules may be about."),
  Command.withExamples([
    { command: "sluice alert ls", description: "what is wrong now, and who is told" },
    { command: "sluice alert ls --rules", description: "when an alert is raised" },
    { command: "sluice alert ls --json", description: "for a program" }
  ])
)
