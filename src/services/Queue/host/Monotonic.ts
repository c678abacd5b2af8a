/**
 * Durations that the wall clock's jumps do not touch: the monotonic clock, or the virtual one where a test provides it.
 */
import type { Clock } from "effect"

/** Milliseconds with fraction, from an arbitrary origin. About 60 ns a call. */
export type Monotonic = () => number

export const monotonicOf =
  (clock: Clock.Clock): Monotonic =>
  () =>
    Number(clock.monotonicTimeNanosUnsafe()) / 1e6
