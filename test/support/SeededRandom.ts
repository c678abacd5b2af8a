/** Random numbers that can be had again from their seed: mulberry32 (T. Ettinger, public domain). */
export class SeededRandom {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<A>(values: ReadonlyArray<A>): A {
    return values[this.below(values.length)]!
  }
}

/** The seeds a randomised test runs with: those given, or the one in `SLUICE_SEED`, to repeat a failure. */
export const seeds = (count: number): ReadonlyArray<number> => {
  const asked = process.env.SLUICE_SEED
  return asked === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(asked)]
}
