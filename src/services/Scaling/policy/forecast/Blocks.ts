import type { Archive } from "./Archive.ts"
import { chance } from "./Chance.ts"
import { Direct } from "./Direct.ts"
import { FarSteps } from "./FarSteps.ts"
import type { Outlook } from "./Lead.ts"
import { LocalCalendar } from "./LocalCalendar.ts"
import type { Series } from "./Series.ts"

/** Length of a block. */
const blockSeconds = 900
/** The farthest distances, in blocks: 15 minutes, 2, 4, 12 and 24 hours. */
const reaches = [1, 8, 16, 48, 96]

/** Steps of a block; 1: steps are as long as blocks or longer, and there are none. */
export const stepsOfBlock = (stepSeconds: number): number => Math.max(1, Math.round(blockSeconds / stepSeconds))

/**
 * What lies further ahead than single steps are foretold: the same forecasts over sums of a quarter of an hour, by
 * which a day is 96 steps. What a model errs by is seen in a sum, and drowned by chance in a single count; and a sum
 * over hours is learned as a sum. The steps of a block share it as they did on the days before.
 */
export class Blocks {
  readonly direct: Direct
  readonly far: ReadonlyArray<FarSteps>
  private readonly size: number
  /** Of the steps. */
  private readonly series: Series
  /** Of the block that has begun: what its steps count as, and how many of them were measured. */
  private sum = 0
  private measured = 0
  private seen = 0
  /** What was said of blocks since the last one ended, by distance. */
  private outlooks: Array<Outlook> = []
  private readonly shares: Float64Array

  constructor(series: Series, stepSeconds: number, offsetSeconds: ((step: number) => number) | undefined) {
    this.series = series
    this.size = stepsOfBlock(stepSeconds)
    this.shares = new Float64Array(this.size)
    const offset = offsetSeconds === undefined ? undefined : (block: number) => offsetSeconds(block * this.size)
    this.direct = new Direct(new LocalCalendar(stepSeconds * this.size, offset), reaches)
    this.far = this.direct.leads.map((lead) => new FarSteps(lead))
  }

  /** After a step was added to the series. `taken`: what it counts as. */
  update(count: number | undefined, taken: number): void {
    const { direct, far, size } = this
    const block = direct.steps
    if (count !== undefined) {
      if (this.seen === chance(block) % size)
        for (const steps of far) steps.learn(block, count, direct.series.calendar.day)
      this.measured++
    }
    this.sum += taken
    this.seen++
    if (this.seen < size) return
    direct.update(2 * this.measured >= size ? this.sum : undefined)
    this.sum = 0
    this.measured = 0
    this.seen = 0
    this.outlooks = []
    this.follow()
  }

  private follow(): void {
    const { calendar, history, last } = this.series
    for (const steps of this.far) {
      const { lead } = steps
      for (let ahead = lead.from; ahead <= lead.to; ahead++) {
        const block = this.direct.series.last + ahead
        if (lead.distanceOf(block) !== ahead) continue
        const within = chance(block) % this.size
        const step = block * this.size + within
        const yesterday = calendar.back(step, calendar.day * Math.ceil((step - last) / calendar.day))
        const lastCount = history.at(last) ** 2
        steps.remember(
          block,
          this.block(ahead),
          { share: this.sharesOf(block)[within]!, of: this.size },
          lastCount,
          history.has(yesterday) ? history.at(yesterday) ** 2 : lastCount
        )
      }
    }
  }

  private block(ahead: number): Outlook {
    const known = this.outlooks[ahead] ?? this.direct.outlook(ahead)
    this.outlooks[ahead] = known
    return known
  }

  /**
   * How the steps of a block share its count: as on the days before, and as evenly as chance lets that look (shrinkage
   * towards a smooth course; W. James, C. Stein, 1961). Only valid until the next call.
   */
  private sharesOf(block: number): Float64Array {
    const { series, shares, size } = this
    const { calendar } = series
    const meanOfDay = series.usual.ofDay
    const smooth = (step: number) => meanOfDay.at(calendar.slot(step, calendar.day), size >> 1)
    let [total, apart, noise] = [0, 0, 0]
    for (let i = 0; i < size; i++) {
      const step = block * size + i
      const slot = calendar.slot(step, calendar.day)
      const even = smooth(step)
      const own = meanOfDay.at(slot, 0)
      shares[i] = even
      if (Number.isNaN(own)) continue
      apart += (own - even) ** 2
      noise += even / meanOfDay.seasonsAt(slot)
    }
    const trusted = apart > 0 ? Math.max(0, 1 - noise / apart) : 0
    for (let i = 0; i < size; i++) {
      const own = meanOfDay.at(calendar.slot(block * size + i, calendar.day), 0)
      if (!Number.isNaN(own)) shares[i]! += trusted * (own - shares[i]!)
      total += shares[i]!
    }
    if (!(total > 0)) return shares.fill(1 / size)
    for (let i = 0; i < size; i++) shares[i]! /= total
    return shares
  }

  /** The steps from one to another, by their numbers; both beyond the last block that ended. */
  steps(from: number, to: number): ReadonlyArray<Outlook> {
    const { direct, far, size } = this
    const out: Array<Outlook> = []
    for (let block = Math.floor(from / size); block * size <= to; block++) {
      const ahead = block - direct.series.last
      const outlook = this.block(ahead)
      const within = far.find(({ lead }) => ahead <= lead.to) ?? far.at(-1)!
      const shares = this.sharesOf(block)
      for (let i = Math.max(0, from - block * size); i < size && block * size + i <= to; i++) {
        out.push(within.at(outlook, { share: shares[i]!, of: size }))
      }
    }
    return out
  }

  carry(archive: Archive): void {
    for (const part of [this.direct, ...this.far]) part.carry(archive)
    this.sum = archive.number(this.sum)
    this.measured = archive.number(this.measured)
    this.seen = archive.number(this.seen)
  }
}
