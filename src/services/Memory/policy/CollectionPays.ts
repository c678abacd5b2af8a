/**
 * Whether a full garbage collection is worth its pause now. V8 collects by itself while a program allocates; what it
 * cannot know is that nobody waits just now, or that jobs are being refused because of garbage.
 *
 * A full collection stops the program for about 0.7 ms per MiB that lives (184 ms at 251 MiB, Node 24.21), so it is
 * limited to a tenth of the time, a fifth while jobs are refused, and while the program is busy to pauses that callers
 * hardly notice.
 */

export interface CollectionInput {
  /** Of the old generation, now. */
  readonly usedBytes: number
  /** Of the old generation, right after the last full collection that was seen; 0 when there was none. */
  readonly livedBytes: number
  /** Buffers and other memory outside the heap that objects in it hold. */
  readonly externalBytes: number
  /** `externalBytes` after that collection. */
  readonly livedExternalBytes: number
  /** Share of the time the event loop worked since the last look, 0 to 1. */
  readonly utilization: number
  /** Whether jobs are refused, or would be at this reading. */
  readonly isShort: boolean
  readonly sinceLastMs: number
  /** Pause of the last one; 0 when there was none. */
  readonly lastPauseMs: number
  /** Collections in a row, up to the last one, that freed less than `leastGainBytes`: what grew was no garbage. */
  readonly fruitless: number
}

export type CollectionVerdict =
  | "pays"
  /** Too little can be garbage. */
  | "little-garbage"
  /** Jobs run; V8 collects on its own as they allocate. */
  | "busy"
  /** Its share of the time has gone into the last one already. */
  | "too-soon"

/** Least that must be possible to gain, in bytes, and as a share of what is used. */
export const leastGainBytes = 16 * 1024 * 1024
export const leastGainShare = 0.2
/** Below this share of work the event loop is idle. */
export const idleBelow = 0.2
/** A pause that is short enough beside running jobs, in milliseconds. */
export const shortPauseMs = 250
/**
 * Time between two collections, as a multiple of the pause, and at least; half of that while jobs are refused, else
 * twice as long after each that was fruitless, up to `restDoublingsMost` times.
 */
export const restFactor = 10
export const restLeastMs = 1000
export const restDoublingsMost = 8

const pauseMsPerByte = 0.7 / (1024 * 1024)

/** What a collection of so many bytes would stop the program for. */
export const expectedPauseMs = (usedBytes: number): number => usedBytes * pauseMsPerByte

export const collectionVerdict = (input: CollectionInput): CollectionVerdict => {
  const patience = input.isShort ? 0.5 : 2 ** Math.min(restDoublingsMost, input.fruitless)
  const restMs = patience * Math.max(restLeastMs, restFactor * input.lastPauseMs)
  if (input.sinceLastMs < restMs) return "too-soon"
  const gain =
    Math.max(0, input.usedBytes - input.livedBytes) + Math.max(0, input.externalBytes - input.livedExternalBytes)
  // When jobs are refused, what lived then may be garbage now.
  if (!input.isShort && (gain < leastGainBytes || gain < leastGainShare * (input.usedBytes + input.externalBytes)))
    return "little-garbage"
  if (input.utilization < idleBelow) return "pays"
  return input.isShort && expectedPauseMs(input.usedBytes) <= shortPauseMs ? "pays" : "busy"
}
