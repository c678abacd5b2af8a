import type { Series } from "./Series.ts"

const dayWaves = 4
const weekWaves = 2

/** How many features there are. */
export const dimension = 31 + 2 * dayWaves + 2 * weekWaves
/** Where the two of the third season are: what was learned of them is worth nothing once that season is another. */
export const seasonFeatures = [27, 28] as const
/** Where a seasonal naive forecast finds its parts: yesterday's and last week's value around the target, and the level then. */
export const places = { dayNear: 10, dayThen: 12, weekNear: 15, weekThen: 17 } as const

/** Steps that make up the level, which the target and all features but the first two are relative to. */
const levelSteps = 4

/**
 * Writes what is known now about the step `ahead` after the last one, and answers the present level. All but the constant, the level and
 * the waves are differences from that level, so that weights of 0 forecast that things stay as they are.
 *
 * Lags and levels of now; the values around the same time yesterday, a week and two weeks ago, with the levels that belonged to them; the
 * profiles of day and week at the target and now; what the level becomes when it moves in proportion as it did then; Fourier terms of day
 * and week (as in A. M. De Livera, R. J. Hyndman, R. D. Snyder, 2011).
 */
export const writeFeatures = (series: Series, ahead: number, out: Float32Array, offset: number): number => {
  const { calendar, history, last, ofDay, ofWeek, seasons } = series
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
  let highest = level
  for (let i = 0; i < 12 && history.has(last - i); i++) highest = Math.max(highest, history.at(last - i))
  let k = offset
  out[k++] = 1
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
  out[k++] = Math.abs(history.at(last) - history.mean(last - 1, 1))
  const waves = (count: number, angle: number) => {
    for (let i = 1; i <= count; i++) {
      out[k++] = Math.sin(i * angle)
      out[k++] = Math.cos(i * angle)
    }
  }
  waves(dayWaves, (2 * Math.PI * calendar.slot(target, day)) / day)
  waves(weekWaves, (2 * Math.PI * calendar.slot(target, week)) / week)
  return level
}
