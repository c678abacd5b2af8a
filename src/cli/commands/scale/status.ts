import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type GroupScaling, PredictiveScaler, type ScalerStatus } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { hint } from "../../Hint.ts"
import { didYouMean } from "../../input/Suggestion.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { distrustLine, qualityLine } from "../../scale/QualityText.ts"
import { lookingAtScaler } from "../../scale/Scaling.ts"
import { GroupScalingShape, ScaleStatusShape, toGroupShape, toStatusShape } from "../../shapes/ScaleShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import type { Column } from "../../terminal/Table.ts"
import * as Table from "../../terminal/Table.ts"

const percent = (share: number | undefined): string =>
  share === undefined ? HumanNumber.unknown : `${Math.round(share * 100)} %`

const naive = ({ quality }: GroupScaling): number | undefined =>
  quality?.naiveError === undefined ? undefined : Math.max(0, 1 - quality.naiveError)

const bounds = ({ maxSlots, minSlots }: GroupScaling): string =>
  `${HumanNumber.count(minSlots)}–${HumanNumber.count(maxSlots)}`

const forecastOf = ({ distrust, quality }: GroupScaling): string =>
  quality === undefined ? HumanNumber.unknown : (distrust ?? quality.mode)

const columns: ReadonlyArray<Column<GroupScaling>> = [
  { header: "group", value: ({ group }) => group, minimum: 8 },
  {
    header: "mode",
    value: ({ mode }) => mode,
    style: (cell, { mode }, style) => (mode === "on" ? style.good(cell) : mode === "off" ? style.dim(cell) : cell)
  },
  { header: "slots", value: ({ slots }) => HumanNumber.count(slots), align: "right" },
  {
    header: "wanted",
    value: ({ target }) => (target === undefined ? HumanNumber.unknown : HumanNumber.count(target)),
    align: "right"
  },
  { header: "bounds", value: bounds, align: "right" },
  {
    header: "next step",
    value: ({ next }) =>
      next === undefined
        ? HumanNumber.unknown
        : `${HumanNumber.count(Math.round(next.mean))} (${HumanNumber.count(Math.round(next.p90))})`,
    align: "right"
  },
  {
    header: "forecast",
    value: forecastOf,
    style: (cell, { distrust }, style) => (distrust === undefined ? cell : style.warning(cell))
  },
  {
    header: "right (naive)",
    value: (group) => `${percent(group.quality?.accuracy)} (${percent(naive(group))})`,
    align: "right"
  },
  {
    header: "MASE",
    value: ({ quality }) => quality?.mase?.toFixed(2) ?? HumanNumber.unknown,
    align: "right",
    wide: true
  },
  { header: "held in 90 %", value: ({ quality }) => percent(quality?.coverage), align: "right", wide: true },
  { header: "pending", value: ({ pending }) => HumanNumber.count(pending), align: "right", wide: true },
  { header: "running", value: ({ running }) => HumanNumber.count(running), align: "right", wide: true },
  {
    header: "last decision",
    value: ({ last }) =>
      last === undefined
        ? ""
        : last.from === last.to
          ? `stays at ${last.to}: ${last.reason}`
          : `${last.from} → ${last.to}: ${last.reason}`,
    minimum: 14
  }
]

const leadLine = ({ at, frozen, leader }: ScalerStatus): string =>
  [
    leader === undefined
      ? "no worker leads: nothing is decided now (sluice worker -d starts one)"
      : `${Sanitize.line(leader.name)} (session ${leader.session}) decides for all; its last round ended ${relativeTime(leader.roundAt, at)}`,
    ...(frozen === undefined
      ? []
      : [`targets are held since ${relativeTime(frozen.since, at)}: ${Sanitize.line(frozen.why)}`])
  ].join("; ")

/** One group in full. */
const details = (group: GroupScaling, at: number): ReadonlyArray<readonly [string, string]> => [
  ["group", group.group],
  ["mode", group.mode],
  [
    "slots",
    `${HumanNumber.count(group.slots)}${group.target === undefined ? "" : `, wanted ${HumanNumber.count(group.target)}`}, bounds ${bounds(group)}`
  ],
  [
    "jobs",
    `${HumanNumber.count(group.running)} running, ${HumanNumber.count(group.pending)} pending${group.oldestMs > 0 ? `, the oldest for ${HumanNumber.duration(group.oldestMs)}` : ""}`
  ],
  [
    "next step",
    group.next === undefined
      ? "not forecast yet"
      : `${HumanNumber.count(Math.round(group.next.mean))} jobs expected, up to ${HumanNumber.count(Math.round(group.next.p90))} in 9 of 10 steps`
  ],
  ["forecast", group.quality === undefined ? "none yet" : qualityLine(group.quality)],
  ["trust", distrustLine(group.distrust)],
  [
    "last decision",
    group.last === undefined
      ? "none is kept"
      : `${relativeTime(group.last.at, at)}: ${group.last.text}${group.held > 0 ? ` (${HumanNumber.count(group.held)} rounds since then changed nothing)` : ""}`
  ]
]

export const status = Command.make(
  "status",
  {
    group: Argument.String("group").pipe(Argument.withDescription("one group, in full"), Argument.optional),
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ group, json, wide }) {
    const out = yield* output
    const status = yield* PredictiveScaler.use((scaler) => scaler.status)
    if (Option.isSome(group)) {
      const found = status.groups.find((each) => each.group === group.value)
      if (found === undefined) {
        const known = status.groups.map((each) => each.group)
        return yield* fail(
          "notFound",
          `no group ${JSON.stringify(group.value)}; known are ${known.join(", ")}.${didYouMean(group.value, known)}`
        )
      }
      if (json) return yield* out.json(GroupScalingShape, toGroupShape(found))
      yield* out.lines(Table.fields(details(found, status.at), out.style))
    } else if (json) return yield* out.json(ScaleStatusShape, toStatusShape(status))
    else if (out.quiet) return yield* out.lines(status.groups.map((each) => each.group))
    else yield* out.table(columns, status.groups, { wide })
    yield* out.note(yield* hint(leadLine(status)))
  }, lookingAtScaler)
).pipe(
  Command.withDescription(
    "Per group: mode, slots and wanted slots, how good the forecast has been beside the naive one, the last decision; and who decides."
  ),
  Command.withExamples([
    { command: "sluice scale status network", description: "one group in full, in words" },
    { command: "sluice scale status --json", description: "for programs" }
  ])
)
