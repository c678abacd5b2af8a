import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { PredictiveScaler } from "../../../services/Queue/index.ts"
import { existing } from "../../GroupArgument.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { moment } from "../../plot/TimeAxis.ts"
import { lookingAtScaler } from "../../scale/Scaling.ts"
import { shownZone, shownZoneFlag } from "../../scale/Zone.ts"
import { ScalePatternShape, toPatternShape } from "../../../api/ScaleShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import type { Column } from "../../terminal/Table.ts"

type Pattern = typeof ScalePatternShape.Type

const columns = (when: (at: number) => string): ReadonlyArray<Column<Pattern>> => [
  { header: "group", value: ({ group }) => group },
  { header: "when", value: (pattern) => pattern.when, minimum: 16 },
  { header: "zone", value: ({ timeZone }) => timeZone, wide: true },
  { header: "times", value: ({ factor }) => `×${factor.toFixed(1)}`, align: "right" },
  { header: "extra jobs", value: ({ extra }) => HumanNumber.count(extra), align: "right" },
  { header: "seen", value: ({ chances, seen }) => `${seen} of ${chances}`, align: "right" },
  { header: "sure", value: ({ confidence }) => HumanNumber.percent(confidence), align: "right" },
  { header: "next", value: ({ next }) => when(Date.parse(next)) },
  { header: "cron", value: ({ cron }) => cron, wide: true }
]

export const patterns = Command.make(
  "patterns",
  {
    group: Argument.String("group").pipe(Argument.withDescription("a resource group; none: all"), Argument.optional),
    learn: Flag.Boolean("learn").pipe(
      Flag.withoutNegation,
      Flag.withDescription("look through the recorded past now; the leading worker does so each night"),
      Flag.withDefault(false)
    ),
    timeZone: shownZoneFlag,
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ group, json, learn, timeZone, wide }) {
    const out = yield* output
    const scaler = yield* PredictiveScaler
    if (Option.isSome(group)) yield* existing(group.value)
    if (learn) {
      yield* out.note("looking through the recorded past of every group; that takes some seconds …")
      yield* scaler.learnFromPatterns
    }
    const found = (yield* scaler.patterns(Option.getOrUndefined(group))).map(toPatternShape)
    if (json) for (const pattern of found) yield* out.json(ScalePatternShape, pattern)
    else if (found.length === 0) {
      yield* out.note(
        learn
          ? "nothing recurs that the time of day and week does not explain already"
          : "nothing is known to recur beyond the time of day and week; the recorded past is looked through each night, or now with --learn"
      )
    } else yield* out.table(columns(moment(yield* shownZone(timeZone))), found, { wide })
  }, lookingAtScaler)
).pipe(
  Command.withDescription(
    "What recurs in the load and the time of day or week alone does not explain: found, not told."
  ),
  Command.withExamples([
    { command: "sluice scale patterns network --learn", description: "look for them now" },
    { command: "sluice scale patterns --json", description: "for programs" }
  ])
)
