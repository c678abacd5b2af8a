/**
 * How slots are split evenly, the rest to who comes first: those of a group over its workers, and those of a worker
 * over its groups while it has fewer than they could fill. Who computes the same split from the same list needs nobody
 * to hand shares out.
 */

export interface ShareTaker {
  /** Who it is, and who comes first: a session, or a place in line. No two are alike. */
  readonly key: number
  /** The most it may have; `Infinity`: any number. */
  readonly most: number
}

/**
 * Slots by key. What a taker may not take goes to the others; less than `slots` in all where each has its most. Each
 * has at least one of as many slots as there are takers.
 */
export const slotShares = (slots: number, takers: ReadonlyArray<ShareTaker>): ReadonlyMap<number, number> => {
  const shares = new Map<number, number>()
  let slotsLeft = slots
  let takersLeft = takers.length
  // The narrowest first: what they leave is spread over those behind them.
  const order = [...takers].sort((a, b) => (a.most === b.most ? a.key - b.key : a.most - b.most))
  for (const { key, most } of order) {
    const share = Math.min(most, Math.ceil(slotsLeft / takersLeft))
    shares.set(key, share)
    slotsLeft -= share
    takersLeft--
  }
  return shares
}
