/** What arrived and what is forecast, as a picture. */
import { middleHalf, type LoadPrediction } from "../../services/Queue/index.ts"
import type { Picture } from "../plot/Picture.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import { distrustLine, qualityLine } from "./QualityText.ts"
import { perStep } from "./StepText.ts"

/** A step's count; null where nobody was there to count. */
export interface SeenCount {
  readonly at: number
  readonly count: number | null
}

export const forecastPicture = (
  prediction: LoadPrediction,
  seen: ReadonlyArray<SeenCount>,
  { horizonMs, timeZone }: { readonly horizonMs: number; readonly timeZone: string }
): Picture => {
  const { quality, seenTo, stepMs, steps } = prediction
  const end = (steps.at(-1)?.at ?? seenTo) + stepMs
  return {
    title: `${prediction.group}: arrivals and forecast for ${HumanNumber.duration(horizonMs)}`,
    notes: [qualityLine(quality), distrustLine(prediction.distrust)].filter((note) => note !== ""),
    from: seen[0]?.at ?? seenTo,
    to: end,
    now: seenTo,
    timeZone,
    panels: [
      {
        title: "Arrivals",
        unit: perStep(stepMs),
        bands: [
          {
            name: "90 % interval",
            tone: "wide",
            points: steps.map(({ arrivals, at }) => [at, arrivals.p05, arrivals.p95] as const)
          },
          {
            name: "50 % interval",
            tone: "narrow",
            points: steps.map(({ arrivals, at }) => [at, ...middleHalf(arrivals)] as const)
          }
        ],
        lines: [
          { name: "arrived", tone: "actual", points: seen.map(({ at, count }) => [at, count] as const) },
          { name: "forecast", tone: "forecast", points: steps.map(({ arrivals, at }) => [at, arrivals.mean] as const) }
        ]
      }
    ]
  }
}
