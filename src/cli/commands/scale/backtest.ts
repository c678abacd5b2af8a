import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Histogram, PredictiveScaler, Rehearsal } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { existing, groupArgument } from "../../GroupArgument.ts"
import { hint } from "../../Hint.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { pictureFile, pictureFlag, writePicture } from "../../plot/PictureFile.ts"
import type { FiguresTable } from "../../plot/PictureHtml.ts"
import { moment } from "../../plot/TimeAxis.ts"
import { backtestPicture } from "../../scale/BacktestPicture.ts"
import { lookingAtScaler } from "../../scale/Scaling.ts"
import { shownZone, shownZoneFlag } from "../../scale/Zone.ts"
import { ScaleBacktestShape } from "../../../api/ScaleShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import type { Column } from "../../terminal/Table.ts"

type Shape = typeof ScaleBacktestShape.Type
type Policy = NonNullable<Shape["replay"]>["policies"][number]

const dayMs = 86_400_000
/** From a decision to slots that run jobs while nobody has learned it: that of the scaler. */
const startupUnknownMs = 15_000
/** A step is read so long after its end. */
const settleMs = 5_000

const figure = (value: number | undefined): number | null => value ?? null

const toShape = (
  group: string,
  rehearsal: Rehearsal.Rehearsal,
  { every, horizon }: { readonly horizon: number; readonly every: number }
): Shape => {
  const { backtest, replay, stepMs } = rehearsal
  const { forecast, naive } = backtest
  const accuracies = ({ horizon, mase, oneStep, sum }: typeof forecast | typeof naive) => ({
    oneStep: figure(oneStep),
    horizon: figure(horizon),
    sum: figure(sum),
    mase: figure(mase)
  })
  return {
    group,
    stepMs,
    from: new Date(rehearsal.from).toISOString(),
    to: new Date(rehearsal.to).toISOString(),
    learnedFrom: rehearsal.learnedFrom,
    horizonMs: horizon * stepMs,
    everyMs: every * stepMs,
    origins: backtest.origins,
    scored: backtest.scored,
    missing: backtest.steps.filter(({ actual }) => actual === undefined).length,
    forecast: {
      ...accuracies(forecast),
      coverage: figure(forecast.coverage),
      coverage50: figure(forecast.coverage50),
      sumBias: figure(forecast.sumBias),
      sumCoverage: figure(forecast.sumCoverage),
      under90: figure(forecast.under90),
      wQL90: figure(forecast.wQL90)
    },
    naive: { kind: naive.kind === "season" ? "yesterday" : "last", ...accuracies(naive) },
    replay:
      replay === undefined
        ? null
        : {
            from: new Date(replay.from).toISOString(),
            serviceMs: replay.serviceMs,
            startupMs: replay.startupMs,
            waitMs: replay.waitMs,
            lateShare: replay.lateShare,
            policies: replay.policies.map(({ policy, result }): Policy => {
              const { changes, jobs, late, meanSlots, mostSlots, slotSeconds, wait } = result
              const quantile = (fraction: number) => (jobs === 0 ? null : Histogram.quantile(wait, fraction))
              return {
                policy,
                jobs,
                slotSeconds,
                meanSlots,
                mostSlots,
                changes,
                late,
                waitP50Ms: quantile(0.5),
                waitP95Ms: quantile(0.95),
                waitP99Ms: quantile(0.99)
              }
            })
          }
  }
}

const percent = (share: number | null): string =>
  share === null ? HumanNumber.unknown : `${(share * 100).toFixed(1)} %`

interface Score {
  readonly name: string
  readonly forecast: string
  readonly naive: string
  readonly meant: string
}

const number = (value: number | null, digits: number): string =>
  value === null ? HumanNumber.unknown : value.toFixed(digits)

const scores = ({ forecast, horizonMs, naive }: Shape): ReadonlyArray<Score> => {
  const score = (name: string, forecast: string, naive = "", meant = ""): Score => ({ name, forecast, naive, meant })
  return [
    score("right, one step ahead", percent(forecast.oneStep), percent(naive.oneStep)),
    score(`right, over ${HumanNumber.duration(horizonMs)}`, percent(forecast.horizon), percent(naive.horizon)),
    score(`right, sum of ${HumanNumber.duration(horizonMs)}`, percent(forecast.sum), percent(naive.sum)),
    score(`bias of such sums`, percent(forecast.sumBias), "", "0 %"),
    score("such sums within 90 %", percent(forecast.sumCoverage), "", "90 %"),
    score("MASE", number(forecast.mase, 3), number(naive.mase, 3), "below 1"),
    score("counts within 90 %", percent(forecast.coverage), "", "90 %"),
    score("counts within 50 %", percent(forecast.coverage50), "", "50 %"),
    score("counts up to p90", percent(forecast.under90), "", "90 %"),
    score("wQL90", number(forecast.wQL90, 1), "", "small")
  ]
}

const scoreColumns = ({ naive }: Shape): ReadonlyArray<Column<Score>> => [
  { header: "", value: ({ name }) => name, minimum: 20 },
  { header: "forecast", value: ({ forecast }) => forecast, align: "right" },
  {
    header: naive.kind === "yesterday" ? "as yesterday" : "as the last count",
    value: ({ naive }) => naive,
    align: "right"
  },
  { header: "meant", value: ({ meant }) => meant, align: "right" }
]

const wait = (ms: number | null): string => (ms === null ? HumanNumber.unknown : HumanNumber.duration(ms))

const policyColumns = (lateShare: number): ReadonlyArray<Column<Policy>> => [
  { header: "slots by", value: ({ policy }) => policy, minimum: 10 },
  { header: "mean", value: ({ meanSlots }) => meanSlots.toFixed(1), align: "right" },
  { header: "most", value: ({ mostSlots }) => HumanNumber.count(mostSlots), align: "right" },
  { header: "slot-hours", value: ({ slotSeconds }) => (slotSeconds / 3600).toFixed(1), align: "right" },
  {
    header: "late",
    value: ({ late }) => percent(late),
    align: "right",
    style: (cell, { late }, style) => (late > lateShare ? style.bad(cell) : style.good(cell))
  },
  { header: "wait p50", value: ({ waitP50Ms }) => wait(waitP50Ms), align: "right", wide: true },
  { header: "wait p95", value: ({ waitP95Ms }) => wait(waitP95Ms), align: "right" },
  { header: "wait p99", value: ({ waitP99Ms }) => wait(waitP99Ms), align: "right" },
  { header: "changes", value: ({ changes }) => HumanNumber.count(changes), align: "right" }
]

const asTable = <Row>(title: string, columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>): FiguresTable => ({
  title,
  columns: columns.map(({ header }) => header),
  rows: rows.map((row) => columns.map(({ value }) => value(row)))
})

export const backtest = Command.make(
  "backtest",
  {
    group: groupArgument,
    days: Flag.Finite("days").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("how much of the recorded past is forecast; what lies before is learned from (default 1)"),
      Flag.withDefault(1)
    ),
    horizon: JobFlags.durationFlag("horizon").pipe(
      Flag.withDescription("how far ahead each forecast looks (default 60 steps, of an hour 24)"),
      Flag.optional
    ),
    output: pictureFlag,
    timeZone: shownZoneFlag,
    json: JobFlags.json,
    wide: JobFlags.wide
  },
  Effect.fnUntraced(function* ({ days, group, horizon, json, output: file, timeZone, wide }) {
    const out = yield* output
    if (!(days > 0 && days <= 400))
      return yield* fail("usage", `--days ${days} is out of range; expected more than 0, at most 400`)
    const target = Option.isSome(file) ? yield* pictureFile(file.value) : undefined
    yield* existing(group)
    const scaler = yield* PredictiveScaler
    const settings = (yield* scaler.settings).find((each) => each.group === group)?.settings
    const status = (yield* scaler.status).groups.find((each) => each.group === group)
    if (settings === undefined || status === undefined)
      return yield* fail("notFound", `nothing is recorded of group ${group} yet`)
    const { stepMs } = settings
    const steps = Math.round((days * dayMs) / stepMs)
    const ahead = Option.match(horizon, {
      onNone: () => (stepMs >= 3_600_000 ? 24 : 60),
      onSome: (value) => Math.max(1, Math.round(Duration.toMillis(value) / stepMs))
    })
    if (ahead > 1440) return yield* fail("usage", `--horizon is ${ahead} steps; expected at most 1440`)
    // Four forecasts in a horizon: neighbours overlap, as those of a scaler do.
    const plan = { horizon: ahead, every: Math.max(1, Math.round(ahead / 4)) }
    const now = yield* Clock.currentTimeMillis
    yield* out.note("going through the recorded past, which takes some seconds …")
    const rehearsal = yield* Rehearsal.rehearse({
      group,
      settings,
      minSlots: status.minSlots,
      maxSlots: status.maxSlots,
      slots: status.slots > 0 ? status.slots : status.maxSlots,
      startupMs: settings.startupMs ?? status.last?.inputs.startupMs ?? startupUnknownMs,
      steps,
      ...plan,
      to: Math.floor((now - settleMs) / stepMs) * stepMs
    })
    if (rehearsal === undefined) {
      if (json) return
      return yield* out.note(
        yield* hint(`nothing has arrived in ${group} yet as far as the store remembers: sluice queue stats --since 7d`)
      )
    }
    const shape = toShape(group, rehearsal, plan)
    const zone = yield* shownZone(timeZone)
    const when = moment(zone)
    const what = `${HumanNumber.count(shape.origins)} forecasts of ${HumanNumber.duration(shape.horizonMs)}, one each ${HumanNumber.duration(shape.everyMs)}, ${when(rehearsal.from)} to ${when(rehearsal.to)} (${zone}); learned from ${HumanNumber.count(shape.learnedFrom)} steps before.`
    const { replay } = shape
    const conditions =
      replay === null
        ? ""
        : `Slots since ${when(Date.parse(replay.from))}: jobs of ${HumanNumber.duration(replay.serviceMs)}, start-up ${HumanNumber.duration(replay.startupMs)}; late is a wait above ${HumanNumber.duration(replay.waitMs)}, at most ${percent(replay.lateShare)} may be.`
    if (target !== undefined) {
      yield* writePicture(
        target,
        backtestPicture(
          group,
          rehearsal,
          [what, conditions].filter((note) => note !== ""),
          zone
        ),
        [
          asTable("Forecasts", scoreColumns(shape), scores(shape)),
          ...(replay === null ? [] : [asTable("Slots", policyColumns(replay.lateShare), replay.policies)])
        ]
      )
      yield* out.note(`${target} written`)
    }
    if (json) return yield* out.json(ScaleBacktestShape, shape)
    yield* out.line(what)
    yield* out.line("")
    yield* out.table(scoreColumns(shape), scores(shape))
    if (shape.missing > 0)
      yield* out.note(
        `${HumanNumber.count(shape.missing)} ${shape.missing === 1 ? "step was not measured and is" : "steps were not measured and are"} not scored`
      )
    if (replay === null) return
    yield* out.lines(["", conditions, ""])
    yield* out.table(policyColumns(replay.lateShare), replay.policies, { wide })
  }, lookingAtScaler)
).pipe(
  Command.withDescription(
    "How good forecasts would have been over the recorded past, and what the scaler's slots would have cost and saved, beside reactive and fixed ones."
  ),
  Command.withExamples([
    { command: "sluice scale backtest network", description: "the last day, learned from the days before" },
    { command: "sluice scale backtest network --days 3 --horizon 30m -o backtest.html" }
  ])
)
