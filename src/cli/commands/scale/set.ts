import * as Argument from "effect/cli/Argument"
import { InvalidValue } from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import {
  type EffectiveSettings,
  PredictiveScaler,
  ResourceGroup,
  ScaleSettings,
  type ScaleSettingsChange
} from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { existing } from "../../GroupArgument.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { changingScaler, lookingAtScaler } from "../../scale/Scaling.ts"
import { type SettingSpec, settingSpecs } from "../../scale/SettingText.ts"
import { ScaleSettingsShape } from "../../../api/ScaleShape.ts"
import type { Column } from "../../terminal/Table.ts"

const { defaults, everyGroup } = ScaleSettings

const groupOrEvery = Argument.String("group").pipe(
  Argument.withDescription("a resource group, or '*' for what holds for every group"),
  Argument.mapEffect((text) =>
    text === everyGroup || ResourceGroup.namePattern.test(text)
      ? Effect.succeed(text)
      : Effect.fail(
          new InvalidValue({
            option: "group",
            value: text,
            expected: "letters, digits and . _ - : /, at most 100, or '*'",
            kind: "argument"
          })
        )
  )
)

const settingFlag = ({ flag, metavar, read, summary }: SettingSpec): Flag.Flag<Option.Option<ScaleSettingsChange>> =>
  Flag.String(flag).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(summary),
    Flag.mapEffect((text) => {
      const result = read(text)
      return Result.isFailure(result)
        ? Effect.fail(
            new InvalidValue({ option: flag, value: text, expected: result.failure.replace(/\.$/, ""), kind: "flag" })
          )
        : Effect.succeed(result.success)
    }),
    Flag.optional
  )

const flags = Object.fromEntries(settingSpecs.map((spec) => [spec.name, settingFlag(spec)])) as {
  readonly [K in SettingSpec["name"]]: Flag.Flag<Option.Option<ScaleSettingsChange>>
}

const toDefaults: ScaleSettingsChange = Object.fromEntries(Object.keys(defaults).map((name) => [name, undefined]))

interface Row {
  readonly spec: SettingSpec
  readonly before: string
  readonly after: string
  readonly from: string
}

const columns: ReadonlyArray<Column<Row>> = [
  { header: "setting", value: ({ spec }) => spec.flag },
  { header: "before", value: ({ before }) => before },
  {
    header: "now",
    value: ({ after }) => after,
    style: (cell, { after, before }, style) => (after === before ? cell : style.good(cell))
  },
  { header: "from", value: ({ from }) => from }
]

/** In force for a group that nobody has named yet: the defaults, as far as nothing holds for every group. */
const unnamed = (group: string, known: ReadonlyArray<EffectiveSettings>): EffectiveSettings =>
  known.find((each) => each.group === group) ?? {
    group,
    settings: known.find((each) => each.group === everyGroup)?.settings ?? defaults,
    from: Object.fromEntries(Object.keys(defaults).map((name) => [name, "default"])) as EffectiveSettings["from"]
  }

const changesOf = (given: { readonly [K in SettingSpec["name"]]: Option.Option<ScaleSettingsChange> }) =>
  settingSpecs.flatMap(({ name }) => Option.toArray(given[name]))

export const set = Command.make(
  "set",
  {
    group: groupOrEvery,
    ...flags,
    reset: Flag.Boolean("reset").pipe(
      Flag.withoutNegation,
      Flag.withDescription("first forget everything that was set for this group (or '*')"),
      Flag.withDefault(false)
    ),
    dryRun: JobFlags.dryRun,
    json: JobFlags.json
  },
  Effect.fnUntraced(
    function* ({ dryRun, group, json, reset, ...given }) {
      const out = yield* output
      const scaler = yield* PredictiveScaler
      if (group !== everyGroup) yield* existing(group)
      const change: ScaleSettingsChange = Object.assign({}, reset ? toDefaults : {}, ...changesOf(given))
      const before = unnamed(group, yield* scaler.settings)
      const wanted = { ...before.settings, ...change }
      if (wanted.maxSlots != null && wanted.minSlots !== undefined && wanted.minSlots > wanted.maxSlots)
        return yield* fail(
          "usage",
          `the fewest slots (${wanted.minSlots}) are more than the most (${wanted.maxSlots}); give --min and --max that fit`
        )
      const isChange = Object.keys(change).length > 0 && !dryRun
      const after = isChange ? yield* scaler.set(group, change) : before
      if (json)
        return yield* out.json(ScaleSettingsShape, {
          group,
          before: before.settings,
          after: after.settings,
          from: after.from
        })
      const rows = settingSpecs.map(
        (spec): Row => ({
          spec,
          before: spec.show(before.settings),
          after: spec.show(dryRun ? { ...before.settings, ...definedOnly(change) } : after.settings),
          from: after.from[spec.name]
        })
      )
      yield* out.table(isChange || dryRun ? columns : columns.filter(({ header }) => header !== "before"), rows)
      if (dryRun) yield* out.note("nothing was changed")
      else if (isChange) yield* out.note("in force with the scaler's next round, within 15 s")
    },
    // To look at settings makes no store.
    (effect, { dryRun, reset, ...given }) =>
      dryRun || (!reset && changesOf(given).length === 0) ? lookingAtScaler(effect) : changingScaler(effect)
  )
).pipe(
  Command.withDescription(
    "Sets how the scaler treats a group, and shows each setting before and after; without settings it only shows them."
  ),
  Command.withExamples([
    { command: "sluice scale set network --mode on --min 2 --max 40", description: "let it move slots, within bounds" },
    { command: "sluice scale set network", description: "what is in force, and where it comes from" },
    { command: "sluice scale set '*' --time-zone Europe/Vienna", description: "for every group" },
    { command: "sluice scale set network --reset", description: "back to what holds for every group" }
  ])
)

/** Settings that go back to a default are not known before they have. */
function definedOnly(change: ScaleSettingsChange): Partial<ScaleSettings.ScaleSettings> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
