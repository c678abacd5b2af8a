/**
 * A histogram on a logarithmic scale in which what came counts a little less with everything that comes later. Cells
 * are 10 % wide, so what it answers is right to 5 %.
 */

const cellsPerDecade = 24
const decades = 12
const cells = cellsPerDecade * decades
const largestUnit = 1e9
const negligible = 1e-9

export interface LogHistogramState {
  readonly unit: number
  /** Cell and weight, of cells that are not empty. */
  readonly cells: ReadonlyArray<readonly [number, number]>
}

export class LogHistogram {
  private readonly weights = new Float64Array(cells)
  /** Lower edge of the first cell: whatever is smaller counts as this. */
  private readonly least: number
  /** Weights are kept larger by this factor instead of making all others smaller with each one that comes. */
  private unit = 1

  constructor(least: number, state: LogHistogramState = { unit: 1, cells: [] }) {
    this.least = least
    this.unit = state.unit
    for (const [cell, weight] of state.cells) {
      if (!(cell >= 0 && cell < cells && weight > 0 && Number.isFinite(weight))) continue
      this.weights[cell] = weight
    }
  }

  save(): LogHistogramState {
    return { unit: this.unit, cells: [...this.weights.entries()].filter(([, weight]) => weight > 0) }
  }

  /** What came before counts `memory` times as much as it did. */
  add(value: number, weight: number, memory: number): void {
    this.unit /= memory
    this.weights[this.cellOf(value)]! += weight * this.unit
    if (this.unit > largestUnit) this.rescale()
  }

  private rescale(): void {
    for (let cell = 0; cell < cells; cell++) {
      const weight = this.weights[cell]! / this.unit
      this.weights[cell] = weight < negligible ? 0 : weight
    }
    this.unit = 1
  }

  private sum(): number {
    let sum = 0
    for (let cell = 0; cell < cells; cell++) sum += this.weights[cell]!
    return sum
  }

  private positionOf(value: number): number {
    return value > this.least ? Math.log10(value / this.least) * cellsPerDecade : 0
  }

  private cellOf(value: number): number {
    return Math.min(cells - 1, Math.floor(this.positionOf(value)))
  }

  private middleOf(cell: number): number {
    return this.least * 10 ** ((cell + 0.5) / cellsPerDecade)
  }

  /** Mean, with the largest part of `cut` counted as the smallest of them. Undefined while empty. */
  mean(cut: number): number | undefined {
    const all = this.sum()
    if (!(all > 0)) return undefined
    const top = this.cellAt(1 - cut)
    let sum = 0
    for (let cell = 0; cell < cells; cell++) sum += this.weights[cell]! * this.middleOf(Math.min(cell, top))
    return sum / all
  }

  /** Undefined while empty. */
  quantile(level: number): number | undefined {
    return this.sum() > 0 ? this.middleOf(this.cellAt(level)) : undefined
  }

  private cellAt(level: number): number {
    let above = this.sum() * (1 - level)
    for (let cell = cells - 1; cell > 0; cell--) {
      above -= this.weights[cell]!
      if (above < 0) return cell
    }
    return 0
  }

  /** Weight of what was larger; within a cell, in proportion. */
  largerThan(value: number): number {
    const position = Math.min(cells - 1, this.positionOf(value))
    const cell = Math.floor(position)
    let larger = this.weights[cell]! * (1 - Math.min(1, position - cell))
    for (let each = cell + 1; each < cells; each++) larger += this.weights[each]!
    return larger / this.unit
  }
}
