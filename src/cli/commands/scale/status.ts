import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { PredictiveScaler, type ScalerStatus } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { hint } from "../../Hint.ts"
import { didYouMean } from "../../input/Suggestion.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { distrustLine, qualityLine } from "../../scale/QualityText.ts"
import { lookingAtScaler } from "../../scale/Scaling.ts"
import * as SlotsInWords from "../../SlotsInWords.ts"
import { standings } from "../../scale/Standing.ts"
import {
  GroupScalingShape,
  type GroupStanding,
  ScaleStatusShape,
  toGroupShape,
  toStatusShape
} from "../../../api/ScaleShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"
import type { Column } from "../../terminal/Table.ts"
import * as Table from "../../terminal/Table.ts"

const percent = (share: number | undefined): string =>
  share === undefined ? HumanNumber.unknown : `${Math.round(Math.max(0, share) * 100)} %`

const naive = ({ quality }: GroupStanding): number | undefined =>
  quality?.naiveError === undefined ? undefined : 1 - quality.naiveError

const bounds = ({ maxSlots, minSlots }: GroupStanding): string =>
  `${HumanNumber.count(minSlots)}–${HumanNumber.count(maxSlots)}`

const forecastOf = ({ distrust, quality }: GroupStanding): string =>
  quality === undefined ? HumanNumber.unknown : (distrust ?? quality.mode)

const columns: ReadonlyArray<Column<GroupStanding>> = [
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

const sources = {
  leader: "as the leader said in its last round",
  saved: "from the state a worker has kept, brought up to date just now",
  rebuilt: "learned just now from the roll-ups: no worker has kept a state"
}

/** Where the forecasts shown come from, one part per source. */
const sourceLine = (groups: ReadonlyArray<GroupStanding>): string => {
  const parts = (["leader", "saved", "rebuilt"] as const).flatMap((source) => {
    const from = groups.filter((group) => group.source === source).map(({ group }) => group)
    return from.length === 0 ? [] : [`${from.join(", ")} ${sources[source]}`]
  })
  return parts.length === 0 ? "" : `forecasts: ${parts.join("; ")}`
}

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
const details = (group: GroupStanding, at: number): ReadonlyArray<readonly [string, string]> => [
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
    "carried out",
    group.mode !== "on"
      ? `no: in mode ${group.mode} nothing moves`
      : group.decided.length === 0
        ? "no living worker has slots for it"
        : `by ${group.decided.map(({ worker }) => worker).join(", ")}`
  ],
  ...group.decided.map((each) => [`on ${each.worker}`, SlotsInWords.inWords(each, each.asked)] as const),
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
    const only = Option.getOrUndefined(group)
    const known = status.groups.map((each) => each.group)
    if (only !== undefined && !known.includes(only)) {
      return yield* fail(
        "notFound",
        `no group ${JSON.stringify(only)}; known are ${known.join(", ")}.${didYouMean(only, known)}`
      )
    }
    if (out.quiet && !json) return yield* out.lines(only === undefined ? known : [only])
    const { groups, unknown } = yield* standings(
      status,
      only,
      out.note("learning from the recorded past, since no worker has kept a forecast; that takes seconds a group …")
    )
    if (json && only !== undefined) return yield* out.json(GroupScalingShape, toGroupShape(groups[0]!))
    if (json) return yield* out.json(ScaleStatusShape, toStatusShape(status, groups))
    if (only === undefined) yield* out.table(columns, groups, { wide })
    else yield* out.lines(Table.fields(details(groups[0]!, status.at), out.style))
    const from = sourceLine(groups)
    if (from !== "") yield* out.note(from)
    if (unknown.length > 0) {
      yield* out.note(
        yield* hint(
          `${unknown.length} more were not learned, since each takes seconds: sluice scale status ${unknown[0]!}`
        )
      )
    }
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
