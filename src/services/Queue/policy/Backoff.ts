/**
 * How long to wait before a store that failed is asked again: doubled with each failure up to a cap, and of that a
 * random part between half and the whole. Processes that lost the same store at the same moment do not come back to it
 * at the same one.
 */
export interface Backoff {
  /** Milliseconds after the first failure, and at most. */
  readonly firstMs: number
  readonly capMs: number
}

/** `failures` in a row, at least 1; `random` uniform in [0, 1). */
export const pauseMs = ({ capMs, firstMs }: Backoff, failures: number, random: number): number =>
  Math.min(capMs, firstMs * 2 ** (failures - 1)) * (0.5 + random / 2)
