import type { Archive } from "./Archive.ts"
import { Ridge } from "./Ridge.ts"
import type { Series } from "./Series.ts"
import { SlotProfile } from "./SlotProfile.ts"
import { Smoothing } from "./Smoothing.ts"

/**
 * How large errors of one step have been lately, and at each time of day: what the spread of errors to come is judged
 * by. Of roots.
 */
export class Misses {
  readonly lately = new Smoothing(1 / 8)
  readonly longer = new Smoothing(1 / 60)
  readonly ofDay: SlotProfile

  constructor(slotsOfDay: number) {
    this.ofDay = new SlotProfile(slotsOfDay, 0.1)
  }

  update(miss: number, slotOfDay: number): void {
    this.lately.update(miss)
    this.longer.update(miss)
    this.ofDay.update(slotOfDay, miss)
  }

  carry(archive: Archive): void {
    for (const part of [this.lately, this.longer, this.ofDay]) part.carry(archive)
  }
}

export const spreadDimension = 9
const penalty = 0.01

/**
 * How far off a forecast is expected to be: a ridge regression of absolute errors on what is known when it is made (the
 * scale of locally weighted conformal prediction, J. Lei and others, 2018). A root's own scatter, its size, errors of
 * late and at that time of day, and how far the load is expected to move.
 */
export class Spread {
  private readonly ridge = new Ridge(spreadDimension)

  /** The typical absolute error `ahead` steps on, of the root of a count of about `mean`. Writes what it goes by. */
  at(
    series: Series,
    misses: Misses,
    ahead: number,
    mean: number,
    level: number,
    out: Float32Array,
    offset: number
  ): number {
    const { calendar, last } = series
    const slot = calendar.slot(last + ahead, calendar.day)
    const root = Math.sqrt(mean)
    const orElse = (value: number, otherwise: number) => (Number.isNaN(value) ? otherwise : value)
    out[offset] = Math.min(1, 2 * root) * misses.longer.value
    out[offset + 1] = root
    out[offset + 2] = misses.lately.value
    out[offset + 3] = misses.longer.value
    out[offset + 4] = orElse(misses.ofDay.at(slot, 2), misses.longer.value)
    out[offset + 5] = Math.abs(root - level)
    out[offset + 6] = level
    out[offset + 7] = series.ofHours.value
    out[offset + 8] = orElse(series.ofDay.at(slot, 3), level)
    return this.ridge.predict(out, offset)
  }

  update(features: Float32Array, offset: number, miss: number, memory: number): void {
    this.ridge.add(features, offset, miss, 1, 1 - 1 / memory)
  }

  solve(): void {
    this.ridge.solve(penalty)
  }

  carry(archive: Archive): void {
    this.ridge.carry(archive)
  }
}
