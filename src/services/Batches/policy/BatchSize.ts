/**
 * The batch size that costs least per item, learned from calls. A call for n items is taken to cost `fixed + item n +
 * growth n²` milliseconds: per item a falling and a rising part, with a lowest point at sqrt(fixed / growth) between
 * them. The three are fitted by recursive least squares in its information form (L. Ljung, System Identification, 2nd
 * ed., chapter 11) to the cost per item, relative to what was measured, so that noise counts alike at all sizes; none
 * is negative. Calls are forgotten, so that the fit is one of the last few dozen: made near the sizes in use, it
 * follows curves of other shapes too.
 *
 * Exploring: sizes grow at most twofold from one call to the next, starting at 4, and one call in four is a fifth
 * larger or smaller than the best known. A cost far from the fit several times in a row is a change: what was before is
 * forgotten at once.
 */

export interface BatchSizeOptions {
  /** No larger than this. */
  readonly max: number
  /** A call should take no longer than this, in milliseconds. Undefined: only cost counts. */
  readonly latencyMs: number | undefined
}

/** A measured call. */
export interface Call {
  readonly size: number
  readonly ms: number
}

/** What is known after some calls. Plain data. */
export interface BatchSizeState {
  readonly calls: number
  /**
   * Sums over the calls, each less with every later one: of products of the three features, upper triangle, then of the
   * features.
   */
  readonly sums: ReadonlyArray<number>
  /** The last calls, as many as make a change. */
  readonly last: ReadonlyArray<Call>
  /** Calls in a row whose cost was far from the fit. */
  readonly surprises: number
  /** Where the sizes are: follows the lowest point of the fit by a part of the way each call. */
  readonly centre: number
}

/** Milliseconds; none negative. */
export interface CostModel {
  /** Per call. */
  readonly fixedMs: number
  /** Per item. */
  readonly itemMs: number
  /** Per item squared. */
  readonly growthMs: number
}

/** Sizes are fitted in units of this, which keeps the three features of like magnitude. */
const unit = 32
/** What a call still counts after one more: the last 14 make up two thirds of the fit. */
const forgetting = 0.93
const firstSize = 4
/** Sizes double until there are so many calls to fit. */
const learning = 4
/**
 * The part of the way, in logarithms, to the lowest point of the fit; and the farthest that point may be, as a factor.
 */
const approach = 0.6
const mostStep = 2
const probeEvery = 4
const probeFactor = 1.2
/** Relative error that counts as far off, and how many in a row make a change. */
const farOff = 0.25
const surprisesOfChange = 3
/** Keeps the fit solvable while sizes are few; relative to the sums. */
const ridge = 1e-7

const nothing: ReadonlyArray<number> = [0, 0, 0, 0, 0, 0, 0, 0, 0]

export const initial: BatchSizeState = { calls: 0, sums: nothing, last: [], surprises: 0, centre: firstSize }

const featuresOf = (size: number): readonly [number, number, number] => [unit / size, 1, size / unit]

const added = (sums: ReadonlyArray<number>, { ms, size }: Call): ReadonlyArray<number> => {
  const measured = Math.max(ms, 1e-6) / size
  const [a, b, c] = featuresOf(size).map((feature) => feature / measured) as [number, number, number]
  const now = [a * a, a * b, a * c, b * b, b * c, c * c, a, b, c]
  return sums.map((sum, i) => sum * forgetting + now[i]!)
}

/** Weights of the features `used`, in their places. Cramer's rule on at most three equations. */
const solve = (sums: ReadonlyArray<number>, used: ReadonlyArray<number>): ReadonlyArray<number> => {
  const at = (i: number, j: number) => {
    const [low, high] = i < j ? [i, j] : [j, i]
    return sums[low === 0 ? high : low === 1 ? 2 + high : 5]! * (i === j ? 1 + ridge : 1)
  }
  const rows = used.map((i) => [...used.map((j) => at(i, j)), sums[6 + i]!])
  for (let pivot = 0; pivot < rows.length; pivot++) {
    for (let row = 0; row < rows.length; row++) {
      if (row === pivot) continue
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!
      rows[row] = rows[row]!.map((value, column) => value - factor * rows[pivot]![column]!)
    }
  }
  const weights = [0, 0, 0]
  used.forEach((feature, row) => {
    weights[feature] = rows[row]!.at(-1)! / rows[row]![row]!
  })
  return weights
}

/** The parts a fit may have, the fullest first: the first without a negative weight is taken. */
const shapes: ReadonlyArray<ReadonlyArray<number>> = [[0, 1, 2], [0, 2], [0, 1], [1, 2], [0], [1], [2]]

/** How far a fit is from the calls, up to a constant. */
const misfit = (sums: ReadonlyArray<number>, [a, b, c]: ReadonlyArray<number>): number =>
  a! * a! * sums[0]! +
  2 * a! * b! * sums[1]! +
  2 * a! * c! * sums[2]! +
  b! * b! * sums[3]! +
  2 * b! * c! * sums[4]! +
  c! * c! * sums[5]! -
  2 * (a! * sums[6]! + b! * sums[7]! + c! * sums[8]!)

/** The fitted curve. */
export const model = ({ sums }: Pick<BatchSizeState, "sums">): CostModel => {
  let best: ReadonlyArray<number> = [0, 0, 0]
  let least = Number.POSITIVE_INFINITY
  for (const shape of shapes) {
    const weights = solve(sums, shape)
    if (!weights.every((weight) => weight >= 0)) continue
    const off = misfit(sums, weights)
    if (off < least) {
      best = weights
      least = off
    }
    if (shape.length === 3) break
  }
  return { fixedMs: best[0]! * unit, itemMs: best[1]!, growthMs: best[2]! / unit }
}

/** What a call for `size` items costs by the fit, in milliseconds. */
export const costOf = ({ fixedMs, growthMs, itemMs }: CostModel, size: number): number =>
  fixedMs + itemMs * size + growthMs * size * size

/** A call was measured. Cost: constant, a few microseconds. */
export const observe = (state: BatchSizeState, call: Call): BatchSizeState => {
  const expected = costOf(model(state), call.size)
  const isFarOff =
    state.calls >= 2 * surprisesOfChange && Math.abs(call.ms - expected) > farOff * Math.max(expected, call.ms)
  const surprises = isFarOff ? state.surprises + 1 : 0
  const last = [...state.last, call].slice(-surprisesOfChange)
  const isChange = surprises >= surprisesOfChange
  const calls = isChange ? learning : state.calls + 1
  const sums = isChange ? last.reduce(added, nothing) : added(state.sums, call)
  const goal = calls < learning ? 2 * call.size : lowest(model({ sums }))
  const step = Math.max(1 / mostStep, Math.min(mostStep, goal / state.centre))
  const centre = calls < learning ? Math.max(state.centre, goal) : state.centre * step ** approach
  // What was called says where the sizes really are: a largest size, a time limit or too few jobs may keep them small.
  const within = Math.min(centre, 2 * Math.max(...last.map(({ size }) => size)))
  return { calls, sums, last, surprises: isChange ? 0 : surprises, centre: within }
}

const inRange = (size: number, { max }: BatchSizeOptions): number => Math.max(1, Math.min(max, Math.round(size)))

/** The largest size whose call stays within the time. */
const withinLatency = ({ fixedMs, growthMs, itemMs }: CostModel, latencyMs: number | undefined): number => {
  if (latencyMs === undefined) return Number.POSITIVE_INFINITY
  const left = latencyMs - fixedMs
  if (left <= 0) return 1
  if (growthMs === 0) return itemMs === 0 ? Number.POSITIVE_INFINITY : left / itemMs
  return (-itemMs + Math.sqrt(itemMs * itemMs + 4 * growthMs * left)) / (2 * growthMs)
}

/** Where the cost per item is least. */
const lowest = ({ fixedMs, growthMs }: CostModel): number =>
  fixedMs === 0 ? 1 : growthMs === 0 ? Number.MAX_SAFE_INTEGER : Math.sqrt(fixedMs / growthMs)

/** The size that costs least per item and stays within the time, as far as is known. */
export const best = (state: BatchSizeState, options: BatchSizeOptions): number =>
  inRange(Math.min(state.centre, Math.floor(withinLatency(model(state), options.latencyMs))), options)

/** The size to call with next: the best one, with a try beside it now and then. */
export const next = (state: BatchSizeState, options: BatchSizeOptions): number => {
  const size = best(state, options)
  if (state.calls < learning || state.calls % probeEvery !== 0) return size
  const isLarger = (state.calls / probeEvery) % 2 === 1 && size < options.max
  // At least one beside it: a fifth of a small size rounds to nothing.
  return inRange(isLarger ? Math.max(size * probeFactor, size + 1) : Math.min(size / probeFactor, size - 1), options)
}
