/** How long the lead of a role lasts. */

/** Of a role that is asked for once in each interval: the store renews it at its half, so one pass may be missed. */
export const leadMs = (intervalMs: number): number => 3 * intervalMs
