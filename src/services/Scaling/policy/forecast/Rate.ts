import type { Archive } from "./Archive.ts"
import { Ridge } from "./Ridge.ts"

const penalty = 1e-4

/**
 * From the expected root of a count to the expected count. The square of a mean is less than the mean of squares, by as
 * much as the root varies (retransformation bias; N. Duan, Smearing estimate, 1983). The difference is learned: the
 * expectation is taken as a mixture of the root, which it is for counts of 0 and 1, and its square, which it nears for
 * large counts. It follows what one regression says from step to step, as quantiles of a step want it; sums want what
 * adds up (`Expectation.ts`).
 */
export class Rate {
  private readonly ridge = new Ridge(2)
  private readonly row = new Float32Array(2)

  constructor() {
    this.ridge.weights[1] = 1
  }

  of(root: number): number {
    return Math.max(0, this.ridge.weights[0]! * root + this.ridge.weights[1]! * root * root)
  }

  update(root: number, count: number, memory: number): void {
    this.row[0] = root
    this.row[1] = root * root
    this.ridge.add(this.row, 0, count, 1 / (root * root + 0.1), 1 - 1 / memory)
  }

  solve(): void {
    this.ridge.solve(penalty)
  }

  carry(archive: Archive): void {
    this.ridge.carry(archive)
  }
}
