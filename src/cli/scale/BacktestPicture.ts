/**
 * A rehearsal as a picture: what arrived and what had been forecast of it; slots and waits of each way of choosing
 * them.
 */
import { middleHalf, type Rehearsal } from "../../services/Queue/index.ts"
import type { Line, Panel, Picture } from "../plot/Picture.ts"
import { perStep } from "./StepText.ts"

type Rehearsed = Rehearsal.Rehearsal
type Policy = Rehearsal.RehearsedPolicy["policy"]

/**
 * Drawn: what the scaler would have done, the same without a forecast, and the yardstick. The slots of now are in the
 * table.
 */
const tones: Readonly<Partial<Record<Policy, Line["tone"]>>> = {
  scaler: "forecast",
  reactive: "second",
  "fixed in hindsight": "third"
}

const arrivals = ({ backtest, from, stepMs }: Rehearsed): Panel => {
  const first = backtest.steps[0]?.index ?? 0
  const at = (index: number) => from + (index - first) * stepMs
  return {
    title: "Arrivals",
    unit: perStep(stepMs),
    bands: [
      {
        name: "90 % interval",
        tone: "wide",
        points: backtest.steps.map(({ forecast, index }) => [at(index), forecast.p05, forecast.p95] as const)
      },
      {
        name: "50 % interval",
        tone: "narrow",
        points: backtest.steps.map(({ forecast, index }) => [at(index), ...middleHalf(forecast)] as const)
      }
    ],
    lines: [
      {
        name: "arrived",
        tone: "actual",
        points: backtest.steps.map(({ actual, index }) => [at(index), actual ?? null] as const)
      },
      {
        name: "forecast",
        tone: "forecast",
        points: backtest.steps.map(({ forecast, index }) => [at(index), forecast.mean] as const)
      }
    ]
  }
}

const replayed = ({ replay, stepMs }: Rehearsed): ReadonlyArray<Panel> => {
  if (replay === undefined) return []
  const lines = (
    steps: boolean,
    of: (step: { readonly slots: number; readonly waitP95: number | undefined }) => number | null
  ) =>
    replay.policies.flatMap(({ policy, result }): ReadonlyArray<Line> => {
      const tone = tones[policy]
      return tone === undefined
        ? []
        : [
            {
              name: policy,
              tone,
              steps,
              points: result.steps.map((step, i) => [replay.from + i * stepMs, of(step)] as const)
            }
          ]
    })
  return [
    { title: "Slots", unit: "ready and starting", bands: [], lines: lines(true, ({ slots }) => slots) },
    {
      title: "Wait, 95th percentile",
      unit: "seconds",
      bands: [],
      lines: lines(false, ({ waitP95 }) => (waitP95 === undefined ? null : waitP95 / 1000))
    }
  ]
}

export const backtestPicture = (
  group: string,
  rehearsal: Rehearsed,
  notes: ReadonlyArray<string>,
  timeZone: string
): Picture => ({
  title: `${group}: forecast and slots over the recorded past`,
  notes,
  from: rehearsal.from,
  to: rehearsal.to,
  timeZone,
  panels: [arrivals(rehearsal), ...replayed(rehearsal)]
})
