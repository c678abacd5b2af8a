import type { Archive } from "./Archive.ts"

/** Counts that a slot is taken to be as usual by. */
const prior = 5

/**
 * The mean count of each slot of a season: the same hours before, over as many seasons as are remembered, and faded
 * from then on. Of counts, not of roots: sums of it are sums to plan with from the second season on, whatever the
 * counts scatter like.
 */
export class SlotMean {
  private readonly means: Float32Array
  private readonly seen: Float32Array
  private readonly most: number

  /** `most`: seasons that are remembered. */
  constructor(slots: number, most: number) {
    this.means = new Float32Array(slots)
    this.seen = new Float32Array(slots)
    this.most = most
  }

  /** `of`: how many counts that is the mean of. */
  update(slot: number, count: number, of = 1): void {
    const seen = Math.min(this.seen[slot]! + of, this.most)
    this.seen[slot] = seen
    this.means[slot]! += Math.min(1, of / seen) * (count - this.means[slot]!)
  }

  /** Seasons that a slot's mean is of. */
  seasonsAt(slot: number): number {
    return this.seen[slot]!
  }

  /**
   * How far a slot, and its neighbours up to `reach` away, are above or below what is usual, as far as their counts can
   * tell: drawn to `otherwise` by a few of them (the mean of a gamma distribution after Poisson counts). NaN when none
   * was seen.
   */
  relativeTo(usual: number, slot: number, reach: number, otherwise: number): number {
    const { length } = this.means
    let came = 0
    let seen = 0
    for (let i = slot - reach; i <= slot + reach; i++) {
      const at = i < 0 ? i + length : i >= length ? i - length : i
      came += this.seen[at]! * this.means[at]!
      seen += this.seen[at]!
    }
    return seen > 0 ? (came + prior * otherwise) / (seen * usual + prior) : Number.NaN
  }

  /** Mean over the slot and its neighbours up to `reach` away, those never seen left out; NaN when none was. */
  at(slot: number, reach: number): number {
    const { length } = this.means
    let sum = 0
    let known = 0
    for (let i = slot - reach; i <= slot + reach; i++) {
      const at = i < 0 ? i + length : i >= length ? i - length : i
      if (this.seen[at]! > 0) {
        sum += this.means[at]!
        known++
      }
    }
    return known === 0 ? Number.NaN : sum / known
  }

  carry(archive: Archive): void {
    archive.array(this.means)
    archive.array(this.seen)
  }
}
