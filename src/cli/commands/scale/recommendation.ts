import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { PredictiveScaler, ScalerExposition, ScalingRecommendation } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { lookingAtScaler } from "../../scale/Scaling.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import type { Column } from "../../terminal/Table.ts"

type Group = ScalingRecommendation.GroupRecommendation

const columns = (now: number): ReadonlyArray<Column<Group>> => [
  { header: "group", value: ({ group }) => group },
  { header: "mode", value: ({ mode }) => mode },
  {
    header: "act on",
    value: ({ desired }) => (desired === null ? HumanNumber.unknown : HumanNumber.count(desired)),
    align: "right"
  },
  { header: "decided", value: ({ recommended }) => HumanNumber.count(recommended), align: "right" },
  { header: "slots", value: ({ current }) => HumanNumber.count(current), align: "right" },
  { header: "valid", value: ({ validUntil }) => relativeTime(Date.parse(validUntil), now), align: "right" },
  { header: "why", value: ({ reason }) => reason, minimum: 20 }
]

export const recommendation = Command.make(
  "recommendation",
  {
    prometheus: Flag.Boolean("prometheus").pipe(
      Flag.withoutNegation,
      Flag.withDescription("gauges in Prometheus' text format, for a textfile collector"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ json, prometheus, wide }) {
    const out = yield* output
    if (json && prometheus) return yield* fail("usage", "--json and --prometheus are two forms of the same; choose one")
    const scaler = yield* PredictiveScaler
    const status = yield* scaler.status
    const advice = yield* scaler.recommendation
    const now = yield* Clock.currentTimeMillis
    const decisions = ScalingRecommendation.decisionsOf(status, advice)
    if (prometheus) return yield* out.lines((yield* ScalerExposition.exposition(decisions, now)).trimEnd().split("\n"))
    const said = ScalingRecommendation.recommend(decisions, now)
    if (json) yield* out.json(ScalingRecommendation.Recommendation, said)
    else if (said.groups.length === 0)
      yield* out.note("nothing is decided yet; a worker decides for groups that have had jobs, within 15 s")
    else yield* out.table(columns(now), said.groups, { wide })
  }, lookingAtScaler)
).pipe(
  Command.withDescription(
    "What other autoscalers should act on, as KEDA and Prometheus read it: nothing in shadow mode, nor when no leader has decided lately."
  ),
  Command.withExamples([
    { command: "sluice scale recommendation --json" },
    {
      command: "sluice scale recommendation --prometheus > sluice.prom.tmp && mv sluice.prom.tmp sluice.prom",
      description: "into the folder of a node exporter's textfile collector, from cron"
    }
  ])
)
