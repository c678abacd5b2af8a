/**
 * How much slower evidence gathers than the number of steps says, because what is off now is still off in the next
 * step: a busy hour, a slow disk. The variance of the sums of an hour is laid against that of single steps (batch
 * means; A. M. Law, Simulation Modeling and Analysis): 1 when steps are independent, 12 when an hour is off as one.
 * Evidence is divided by it.
 */

const block = 12
const keep = 0.5 ** (1 / (7 * 24))
/** Blocks the first guess counts for, and that guess. */
const before = 12
const guess = 3

export interface PersistenceState {
  readonly sums: readonly [sum: number, squares: number, count: number]
  readonly blocks: number
  readonly steps: number
}

export class Persistence {
  private sum: number
  private squares: number
  private count: number
  /** Weighted means of a block's squared sum and of its steps' squares, times their weight. */
  private blocks: number
  private steps: number

  constructor(state?: PersistenceState) {
    this.sum = state?.sums[0] ?? 0
    this.squares = state?.sums[1] ?? 0
    this.count = state?.sums[2] ?? 0
    this.blocks = state?.blocks ?? before * guess * block
    this.steps = state?.steps ?? before * block
  }

  save(): PersistenceState {
    return { sums: [this.sum, this.squares, this.count], blocks: this.blocks, steps: this.steps }
  }

  /** A step's deviation from what was expected, in standard deviations. */
  learn(standardized: number): void {
    this.sum += standardized
    this.squares += standardized ** 2
    if (++this.count < block) return
    this.blocks = this.blocks * keep + this.sum ** 2
    this.steps = this.steps * keep + this.squares
    this.broken()
  }

  /** The next step does not follow on the last one that was learned. */
  broken(): void {
    this.sum = 0
    this.squares = 0
    this.count = 0
  }

  /** 1 to 12. */
  factor(): number {
    return Math.max(1, Math.min(block, this.blocks / this.steps))
  }
}
