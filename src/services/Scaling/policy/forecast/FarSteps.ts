import type { Archive } from "./Archive.ts"
import { Blend } from "./Blend.ts"
import { countingMiss } from "./CountingNoise.ts"
import { Intervals } from "./Intervals.ts"
import type { Lead, Outlook } from "./Lead.ts"
import { Tally } from "./Tally.ts"

/** A step far ahead, as its block tells of it. */
export interface FarStep {
  /** The part of the block's count that the step has. */
  readonly share: number
  /** Steps of the block. */
  readonly of: number
}

/** Days over which errors fade, as those of a lead; and the fewest steps. */
const memory = { days: 14, blendDays: 7, qualityDays: 3, least: 200 }
/** What is weighed for the central forecast. */
const candidates = 3

const fields = {
  block: 0,
  ofExpectation: 1,
  median: 2,
  mean: 3,
  expected: 4,
  spread: 5,
  low: 6,
  high: 7,
  continuousNinety: 8,
  discreteNinety: 9,
  last: 10,
  yesterday: 11,
  waits: 12
} as const
const width = Object.keys(fields).length

/**
 * Single steps within the blocks of one lead: what a block's count says of one of its steps, and how right that was. A
 * block is foretold by regressions; a step has a share of it, which counts scatter around far more than blocks do:
 * intervals of steps rest on errors of steps. One step of each block is followed, which chance chooses.
 */
export class FarSteps {
  readonly lead: Lead
  readonly tally = new Tally()
  private readonly intervals = new Intervals()
  private readonly blend = new Blend(candidates)
  private readonly weighed = new Float64Array(candidates)
  private readonly told: Float64Array

  constructor(lead: Lead) {
    this.lead = lead
    this.told = new Float64Array(lead.to * width)
  }

  private look(block: Outlook, { of, share }: FarStep) {
    const { intervals, weighed } = this
    const mean = block.mean * share
    const expected = block.expected * share
    // The block's own error, shared out over its steps, and what one of their counts scatters by itself.
    const noise = countingMiss * Math.min(1, 2 * Math.sqrt(mean))
    const spread = Math.max(1e-3, Math.sqrt(noise * noise + block.spread * block.spread * Math.min(share, 4 / of)))
    const quantiles = intervals.quantiles(mean, expected, spread)
    weighed[0] = mean
    weighed[1] = expected
    weighed[2] = quantiles.p50
    return { base: mean, mean: this.blend.mix(weighed, 0), expected, spread, quantiles }
  }

  at(block: Outlook, step: FarStep): Outlook {
    const { expected, mean, quantiles, spread } = this.look(block, step)
    return { mean, expected, spread, ...quantiles }
  }

  /** Keeps what is told of a step until its count comes. `row`: the number of its block. */
  remember(row: number, block: Outlook, step: FarStep, last: number, yesterday: number): void {
    const { base, expected, mean, quantiles, spread } = this.look(block, step)
    const at = (row % this.lead.to) * width
    const { intervals, told } = this
    told[at + fields.block] = base
    told[at + fields.ofExpectation] = expected
    told[at + fields.median] = quantiles.p50
    told[at + fields.mean] = mean
    told[at + fields.expected] = expected
    told[at + fields.spread] = spread
    told[at + fields.low] = quantiles.p05
    told[at + fields.high] = quantiles.p95
    told[at + fields.continuousNinety] = intervals.continuous(base, spread).p90
    told[at + fields.discreteNinety] = expected < 16 ? intervals.discrete(expected).p90 : 0
    told[at + fields.last] = last
    told[at + fields.yesterday] = yesterday
    told[at + fields.waits] = 1
  }

  /** Learns from the count of the step that was followed in a block. `day`: blocks of a day. */
  learn(row: number, count: number, day: number): void {
    const at = (row % this.lead.to) * width
    if (this.told[at + fields.waits] !== 1) return
    this.told[at + fields.waits] = 0
    const told = (field: keyof typeof fields) => this.told[at + fields[field]]!
    const over = (days: number) => Math.max(memory.least, days * day)
    this.blend.update(this.told, at, count, over(memory.blendDays))
    const said = {
      expected: told("expected"),
      spread: told("spread"),
      low: told("low"),
      high: told("high"),
      continuousNinety: told("continuousNinety"),
      discreteNinety: told("discreteNinety")
    }
    this.intervals.update(count, { ...said, mean: told("block") }, over(memory.days))
    const naive = { last: told("last"), yesterday: told("yesterday") }
    this.tally.update(count, { ...said, mean: told("mean"), ...naive }, 1 - 1 / over(memory.qualityDays))
  }

  carry(archive: Archive): void {
    for (const part of [this.tally, this.intervals, this.blend]) part.carry(archive)
    archive.array(this.told)
  }
}
