import { dimension, fromLog, places, writeFeatures, writeLogFeatures } from "./Features.ts"
import type { Ridge } from "./Ridge.ts"
import type { Series } from "./Series.ts"

/** How a regression weighs what it learns from. */
export interface RidgeKind {
  readonly name: string
  /** Of roots, or of their logarithms. */
  readonly scale: "root" | "log"
  /** Days over which an observation fades; never fewer than 300 steps. */
  readonly days: number
  /**
   * An error counts in proportion up to so many typical ones, and no further beyond (P. J. Huber, 1964). Small: towards
   * the median.
   */
  readonly bound: number
  /** Observations weigh with this power of the level: 1 for busy hours, -1 for errors relative to the level. */
  readonly power: number
}

/**
 * Regressions that differ in memory, in scale and in whose errors they mind. Their mean is better than any one, and no
 * choice of these figures is best for all loads.
 */
export const ridgeKinds: ReadonlyArray<RidgeKind> = [
  { name: "ridge over months", scale: "root", days: 60, bound: 1, power: 0 },
  { name: "ridge over days", scale: "root", days: 4, bound: 1, power: 0 },
  { name: "ridge for busy hours", scale: "root", days: 14, bound: 1, power: 1 },
  { name: "ridge for the expectation", scale: "root", days: 14, bound: 6, power: 0 },
  { name: "ridge on logarithms over months", scale: "log", days: 60, bound: 1, power: 1 },
  { name: "ridge on logarithms over days", scale: "log", days: 4, bound: 1, power: 1 }
]

/** The regression that is least robust: it follows the mean of roots, not their median. */
export const expectationRidge = 3

const plainNames = [
  "last count",
  "smoothing, fast",
  "smoothing, slow",
  "seasonal naive, day",
  "seasonal naive, week",
  "Holt-Winters, day",
  "intermittent (TSB)",
  "season found",
  "mean of the same time of day",
  "mean of the same time of the week",
  "mean of the same time of day, at the weekday's level",
  "mean of the same hour",
  "mean of the last weeks",
  "mean of that time of day, at the level of late",
  "mean of that time of the week, at the level of late",
  "nothing"
]

export const modelNames: ReadonlyArray<string> = [...ridgeKinds.map(({ name }) => name), ...plainNames]

/** Models that are means of counts: what they say adds up by itself. */
export const meanModels: ReadonlySet<number> = new Set(
  ["last count", "intermittent (TSB)", ...plainNames.slice(8, -1)].map((name) => modelNames.indexOf(name))
)
/** Weighs nothing before it was seen to be right. */
export const nothingModel = modelNames.indexOf("nothing")
/** Models to go by before anything was learned of a distance. */
export const firstModels: ReadonlyArray<number> = plainNames
  .filter((name) => name.startsWith("mean of the same time"))
  .map((name) => modelNames.indexOf(name))

/** How much of the difference between the level now and the level then a seasonal naive forecast is moved by. */
const levelShare = 0.7

/** Only used within one call. */
const logs = new Float32Array(dimension)

const orElse = (value: number, otherwise: number): number => (Number.isNaN(value) ? otherwise : value)
const squared = (root: number): number => (root > 0 ? root * root : 0)

/**
 * Writes what each model expects of the step `ahead` on, in counts, to `out` from `to`, and the features of that step
 * to `features` from `at`. Answers the level of now, as a root. A model that knows nothing yet of that step writes NaN.
 */
export const writeForecasts = (
  series: Series,
  ridges: ReadonlyArray<Ridge>,
  ahead: number,
  features: Float32Array,
  at: number,
  out: Float64Array,
  to: number
): number => {
  const { calendar, history, last, seasons } = series
  const level = writeFeatures(series, ahead, features, at)
  const target = last + ahead
  let k = to
  writeLogFeatures(features, at, level, logs)
  ridges.forEach((ridge, i) => {
    const root =
      ridgeKinds[i]!.scale === "log" ? fromLog(ridge.predict(logs, 0), level) : level + ridge.predict(features, at)
    out[k++] = squared(root)
  })
  const seasonal = (near: number, then: number) =>
    squared(level + features[at + near]! - levelShare * features[at + then]!)
  const dayKnown = history.length > calendar.day
  const weekKnown = history.length > calendar.week
  const fast = squared(series.fast.value)
  out[k++] = squared(history.at(last))
  out[k++] = fast
  out[k++] = squared(series.slow.value)
  out[k++] = dayKnown ? seasonal(places.dayNear, places.dayThen) : fast
  out[k++] = weekKnown ? seasonal(places.weekNear, places.weekThen) : fast
  out[k++] = dayKnown ? squared(series.winters.at(ahead, calendar.slot(target, calendar.day))) : fast
  out[k++] = series.intermittent.value
  out[k++] = squared(level + seasons.otherAt(target, level) - levelShare * seasons.otherAt(last, level))
  const { usual } = series
  const { ofDay, ofHour, ofWeek, ofWeekday, overall } = usual.at(target)
  const ofTheDay = orElse(ofDay, orElse(ofHour, fast))
  out[k++] = ofTheDay
  out[k++] = ofWeek
  out[k++] = orElse(ofWeekday, ofTheDay)
  out[k++] = orElse(ofHour, fast)
  out[k++] = overall
  out[k++] = ofTheDay * usual.latelyOfDay
  out[k++] = ofWeek * usual.latelyOfWeek
  out[k++] = 0
  return level
}
