/** How jobs that are enqueued together are spread over an interval: evenly, in their order. */

/** By how much the job at `index` (from 0) of `count` is put off, in whole milliseconds; never before its time. */
export const spreadOffset = (index: number, count: number, intervalMs: number): number =>
  Math.ceil((index * intervalMs) / count)
