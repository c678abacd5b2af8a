import type { Archive } from "./Archive.ts"

/**
 * The last counts of a series, on the scale the models work on: the square root, which makes the spread of a count the
 * same at every level (M. S. Bartlett, The square root transformation in analysis of variance, 1936). Steps are
 * numbered from 0, the first one seen.
 */
export class History {
  /** Square roots of counts, by step modulo the size. A step that was not measured holds what was expected of it. */
  private readonly roots: Float32Array
  /** Steps seen. */
  private seen = 0

  /** Keeps the last `size` steps. */
  constructor(size: number) {
    this.roots = new Float32Array(size)
  }

  get length(): number {
    return this.seen
  }

  push(root: number): void {
    this.roots[this.seen % this.roots.length] = root
    this.seen++
  }

  /** Whether a step was seen and is still kept. */
  has(step: number): boolean {
    return step >= 0 && step < this.seen && step >= this.seen - this.roots.length
  }

  /** The root at a step that `has` says is there. */
  at(step: number): number {
    return this.roots[step % this.roots.length]!
  }

  /** Mean of the `width` steps that end with `last`, as far as they are there; 0 when none is. */
  mean(last: number, width: number): number {
    const first = Math.max(last - width + 1, 0, this.seen - this.roots.length)
    const end = Math.min(last, this.seen - 1)
    let sum = 0
    for (let step = first; step <= end; step++) sum += this.at(step)
    return end < first ? 0 : sum / (end - first + 1)
  }

  carry(archive: Archive): void {
    archive.array(this.roots)
    this.seen = archive.number(this.seen)
  }
}
