import type { Archive } from "./Archive.ts"
import { Smoothing } from "./Smoothing.ts"

/** Share of each step in the chance of a count above 0, and of each such count in its size. */
const gains = { chance: 0.03, size: 0.05 }

/**
 * Counts that are mostly 0: how often there is one, times how large it is then (R. H. Teunter, A. A. Syntetos, M. Z.
 * Babai, Intermittent demand, 2011, which repairs J. D. Croston, 1972: the chance falls while nothing comes). On
 * counts, not roots: this is an expectation.
 */
export class Intermittent {
  private readonly chance = new Smoothing(gains.chance)
  private readonly size = new Smoothing(gains.size)

  update(count: number): void {
    this.chance.update(count > 0 ? 1 : 0)
    if (count > 0) this.size.update(count)
  }

  /** Expected count of each coming step. */
  get value(): number {
    return this.chance.value * this.size.value
  }

  carry(archive: Archive): void {
    this.chance.carry(archive)
    this.size.carry(archive)
  }
}
