import type { Series } from "./Series.ts"

const dayWaves = 4
const weekWaves = 2

/** How many features there are. */
export const dimension = 33 + 2 * dayWaves + 2 * weekWaves
/** Where the two of the third season are: what was learned of them is worth nothing once that season is another. */
export const seasonFeatures = [27, 28] as const
/**
 * Where a seasonal naive forecast finds its parts: yesterday's and last week's value around the target, and the level
 * then.
 */
export const places = { dayNear: 10, dayThen: 12, weekNear: 15, weekThen: 17 } as const

/**
 * The features that are differences of roots from the level, from the first up to but without the second; then comes an
 * absolute one.
 */
const differences = { from: 2, to: 32 } as const
/**
 * What constant and waves are of the load's own scale. So little that the penalty on all weights holds these back: they
 * know nothing of what happened, and follow a change of level last.
 */
const waveShare = 0.01
/** Added to roots before their logarithm is taken: zeros have none. */
const logBase = 0.5
/** No logarithm of less than this share of the level: the few smallest would rule the fit. */
const leastShare = 0.05

/** Steps that make up the level, which the target and all features but the first two are relative to. */
const levelSteps = 4

/**
 * Writes what is known now about the step `ahead` after the last one, and answers the present level. All but the
 * constant, the level and the waves, which have the load's own scale, are differences from that level, so that weights
 * of 0 forecast that things stay as they are.
 *
 * Lags and levels of now; the values around the same time yesterday, a week and two weeks ago, with the levels that
 * belonged to them; the profiles of day and week at the target and now; what the level becomes when it moves in
 * proportion as it did then; what the days went on with that were most like the present one; Fourier terms of day and
 * week (as in A. M. De Livera, R. J. Hyndman, R. D. Snyder, 2011).
 */
export const writeFeatures = (series: Series, ahead: number, out: Float32Array, offset: number): number => {
  const { analogs, calendar, history, last, ofDay, ofWeek, seasons } = series
  const { day, week } = calendar
  const target = last + ahead
  const level = history.mean(last, levelSteps)
  // Neighbourhoods grow with the steps of a day: the finer the grid, the noisier its counts.
  const near = Math.max(1, Math.round(day / 288))
  const wide = Math.max(1, Math.round(day / 72))
  const reach = Math.round(day / 288)
  const unknown = { now: level, near: level, wide: level, start: level, longer: level }
  const past = (period: number, otherwise: typeof unknown) => {
    const back = period * Math.ceil(ahead / period)
    const step = calendar.back(target, back)
    const then = calendar.back(last, back)
    if (!history.has(step) || !history.has(then - levelSteps + 1)) return otherwise
    const around = (steps: number) => history.mean(Math.min(step + steps, last), 2 * steps + 1)
    return {
      now: history.at(step),
      near: around(near),
      wide: around(wide),
      start: history.mean(then, levelSteps),
      longer: history.mean(then, 3 * levelSteps)
    }
  }
  const d = past(day, unknown)
  const w = past(week, d)
  const twoWeeks = past(2 * week, w)
  const orElse = (value: number, otherwise: number) => (Number.isNaN(value) ? otherwise : value)
  const dayTarget = orElse(ofDay.at(calendar.slot(target, day), reach), level)
  const dayNow = orElse(ofDay.at(calendar.slot(last, day), reach), level)
  const weekTarget = orElse(ofWeek.at(calendar.slot(target, week), reach), dayTarget)
  const weekNow = orElse(ofWeek.at(calendar.slot(last, week), reach), dayNow)
  const inProportion = (to: number, from: number) => level * (Math.max(0.5, Math.min(2, (to + 0.2) / (from + 0.2))) - 1)
  const analog = analogs.at(ahead, levelSteps)
  let highest = level
  for (let i = 0; i < 12 && history.has(last - i); i++) highest = Math.max(highest, history.at(last - i))
  // The load's own scale, so that what is learned of constant and waves does not depend on how large counts are.
  const scale = waveShare * series.ofDays.value
  let k = offset
  out[k++] = scale
  out[k++] = level
  out[k++] = history.at(last) - level
  out[k++] = history.mean(last - 1, 1) - level
  out[k++] = history.mean(last - 2, 1) - level
  out[k++] = history.mean(last, 3 * levelSteps) - level
  out[k++] = history.mean(last, 9 * levelSteps) - level
  out[k++] = series.ofHours.value - level
  out[k++] = series.ofDays.value - level
  out[k++] = d.now - level
  out[k++] = d.near - level
  out[k++] = d.wide - level
  out[k++] = d.start - level
  out[k++] = d.longer - level
  out[k++] = w.now - level
  out[k++] = w.near - level
  out[k++] = w.wide - level
  out[k++] = w.start - level
  out[k++] = w.longer - level
  out[k++] = twoWeeks.wide - level
  out[k++] = dayTarget - level
  out[k++] = dayNow - level
  out[k++] = weekTarget - level
  out[k++] = weekNow - level
  out[k++] = inProportion(d.near, d.start)
  out[k++] = inProportion(w.near, w.start)
  out[k++] = inProportion(weekTarget, weekNow)
  out[k++] = seasons.otherAt(target, level)
  out[k++] = seasons.otherAt(last, level)
  out[k++] = highest - level
  out[k++] = analog === undefined ? 0 : analog.near - level
  out[k++] = analog === undefined ? 0 : analog.start - level
  out[k++] = Math.abs(history.at(last) - history.mean(last - 1, 1))
  const waves = (count: number, angle: number) => {
    for (let i = 1; i <= count; i++) {
      out[k++] = scale * Math.sin(i * angle)
      out[k++] = scale * Math.cos(i * angle)
    }
  }
  waves(dayWaves, (2 * Math.PI * calendar.slot(target, day)) / day)
  waves(weekWaves, (2 * Math.PI * calendar.slot(target, week)) / week)
  return level
}

/**
 * The same features on the scale of logarithms, where differences are ratios: what a load does that grows and shrinks
 * as a whole.
 */
export const writeLogFeatures = (features: Float32Array, offset: number, level: number, out: Float32Array): void => {
  const base = Math.max(0, level) + logBase
  out[0] = 1
  out[1] = Math.log(base)
  for (let i = differences.from; i < differences.to; i++) {
    out[i] = Math.log(Math.max(leastShare, 1 + features[offset + i]! / base))
  }
  out[differences.to] = features[offset + differences.to]! / base
  const scale = Math.max(1e-9, features[offset]!)
  for (let i = differences.to + 1; i < dimension; i++) out[i] = features[offset + i]! / scale
}

/** A root relative to the level, as a logarithm. */
export const toLog = (root: number, level: number): number =>
  Math.log((root + logBase) / (Math.max(0, level) + logBase))

/** The root that has this logarithm; at most e² times the level, whatever a fit on little data says. */
export const fromLog = (log: number, level: number): number =>
  (Math.max(0, level) + logBase) * Math.exp(Math.min(2, log)) - logBase
