/**
 * Who in this process waits for which job. The worker delivers the outcome of a job it ran with the commit that settled
 * it; for jobs that run elsewhere the queue reads the store. Waiting costs one map entry, or a place in an array for
 * many jobs stored together; not waiting costs nothing.
 */
import { Context, Layer } from "effect"
import type { Failure, JobId } from "../Job.ts"

/** Hears how its job ended; called once, after the commit. */
export interface Waiter {
  /** `value` is the handler's own result. */
  completed(value: unknown): void
  /** `error` is the handler's own typed error, if it failed with one. */
  failed(state: "failed" | "cancelled", failure: Failure, error: unknown): void
}

/** Each hears; what one of them throws is thrown when all have heard. */
export const tellAll = <W extends Waiter>(waiters: Waiter | ReadonlyArray<Waiter>, tell: (waiter: W) => void): void => {
  if (!Array.isArray(waiters)) return tell(waiters as W)
  const defects: Array<unknown> = []
  for (const waiter of waiters as ReadonlyArray<W>) {
    try {
      tell(waiter)
    } catch (defect) {
      defects.push(defect)
    }
  }
  if (defects.length > 0) throw defects[0]
}

export class JobWaiters extends Context.Service<
  JobWaiters,
  {
    readonly expect: (id: JobId, waiter: Waiter) => void
    /** The same for jobs whose ids follow one another: `waiters[i]` for `first + i`. */
    readonly expectAll: (first: JobId, waiters: ReadonlyArray<Waiter>) => void
    readonly forget: (id: JobId, waiter: Waiter) => void
    /** Takes the waiters of a job that ended; undefined when nobody waits. */
    readonly take: (id: JobId) => Waiter | ReadonlyArray<Waiter> | undefined
    readonly isAwaited: (id: JobId) => boolean
    readonly awaited: () => ReadonlyArray<JobId>
    readonly size: () => number
  }
>()("sluice/services/Queue/Outcomes") {}

/** Waiters of jobs with consecutive ids. */
interface Range {
  readonly first: number
  /** Undefined once taken. */
  readonly waiters: Array<Waiter | undefined>
  left: number
}

/** Ranges are looked through one by one; beyond so many, or for fewer jobs, map entries are cheaper. */
const mostRanges = 8
const smallestRange = 16

export const layer: Layer.Layer<JobWaiters> = Layer.sync(JobWaiters, () => {
  const single = new Map<JobId, Waiter | Array<Waiter>>()
  const ranges: Array<Range> = []

  const expect = (id: JobId, waiter: Waiter) => {
    const there = single.get(id)
    if (there === undefined) single.set(id, waiter)
    else if (Array.isArray(there)) there.push(waiter)
    else single.set(id, [there, waiter])
  }

  /** Takes the waiter at this id out of its range; with `only`, if it is that one. */
  const takeFromRange = (id: JobId, only: Waiter | undefined): Waiter | undefined => {
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i]!
      const place = id - range.first
      if (place < 0 || place >= range.waiters.length) continue
      const waiter = range.waiters[place]
      if (waiter === undefined || (only !== undefined && only !== waiter)) continue
      range.waiters[place] = undefined
      if (--range.left === 0) ranges.splice(i, 1)
      return waiter
    }
    return undefined
  }

  const takeSingle = (id: JobId) => {
    if (single.size === 0) return undefined
    const there = single.get(id)
    if (there !== undefined) single.delete(id)
    return there
  }

  return {
    expect,
    expectAll: (first, waiters) => {
      if (waiters.length < smallestRange || ranges.length >= mostRanges) {
        for (let i = 0; i < waiters.length; i++) expect((first + i) as JobId, waiters[i]!)
      } else ranges.push({ first, waiters: [...waiters], left: waiters.length })
    },
    forget: (id, waiter) => {
      if (takeFromRange(id, waiter) !== undefined) return
      const there = single.get(id)
      if (there === waiter) single.delete(id)
      else if (Array.isArray(there)) {
        const at = there.indexOf(waiter)
        if (at >= 0) there.splice(at, 1)
        if (there.length === 0) single.delete(id)
      }
    },
    take: (id) => {
      const ranged = ranges.length === 0 ? undefined : takeFromRange(id, undefined)
      const others = takeSingle(id)
      if (ranged === undefined) return others
      return others === undefined ? ranged : [ranged, ...(Array.isArray(others) ? others : [others])]
    },
    isAwaited: (id) =>
      single.has(id) ||
      ranges.some(
        ({ first, waiters }) => id >= first && id < first + waiters.length && waiters[id - first] !== undefined
      ),
    awaited: () => [
      ...ranges.flatMap(({ first, waiters }) =>
        waiters.flatMap((waiter, i) => (waiter === undefined ? [] : [(first + i) as JobId]))
      ),
      ...single.keys()
    ],
    size: () => ranges.reduce((sum, { left }) => sum + left, single.size)
  }
})
