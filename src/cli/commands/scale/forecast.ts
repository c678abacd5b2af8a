import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type LoadPrediction,
  type LoadStep,
  PredictiveScaler,
  type RollUpWidth
} from "../../../services/Queue/index.ts"
import { existing, groupArgument } from "../../GroupArgument.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { pictureFile, pictureFlag, writePicture } from "../../plot/PictureFile.ts"
import type { FiguresTable } from "../../plot/PictureHtml.ts"
import { pictureText } from "../../plot/PictureText.ts"
import { clock, moment } from "../../plot/TimeAxis.ts"
import { forecastPicture } from "../../scale/ForecastPicture.ts"
import { lookingAtScaler } from "../../scale/Scaling.ts"
import { seenCounts } from "../../scale/SeenCounts.ts"
import { keptStates } from "../../scale/Standing.ts"
import { shownZone, shownZoneFlag } from "../../scale/Zone.ts"
import { ForecastShape, toForecastShape } from "../../../api/ScaleShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import * as Style from "../../terminal/Style.ts"
import type { Column } from "../../terminal/Table.ts"

/** Rows of the table; more steps are summed up. */
const rowsMost = 24
/** Lines of the picture on a terminal. */
const plotHeight = 14

interface Row {
  readonly at: number
  readonly mean: number
  readonly p05: number
  readonly p50: number
  readonly p95: number
  readonly work: number
  readonly steps: number
  readonly event: string
}

/** Steps in a row. */
const roundParts = [1, 2, 5, 10, 15, 20, 30, 60, 120]

/** At most `rowsMost` rows: bounds are means of those of their steps, per step. */
const toRows = (steps: ReadonlyArray<LoadStep>): ReadonlyArray<Row> => {
  const least = Math.ceil(steps.length / rowsMost)
  const n = roundParts.find((part) => part >= least) ?? least
  return Array.from({ length: Math.ceil(steps.length / n) }, (_, i): Row => {
    const part = steps.slice(i * n, (i + 1) * n)
    const mean = (of: (step: LoadStep) => number) => part.reduce((sum, step) => sum + of(step), 0) / part.length
    return {
      at: part[0]!.at,
      mean: mean(({ arrivals }) => arrivals.expected),
      p05: mean(({ arrivals }) => arrivals.p05),
      p50: mean(({ arrivals }) => arrivals.p50),
      p95: mean(({ arrivals }) => arrivals.p95),
      work: part.reduce((sum, { work }) => sum + work.expected, 0),
      steps: part.length,
      event: [...new Set(part.flatMap(({ event }) => (event === undefined ? [] : [event])))].join(", ")
    }
  })
}

const count = (n: number): string => (n < 9.95 ? String(Number(n.toFixed(1))) : HumanNumber.count(Math.round(n)))

const columns = (prediction: LoadPrediction, time: (at: number) => string): ReadonlyArray<Column<Row>> => [
  { header: "from", value: ({ at }) => time(at) },
  { header: "expected", value: ({ mean }) => count(mean), align: "right" },
  { header: "90 % within", value: ({ p05, p95 }) => `${count(p05)}–${count(p95)}`, align: "right" },
  {
    header: "slots busy",
    value: ({ steps, work }) => count((work * 1000) / (steps * prediction.stepMs)),
    align: "right"
  },
  { header: "event", value: ({ event }) => event }
]

const tableFor = (prediction: LoadPrediction, timeZone: string): FiguresTable => {
  const shown = columns(prediction, moment(timeZone))
  return {
    title: `The next steps, per step of ${HumanNumber.duration(prediction.stepMs)}`,
    columns: shown.map(({ header }) => header),
    rows: toRows(prediction.steps).map((row) => shown.map(({ value }) => value(row)))
  }
}

const sourceWords = {
  saved: "from the state a worker has kept, brought up to date from the roll-ups",
  rebuilt: "learned just now from the roll-ups: no worker has kept a state"
}

export const forecast = Command.make(
  "forecast",
  {
    group: groupArgument,
    horizon: JobFlags.durationFlag("horizon").pipe(
      Flag.withDescription("how far ahead (default 1h; at most 1,440 steps)"),
      Flag.withDefault(Duration.hours(1))
    ),
    since: JobFlags.durationFlag("since").pipe(
      Flag.withDescription("how much of the past the picture shows (default three times the horizon)"),
      Flag.optional
    ),
    table: Flag.Boolean("table").pipe(
      Flag.withoutNegation,
      Flag.withDescription("figures instead of a picture"),
      Flag.withDefault(false)
    ),
    output: pictureFlag,
    timeZone: shownZoneFlag,
    json: JobFlags.json
  },
  Effect.fnUntraced(function* ({ group, horizon, json, output: file, since, table, timeZone }) {
    const out = yield* output
    const target = Option.isSome(file) ? yield* pictureFile(file.value) : undefined
    yield* existing(group)
    const source = (yield* keptStates).has(group) ? "saved" : "rebuilt"
    if (source === "rebuilt")
      yield* out.note("learning from the recorded past, since no worker has kept a forecast; that takes seconds …")
    const prediction = yield* PredictiveScaler.use((scaler) => scaler.predictLoad(group, horizon))
    if (json && target === undefined) return yield* out.json(ForecastShape, toForecastShape(prediction, source))
    const zone = yield* shownZone(timeZone)
    const { stepMs } = prediction
    const backMs = Option.match(since, {
      onNone: () => 3 * Duration.toMillis(horizon),
      onSome: Duration.toMillis
    })
    const seen = yield* seenCounts(group, {
      from: prediction.seenTo - Math.max(1, Math.ceil(backMs / stepMs)) * stepMs,
      to: prediction.seenTo,
      stepMs: stepMs as RollUpWidth
    })
    const picture = forecastPicture(prediction, seen, { horizonMs: Duration.toMillis(horizon), timeZone: zone })
    if (target !== undefined) {
      yield* writePicture(target, picture, [tableFor(prediction, zone)])
      yield* out.note(`${target} written`)
      if (json) yield* out.json(ForecastShape, toForecastShape(prediction, source))
      return
    }
    if (table) yield* out.table(columns(prediction, clock(zone)), toRows(prediction.steps))
    else {
      yield* out.lines(
        pictureText(picture, {
          width: out.stdout.columns(),
          height: plotHeight,
          style: out.style,
          coloured: out.style !== Style.plain
        })
      )
      yield* out.line("")
    }
    for (const note of picture.notes) yield* out.line(note)
    yield* out.line(
      `${count(prediction.total.arrivals)} jobs expected in all (90 % within ${count(prediction.total.arrivalsWithin.p05)}–${count(prediction.total.arrivalsWithin.p95)}), ${HumanNumber.duration(prediction.total.work * 1000)} of work for slots.`
    )
    yield* out.note(`Forecast ${sourceWords[source]}.`)
  }, lookingAtScaler)
).pipe(
  Command.withDescription(
    "What arrived, what will arrive with its 50 % and 90 % intervals, how good such forecasts have been, and when not to trust them."
  ),
  Command.withExamples([
    { command: "sluice scale forecast network", description: "the next hour, as a picture" },
    { command: "sluice scale forecast network --horizon 6h --table" },
    { command: "sluice scale forecast network --horizon 24h --since 3d -o network.html" }
  ])
)
