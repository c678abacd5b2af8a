/**
 * Which task leaks: the heap that is left after full collections is laid against how many attempts of each task had
 * ended by then, by least squares. A slope is bytes that an attempt leaves behind for good. A hint is given only when
 * the slope is larger than a floor, its interval lies clear of 0, and the heap grew in both halves of the time.
 */

export interface HeapSample {
  /** Bytes in use after a full collection. */
  readonly heap: number
  /** Attempts ended since the start, by the index of their task. A task that is not in it had none. */
  readonly attempts: ReadonlyArray<number>
}

export interface LeakHint {
  readonly task: string
  /** Bytes an attempt leaves behind. */
  readonly bytesPerAttempt: number
  /** Half the width of the 95 % interval of that. */
  readonly within: number
  /** Full collections it rests on. */
  readonly samples: number
  /** Tasks whose attempts rose in step with this one's, so that they cannot be told apart: one of them it is. */
  readonly orOneOf: ReadonlyArray<string>
}

/** Fewer samples say nothing. */
const fewest = 8
/** Slopes below are noise or tables that grow with use: bytes per attempt. */
const floorBytes = 64
/**
 * A hint accuses: the slope must lie this many times its interval away from 0, one chance in some thousands for each
 * task.
 */
const certainly = 1.8
/** Correlation of attempts above which two tasks count as in step. */
const inStep = 0.999
/** The 97.5 % point of Student's t for few degrees of freedom is at most this; more are taken as normal. */
const tQuantile = (freedom: number): number => (freedom >= 30 ? 2.04 : freedom >= 10 ? 2.23 : 2.78)

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

const correlation = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - ma) * (b[i]! - mb)
    aa += (a[i]! - ma) ** 2
    bb += (b[i]! - mb) ** 2
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb)
}

/** The inverse of a symmetric positive matrix by Gauss-Jordan; undefined when it is (nearly) singular. */
const inverse = (matrix: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<ReadonlyArray<number>> | undefined => {
  const n = matrix.length
  const rows = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))])
  for (let i = 0; i < n; i++) {
    let pivot = i
    for (let j = i + 1; j < n; j++) if (Math.abs(rows[j]![i]!) > Math.abs(rows[pivot]![i]!)) pivot = j
    if (Math.abs(rows[pivot]![i]!) < 1e-9) return undefined
    const swapped = rows[i]!
    rows[i] = rows[pivot]!
    rows[pivot] = swapped
    const lead = rows[i]![i]!
    rows[i] = rows[i]!.map((value) => value / lead)
    for (let j = 0; j < n; j++) {
      const factor = j === i ? 0 : rows[j]![i]!
      if (factor !== 0) rows[j] = rows[j]!.map((value, k) => value - factor * rows[i]![k]!)
    }
  }
  return rows.map((row) => row.slice(n))
}

/** Tasks that rise in step, as one column each. */
const columnsOf = (names: ReadonlyArray<string>, samples: ReadonlyArray<HeapSample>) => {
  const columns: Array<{ readonly names: Array<string>; readonly values: ReadonlyArray<number> }> = []
  names.forEach((name, task) => {
    const values = samples.map(({ attempts }) => attempts[task] ?? 0)
    if (values.at(-1)! - values[0]! < samples.length) return
    const twin = columns.find((column) => correlation(column.values, values) > inStep)
    if (twin === undefined) columns.push({ names: [name], values })
    else twin.names.push(name)
  })
  return columns
}

/** Hints, the largest slope first. `names`: tasks by their index in `attempts`. */
export const leakHints = (
  names: ReadonlyArray<string>,
  samples: ReadonlyArray<HeapSample>
): ReadonlyArray<LeakHint> => {
  if (samples.length < fewest) return []
  const columns = columnsOf(names, samples)
  const freedom = samples.length - columns.length - 1
  if (columns.length === 0 || freedom < 4) return []
  const heaps = samples.map(({ heap }) => heap)
  const heapMean = mean(heaps)
  const half = Math.floor(samples.length / 2)
  const third = Math.max(1, Math.floor(samples.length / 3))
  const rose =
    mean(heaps.slice(half, half + third)) > mean(heaps.slice(0, third)) &&
    mean(heaps.slice(-third)) > mean(heaps.slice(third, 2 * third))
  if (!rose) return []
  // Centred and scaled to unit length, so that a busy task does not drown a rare one.
  const scaled = columns.map(({ values }) => {
    const centre = mean(values)
    const length = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0))
    return { length, values: values.map((value) => (value - centre) / length) }
  })
  const gram = scaled.map((a) => scaled.map((b) => a.values.reduce((sum, value, i) => sum + value * b.values[i]!, 0)))
  const inverted = inverse(gram)
  if (inverted === undefined) return []
  const right = scaled.map(({ values }) => values.reduce((sum, value, i) => sum + value * (heaps[i]! - heapMean), 0))
  const slopes = inverted.map((row) => row.reduce((sum, value, i) => sum + value * right[i]!, 0))
  const residual = heaps.reduce((sum, heap, i) => {
    const fitted = slopes.reduce((total, slope, j) => total + slope * scaled[j]!.values[i]!, heapMean)
    return sum + (heap - fitted) ** 2
  }, 0)
  return columns
    .map(({ names: [task, ...others] }, i): LeakHint => {
      const { length } = scaled[i]!
      const deviation = Math.sqrt((residual / freedom) * inverted[i]![i]!)
      return {
        task: task!,
        bytesPerAttempt: slopes[i]! / length,
        within: (tQuantile(freedom) * deviation) / length,
        samples: samples.length,
        orOneOf: others
      }
    })
    .filter(({ bytesPerAttempt, within }) => bytesPerAttempt >= floorBytes && bytesPerAttempt > certainly * within)
    .sort((a, b) => b.bytesPerAttempt - a.bytesPerAttempt)
}
