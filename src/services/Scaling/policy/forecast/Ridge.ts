import type { Archive } from "./Archive.ts"

/**
 * Linear regression that learns from one observation at a time and forgets old ones: weighted normal equations whose
 * sums decay, solved with a penalty on each weight (A. E. Hoerl, R. W. Kennard, Ridge regression, 1970; exponential
 * forgetting as in L. Ljung, System Identification, 2nd ed., chapter 11). The sums are kept, not their inverse: the
 * penalty then does not fade as it does in recursive least squares, and directions that stop being excited do not blow
 * up.
 *
 * The penalty of a weight is a share of the energy of its own feature, so that the result does not depend on units.
 */
export class Ridge {
  readonly dimension: number
  readonly weights: Float64Array
  /** Lower triangle of the sum of products of features, row by row. */
  private readonly gram: Float32Array
  private readonly moment: Float32Array
  private readonly factor: Float64Array

  constructor(dimension: number) {
    this.dimension = dimension
    this.weights = new Float64Array(dimension)
    this.gram = new Float32Array((dimension * (dimension + 1)) / 2)
    this.moment = new Float32Array(dimension)
    this.factor = new Float64Array((dimension * (dimension + 1)) / 2)
  }

  /** Multiplies what was learned so far by `keep`, then adds an observation of the given weight. */
  add(features: Float32Array, offset: number, target: number, weight: number, keep: number): void {
    const { dimension, gram, moment } = this
    let k = 0
    for (let i = 0; i < dimension; i++) {
      const scaled = weight * features[offset + i]!
      for (let j = 0; j <= i; j++, k++) gram[k] = gram[k]! * keep + scaled * features[offset + j]!
      moment[i] = moment[i]! * keep + scaled * target
    }
  }

  /** Sets the weights from the sums, by Cholesky's factorisation. `penalty`: share of each feature's own energy. */
  solve(penalty: number): void {
    const { dimension, factor, gram, moment, weights } = this
    let largest = 0
    for (let i = 0; i < dimension; i++) largest = Math.max(largest, gram[(i * (i + 1)) / 2 + i]!)
    if (!(largest > 0)) return
    const least = largest * 1e-6
    for (let i = 0; i < dimension; i++) {
      const row = (i * (i + 1)) / 2
      for (let j = 0; j <= i; j++) {
        const column = (j * (j + 1)) / 2
        let sum = gram[row + j]!
        if (i === j) sum += sum * penalty + least
        for (let k = 0; k < j; k++) sum -= factor[row + k]! * factor[column + k]!
        factor[row + j] = i === j ? Math.sqrt(Math.max(sum, least)) : sum / factor[column + j]!
      }
    }
    for (let i = 0; i < dimension; i++) {
      const row = (i * (i + 1)) / 2
      let sum = moment[i]!
      for (let k = 0; k < i; k++) sum -= factor[row + k]! * weights[k]!
      weights[i] = sum / factor[row + i]!
    }
    for (let i = dimension - 1; i >= 0; i--) {
      let sum = weights[i]!
      for (let k = i + 1; k < dimension; k++) sum -= factor[(k * (k + 1)) / 2 + i]! * weights[k]!
      weights[i] = sum / factor[(i * (i + 1)) / 2 + i]!
    }
  }

  predict(features: Float32Array, offset: number): number {
    let sum = 0
    for (let i = 0; i < this.dimension; i++) sum += this.weights[i]! * features[offset + i]!
    return sum
  }

  /** Lets what was learned so far count for the share `keep`. */
  fade(keep: number): void {
    for (let i = 0; i < this.gram.length; i++) this.gram[i]! *= keep
    for (let i = 0; i < this.moment.length; i++) this.moment[i]! *= keep
  }

  /** Forgets one feature: it now means something else. */
  forget(feature: number): void {
    for (let i = 0; i < this.dimension; i++) {
      const [row, column] = i < feature ? [feature, i] : [i, feature]
      this.gram[(row * (row + 1)) / 2 + column] = 0
    }
    this.moment[feature] = 0
    this.weights[feature] = 0
  }

  carry(archive: Archive): void {
    archive.array(this.gram)
    archive.array(this.moment)
    archive.array(this.weights)
  }
}
