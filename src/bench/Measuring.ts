/**
 * Clocks, samples and their summaries. The benchmark measures real time, so nothing here goes through Effect's `Clock`.
 */
import * as Effect from "effect/Effect"
import { Unverified } from "./Variant.ts"

/** Milliseconds of this process's monotonic clock. */
export const now = (): number => performance.now()

/** Milliseconds of a monotonic clock that all processes of the machine share. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6

/**
 * Starts measuring; the answer says how fast `jobs` jobs went since, or since `startedAt`, and the CPU time of each in
 * µs.
 */
export const stopwatch = (jobs: number) => {
  const start = now()
  const cpuBefore = process.cpuUsage()
  return (startedAt = start) => {
    const millis = now() - startedAt
    const { system, user } = process.cpuUsage(cpuBefore)
    return { perSec: (jobs / millis) * 1000, cpu: (user + system) / jobs }
  }
}

const sortedCopy = (values: ReadonlyArray<number>): Float64Array => Float64Array.from(values).sort()

/** The value at rank `share` of a sorted sample, between neighbours by their distance. */
const quantile = (sorted: Float64Array, share: number): number => {
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)]!
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at))
}

export const percentiles = (samples: ReadonlyArray<number>) => {
  const sorted = sortedCopy(samples)
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99) }
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  /** First and third quartile. */
  readonly q1: number
  readonly q3: number
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = sortedCopy(values)
  return {
    median: quantile(sorted, 0.5),
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75)
  }
}

export const median = (values: ReadonlyArray<number>): number => quantile(sortedCopy(values), 0.5)

/** Collects garbage now, so that what was made before does not burden what is measured. Needs `--expose-gc`. */
export const collectGarbage = Effect.sync(() => {
  globalThis.gc?.()
  globalThis.gc?.()
})

export const verify = (what: string, found: number, expected: number): Effect.Effect<void, Unverified> =>
  found === expected
    ? Effect.void
    : Effect.fail(new Unverified({ message: `${what}: ${found} instead of ${expected}` }))

/** A timer is set for no longer: the clock may run faster than it. */
const longestMs = 1000

/**
 * An open loop: `send` is called for every job at its intended time, or as soon after it as the event loop allows,
 * whether or not earlier ones were answered. `dueAfter` says how many milliseconds after the start a job is intended,
 * later ones never earlier. `intended` is in milliseconds of `clock`: latencies measured from it include what the
 * sender was late.
 */
export const openLoopBy = (options: {
  readonly dueAfter: (index: number) => number
  readonly jobs: number
  readonly clock: () => number
  readonly send: (index: number, intended: number) => void
}): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const { clock, dueAfter, jobs, send } = options
    const start = clock() + 1
    let sent = 0
    let due = dueAfter(0)
    let timer: NodeJS.Timeout
    const next = () => {
      const elapsed = clock() - start
      while (sent < jobs && due <= elapsed) {
        send(sent++, start + due)
        due = dueAfter(sent)
      }
      if (sent >= jobs) return resume(Effect.void)
      // A slow load sleeps until its next job: a look each millisecond is a twentieth of a core.
      timer = setTimeout(next, Math.min(longestMs, Math.max(1, due - elapsed)))
    }
    next()
    return Effect.sync(() => clearTimeout(timer))
  })

/** An open loop at a steady rate. */
export const openLoop = ({
  perSecond,
  ...options
}: Omit<Parameters<typeof openLoopBy>[0], "dueAfter"> & { readonly perSecond: number }): Effect.Effect<void> => {
  const gap = 1000 / perSecond
  return openLoopBy({ ...options, dueAfter: (index) => index * gap })
}

/** A closed loop: `fibers` callers, each of which sends its next job when its last one was answered. */
export const closedLoop = <E, R>(
  fibers: number,
  jobs: number,
  send: (index: number) => Effect.Effect<unknown, E, R>
): Effect.Effect<void, E, R> => {
  let next = 0
  const caller = Effect.whileLoop({
    while: () => next < jobs,
    body: () => send(next++),
    step: () => undefined
  })
  return Effect.forEach(Array.from({ length: fibers }), () => caller, { concurrency: "unbounded", discard: true })
}
