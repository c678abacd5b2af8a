import type { Series } from "./Series.ts"

const dayWaves = 4
const weekWaves = 2
export const dimension = 24 + 2 * dayWaves + 2 * weekWaves

/** Writes the features of the step `ahead` after the last one; answers the level all of them, and the target, are relative to. */
export const writeFeatures = (series: Series, ahead: number, out: Float32Array, offset: number): number => {
  const { day, history, last, week } = series
  const target = last + ahead
  const level = history.mean(last, 4)
  const smooth = (step: number, reach: number, otherwise: number) =>
    history.has(step + reach) || (reach > 0 && history.has(step))
      ? history.mean(Math.min(step + reach, last), 2 * reach + 1)
      : otherwise
  const seasonal = (
    period: number,
    fallback: { now: number; near: number; wide: number; then: number; next: number }
  ) => {
    let back = period
    while (back < ahead) back += period
    const step = series.back(target, back)
    const then = series.back(last, back)
    if (!history.has(step) || !history.has(then - 3)) return fallback
    const now = history.at(step)
    return {
      now,
      near: smooth(step, 1, now),
      wide: smooth(step, 4, now),
      then: history.mean(then, 4),
      next: history.mean(then, 12)
    }
  }
  const none = { now: level, near: level, wide: level, then: level, next: level }
  const d = seasonal(day, none)
  const w = seasonal(week, d)
  const w2 = seasonal(2 * week, w)
  const orElse = (value: number, otherwise: number) => (Number.isNaN(value) ? otherwise : value)
  const pdTarget = orElse(series.ofDay.at(series.slotOfDay(target), 1), level)
  const pdNow = orElse(series.ofDay.at(series.slotOfDay(last), 1), level)
  const pwTarget = orElse(series.ofWeek.at(series.slotOfWeek(target), 1), pdTarget)
  const pwNow = orElse(series.ofWeek.at(series.slotOfWeek(last), 1), pdNow)
  let k = offset
  out[k++] = 1
  out[k++] = level
  out[k++] = history.mean(last, 1) - level
  out[k++] = history.mean(last - 1, 1) - level
  out[k++] = history.mean(last - 2, 1) - level
  out[k++] = history.mean(last, 12) - level
  out[k++] = history.mean(last, 36) - level
  out[k++] = series.ema144 - level
  out[k++] = series.emaDay - level
  out[k++] = d.now - level
  out[k++] = d.near - level
  out[k++] = d.wide - level
  out[k++] = d.then - level
  out[k++] = d.next - level
  out[k++] = w.now - level
  out[k++] = w.near - level
  out[k++] = w.wide - level
  out[k++] = w.then - level
  out[k++] = w.next - level
  out[k++] = w2.wide - level
  out[k++] = pdTarget - level
  out[k++] = pdNow - level
  out[k++] = pwTarget - level
  out[k++] = pwNow - level
  const dayAngle = (2 * Math.PI * series.slotOfDay(target)) / day
  for (let i = 1; i <= dayWaves; i++) {
    out[k++] = Math.sin(i * dayAngle)
    out[k++] = Math.cos(i * dayAngle)
  }
  const weekAngle = (2 * Math.PI * series.slotOfWeek(target)) / week
  for (let i = 1; i <= weekWaves; i++) {
    out[k++] = Math.sin(i * weekAngle)
    out[k++] = Math.cos(i * weekAngle)
  }
  return level
}
