/**
 * Which jobs are measured to tell what all of them take: in each cell (a task in a group and state) at even distances
 * by id, so from all its time. Their number is bounded whatever the store holds.
 */
import type { JobId } from "../../Job.ts"

/** Jobs measured in all: 20 to 50 ms of a store in a file. */
const measuredMost = 2_000
/** Of one cell: the mean of 64 is within a quarter of the truth where sizes vary as much as their mean (2 σ/√n). */
const ofCellMost = 64
/** Fewer tell nothing; cells beyond what this leaves room for are not measured. */
const ofCellLeast = 8

/** How many jobs are measured of each of these cells; the cells with most jobs come first. */
export const measuredOf = (counts: ReadonlyArray<number>): ReadonlyArray<number> => {
  const each = Math.max(ofCellLeast, Math.min(ofCellMost, Math.floor(measuredMost / Math.max(1, counts.length))))
  const largest = new Set(
    counts
      .map((count, i) => [count, i] as const)
      .sort(([a], [b]) => b - a)
      .slice(0, Math.floor(measuredMost / each))
      .map(([, i]) => i)
  )
  return counts.map((count, i) => (largest.has(i) ? Math.min(count, each) : 0))
}

/**
 * Up to `most` ids of a cell, in order. `next`: its first ids after one, so many; `last`: its last id; undefined: it
 * has none.
 */
export const sampled = (
  most: number,
  count: number,
  next: (after: number, limit: number) => ReadonlyArray<JobId>,
  last: () => JobId | undefined
): ReadonlyArray<JobId> => {
  if (count <= most) return next(0, most)
  const ids: Array<JobId> = []
  const [first] = most === 0 ? [] : next(0, 1)
  const end = first === undefined ? undefined : last()
  for (let i = 0; end !== undefined && i < most; i++) {
    const at = first! + ((end - first!) * (i + 0.5)) / most
    const [id] = next(Math.max(Math.floor(at) - 1, ids.at(-1) ?? 0), 1)
    if (id === undefined) break
    ids.push(id)
  }
  return ids
}
