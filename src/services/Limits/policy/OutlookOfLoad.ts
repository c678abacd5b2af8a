/**
 * The outlook of a group from the forecast of its work: steps of a forecast become the coarser ones that jobs are
 * placed in, and work that comes becomes slots that are busy.
 */
import type { LoadOutlook } from "./Deferring.ts"

/** The work that comes in a step of a forecast, in slot-seconds, as expected and at the upper end. */
export interface WorkStep {
  readonly expected: number
  readonly atMost: number
}

/**
 * Width of a step in milliseconds: a quarter of an hour. Loads of a day change little within it, and a day of them is
 * read with one document.
 */
export const outlookStepMs = 900_000

/**
 * Slots that are busy on average in each of the coarser steps. Work occupies its slot for the length of a run: load is
 * the work of the last `meanMs`, spread over it (S. G. Eick, W. A. Massey, W. Whitt, "The physics of the M_t/G/∞
 * queue", Operations Research 41, 1993, with runs of one length). What came before the first step is taken to have come
 * as in it.
 */
const busyOf = (
  works: ReadonlyArray<number>,
  fineMs: number,
  meanMs: number,
  perStep: number,
  count: number
): ReadonlyArray<number> => {
  const sums = [0]
  for (const work of works) sums.push(sums.at(-1)! + work * 1000)
  /** Slot-milliseconds that came up to a time, in fine steps from the first. */
  const cameUpTo = (at: number): number => {
    if (at <= 0) return at * (works[0] ?? 0) * 1000
    const i = Math.min(works.length - 1, Math.floor(at))
    return sums[i]! + (at - i) * (works[i] ?? 0) * 1000
  }
  const length = Math.max(1, meanMs / fineMs)
  return Array.from({ length: count }, (_, step) => {
    let sum = 0
    for (let i = 0; i < perStep; i++) {
      const at = step * perStep + i + 1
      sum += (cameUpTo(at) - cameUpTo(at - length)) / (length * fineMs)
    }
    return sum / perStep
  })
}

/** The steps that jobs are placed in. */
export interface OutlookGrid {
  readonly from: number
  readonly stepMs: number
  readonly count: number
}

/** For so many steps of a forecast, the first of which begins at `from`. */
export const gridOf = (from: number, workStepMs: number, steps: number): OutlookGrid => {
  const perStep = Math.max(1, Math.round(outlookStepMs / workStepMs))
  return { from, stepMs: perStep * workStepMs, count: Math.floor(steps / perStep) }
}

export const outlookOf = (
  { count, from, stepMs }: OutlookGrid,
  group: {
    /** Steps of the forecast from the present one on, all of one width. */
    readonly work: ReadonlyArray<WorkStep>
    readonly workStepMs: number
    /** Mean run in milliseconds. */
    readonly meanMs: number
    /** Slots that may claim in the step that begins then. */
    readonly slotsAt: (at: number) => number
    /** Slots that jobs take which are scheduled, by step. */
    readonly scheduled: ReadonlyArray<number>
    readonly backlogMs: number
  }
): LoadOutlook => {
  const { backlogMs, meanMs, scheduled, slotsAt, work, workStepMs } = group
  const busy = (of: (step: WorkStep) => number) =>
    busyOf(work.map(of), workStepMs, meanMs, Math.round(stepMs / workStepMs), count)
  return {
    from,
    stepMs,
    busy: busy(({ expected }) => expected),
    busyAtMost: busy(({ atMost }) => atMost),
    scheduled,
    slots: Array.from({ length: count }, (_, i) => slotsAt(from + i * stepMs)),
    backlogMs
  }
}
