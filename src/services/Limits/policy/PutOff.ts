/**
 * How long the other side may put a job off without an attempt being spent, in milliseconds from its first refusal:
 * seven days. Every quota of a day, and a weekend, lies within. A credential that will never be served again becomes a
 * dead letter that somebody sees, instead of a job that waits for ever.
 */
export const longestPutOffMs = 7 * 86_400_000

export const isPutOffTooLong = (firstRefusedAt: number, now: number): boolean => now - firstRefusedAt > longestPutOffMs
