/**
 * How slots of a group are split over its workers: evenly, the rest to the sessions that came first. Every worker
 * computes the same split from the same list, so nobody has to hand shares out.
 */

export interface ShareTaker {
  readonly session: number
  /** The most it may have, as declared for the worker; `Infinity`: nothing was. */
  readonly most: number
}

/**
 * Slots by session. What a worker may not take goes to the others; less than `slots` in all where each has its most.
 */
export const slotShares = (slots: number, takers: ReadonlyArray<ShareTaker>): ReadonlyMap<number, number> => {
  const shares = new Map<number, number>()
  let slotsLeft = slots
  let takersLeft = takers.length
  // The narrowest first: what they leave is spread over those behind them.
  const order = [...takers].sort((a, b) => (a.most === b.most ? a.session - b.session : a.most - b.most))
  for (const { most, session } of order) {
    const share = Math.min(most, Math.ceil(slotsLeft / takersLeft))
    shares.set(session, share)
    slotsLeft -= share
    takersLeft--
  }
  return shares
}
