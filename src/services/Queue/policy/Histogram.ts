/**
 * A log-linear histogram of durations that merges by addition: each power of two is cut into 64 equal buckets, so a
 * value read back is off by less than 0.8 % (half a bucket), at any magnitude above 64 microseconds, and by at most a
 * microsecond below. The layout is that of HdrHistogram (G. Tene) at 6 bits of sub-bucket resolution. Sparse: only
 * touched buckets are kept, so a histogram of a steady task is a few dozen entries.
 */

/** Bucket index to count. Values are milliseconds; index 0 holds everything below the resolution of one microsecond. */
export interface Histogram {
  readonly count: number
  /** Milliseconds. */
  readonly sum: number
  readonly max: number
  /** Ascending bucket indexes and their counts, pairwise. */
  readonly buckets: ReadonlyArray<readonly [index: number, count: number]>
}

export const empty: Histogram = { count: 0, sum: 0, max: 0, buckets: [] }

const subBuckets = 64
const subBucketBits = 6

/** The bucket of a duration. Constant time, no allocation. */
export const bucketOf = (millis: number): number => {
  const micros = Math.floor(millis * 1000)
  if (!(micros > 0)) return 0
  if (micros < subBuckets) return micros
  if (micros < 2 ** 31) {
    const exponent = 31 - subBucketBits - Math.clz32(micros)
    return exponent * subBuckets + (micros >>> exponent)
  }
  const exponent = Math.floor(Math.log2(micros)) - subBucketBits
  return exponent * subBuckets + Math.floor(micros / 2 ** exponent)
}

/** The middle of a bucket, in milliseconds. */
export const valueOf = (index: number): number => {
  if (index < subBuckets) return index / 1000
  const exponent = Math.floor(index / subBuckets) - 1
  const position = index - exponent * subBuckets
  return ((position + 0.5) * 2 ** exponent) / 1000
}

/** Both together. The buckets of the longer one bound the cost. */
export const merge = (a: Histogram, b: Histogram): Histogram => {
  if (a.count === 0) return b
  if (b.count === 0) return a
  const buckets: Array<readonly [number, number]> = []
  let i = 0
  let j = 0
  while (i < a.buckets.length || j < b.buckets.length) {
    const left = a.buckets[i]
    const right = b.buckets[j]
    if (right === undefined || (left !== undefined && left[0] < right[0])) {
      buckets.push(left!)
      i++
    } else if (left === undefined || right[0] < left[0]) {
      buckets.push(right)
      j++
    } else {
      buckets.push([left[0], left[1] + right[1]])
      i++
      j++
    }
  }
  return { count: a.count + b.count, sum: a.sum + b.sum, max: Math.max(a.max, b.max), buckets }
}

/**
 * The value below which `fraction` (0 to 1) of the recordings lie, in milliseconds; 0 when empty. Never above `max`.
 */
export const quantile = (histogram: Histogram, fraction: number): number => {
  let left = Math.max(1, Math.ceil(histogram.count * fraction))
  for (const [index, count] of histogram.buckets) {
    left -= count
    if (left <= 0) return Math.min(valueOf(index), histogram.max)
  }
  return histogram.max
}

const packBase = 2 ** 36

/** Buckets as one number each, `index × 2^36 + count`: for histograms at rest. Counts below 2^36. */
export const pack = (buckets: Histogram["buckets"]): ReadonlyArray<number> =>
  buckets.map(([index, count]) => index * packBase + count)

/** The inverse of `pack`. */
export const unpack = (packed: ReadonlyArray<number>): Histogram["buckets"] =>
  packed.map((entry) => [Math.floor(entry / packBase), entry % packBase] as const)

/** Buckets the window grows by: one power of two of durations. */
const windowStep = subBuckets

/**
 * A histogram being recorded: one addition per recording into a window of buckets that grows to what was seen (4 bytes
 * a bucket, at most about 12 KiB), a snapshot when asked.
 */
export class Recorder {
  private counts = new Uint32Array(0)
  /** The bucket of `counts[0]`. */
  private base = 0
  private count = 0
  private sum = 0
  private max = 0

  /** Adds `times` recordings of one value; `times` must be at least 1. */
  record(millis: number, times = 1): void {
    const bucket = bucketOf(millis)
    const position = bucket - this.base
    if (position >= 0 && position < this.counts.length) this.counts[position]! += times
    else this.widenTo(bucket, times)
    this.count += times
    this.sum += millis * times
    if (millis > this.max) this.max = millis
  }

  private widenTo(bucket: number, times: number): void {
    const first = Math.floor(bucket / windowStep) * windowStep
    const isNew = this.counts.length === 0
    const base = isNew ? first : Math.min(this.base, first)
    const end = isNew ? first + windowStep : Math.max(this.base + this.counts.length, first + windowStep)
    const counts = new Uint32Array(end - base)
    counts.set(this.counts, isNew ? 0 : this.base - base)
    this.counts = counts
    this.base = base
    counts[bucket - base]! += times
  }

  /** What was recorded since the last `take`, and starts anew. */
  take(): Histogram {
    const taken = this.snapshot()
    this.counts.fill(0)
    this.count = 0
    this.sum = 0
    this.max = 0
    return taken
  }

  snapshot(): Histogram {
    if (this.count === 0) return empty
    const buckets: Array<readonly [number, number]> = []
    for (let i = 0; i < this.counts.length; i++) {
      const count = this.counts[i]!
      if (count > 0) buckets.push([this.base + i, count])
    }
    return { count: this.count, sum: this.sum, max: this.max, buckets }
  }
}
