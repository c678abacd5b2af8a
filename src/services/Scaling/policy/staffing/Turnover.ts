/**
 * How often slots are moved. Changes are counted in a bucket that leaks as many an hour as are allowed (the
 * continuous-state leaky bucket of ITU-T Recommendation I.371). The fuller it is, the more a change has to be worth:
 * small ones, which are mostly counting noise, are left out first, and from a full bucket nothing is taken away at all.
 * More changes than are allowed come only from a load that goes on climbing.
 */

const hourMs = 3_600_000

/** Changes that still count after a time. */
export const leaked = (changes: number, ms: number, changesPerHour: number): number =>
  Math.max(0, changes - (Math.max(0, ms) * changesPerHour) / hourMs)

/**
 * Slots to have instead of `slots` when `needed` are: at least those. Noise goes with the square root of what is
 * counted, and so does what is let be.
 */
export const settled = (needed: number, slots: number, changes: number, changesPerHour: number): number => {
  const room = changesPerHour - changes
  return needed >= slots || (room >= 1 && slots - needed >= (Math.sqrt(slots) * changes) / room) ? needed : slots
}
