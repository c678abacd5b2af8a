/** How many worker processes a host should run so that its groups have the slots they are to have. */

export interface ProcessBounds {
  /** At least 1: the workers of a store make its decisions, so one of them stays. */
  readonly min: number
  readonly max: number
}

/**
 * Slots of a group in one process: as declared for it, else an even share of the group's limit over the most processes
 * there may be, so that the limit is reached with all of them. `undefined`: no limit either; then any number of
 * processes will do.
 */
export const slotsPerProcess = (
  declared: number | undefined,
  limit: number,
  unlimited: number,
  max: number
): number | undefined => {
  if (declared !== undefined) return declared > 0 ? declared : undefined
  return limit >= unlimited || limit < 1 ? undefined : Math.ceil(limit / max)
}

/**
 * Processes for these slots: as many as the group that needs most of them, within the bounds. `others`: whether groups
 * that are not scaled have work; then there are not fewer than now.
 */
export const processCount = (
  needs: ReadonlyArray<{ readonly slots: number; readonly perProcess: number | undefined }>,
  bounds: ProcessBounds,
  now: { readonly processes: number; readonly others: boolean }
): number => {
  const needed = needs.map(({ perProcess, slots }) => (perProcess === undefined ? 1 : Math.ceil(slots / perProcess)))
  const wanted = Math.max(0, ...needed, now.others ? now.processes : 0)
  return Math.min(bounds.max, Math.max(bounds.min, wanted))
}

/**
 * Of the memory that is free, this part may be given to new processes: the rest absorbs what running ones still take.
 */
const memoryShare = 0.8

/** How many more processes fit into memory, at least 0. Bytes. */
export const roomInMemory = (availableBytes: number, processBytes: number): number =>
  Math.max(0, Math.floor((availableBytes * memoryShare) / processBytes))
