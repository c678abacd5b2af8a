/**
 * How many there were in the last stretch of time, in three numbers: those of this stretch, and of the one before as
 * much as still reaches into it. Off by how unevenly the stretch before was filled.
 */
export interface SlidingCount {
  /** When the stretch began, in milliseconds since 1970. */
  readonly since: number
  readonly count: number
  readonly before: number
}

export const noCount: SlidingCount = { since: 0, count: 0, before: 0 }

const turned = (sliding: SlidingCount, lengthMs: number, now: number): SlidingCount => {
  const passed = now - sliding.since
  if (passed < lengthMs) return sliding
  return passed < 2 * lengthMs
    ? { since: sliding.since + lengthMs, count: 0, before: sliding.count }
    : { since: now, count: 0, before: 0 }
}

export const counted = (sliding: SlidingCount, lengthMs: number, now: number, more = 1): SlidingCount => {
  const { before, count, since } = turned(sliding, lengthMs, now)
  return { since, count: count + more, before }
}

/** In the last `lengthMs`, with fractions. */
export const countAt = (sliding: SlidingCount, lengthMs: number, now: number): number => {
  const { before, count, since } = turned(sliding, lengthMs, now)
  return count + before * (1 - Math.max(0, now - since) / lengthMs)
}
