/**
 * The outlook of a group from the forecast of its work: steps of a forecast become the coarser ones that jobs are
 * placed in, and work that comes becomes slots that are busy.
 */
import type { LoadOutlook } from "./Deferring.ts"

/** A step of a forecast: the work that comes in it, in slot-seconds, as expected and at the upper end. */
export interface WorkStep {
  readonly at: number
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

export const outlookOf = (group: {
  /** Steps of the forecast from the present one on, all of one width. */
  readonly work: ReadonlyArray<WorkStep>
  readonly workStepMs: number
  /** Mean run in milliseconds. */
  readonly meanMs: number
  /** Slots that may claim in the step that begins then. */
  readonly slotsAt: (at: number) => number
  /** Slots that jobs take which are scheduled, by step from `from`. */
  readonly scheduled: (from: number, stepMs: number, count: number) => ReadonlyArray<number>
  readonly backlogMs: number
}): LoadOutlook => {
  const { backlogMs, meanMs, scheduled, slotsAt, work, workStepMs } = group
  const perStep = Math.max(1, Math.round(outlookStepMs / workStepMs))
  const stepMs = perStep * workStepMs
  const count = Math.floor(work.length / perStep)
  const from = work[0]?.at ?? 0
  const busy = (of: (step: WorkStep) => number) => busyOf(work.map(of), workStepMs, meanMs, perStep, count)
  return {
    from,
    stepMs,
    busy: busy(({ expected }) => expected),
    busyAtMost: busy(({ atMost }) => atMost),
    scheduled: scheduled(from, stepMs, count),
    slots: Array.from({ length: count }, (_, i) => slotsAt(from + i * stepMs)),
    backlogMs
  }
}
