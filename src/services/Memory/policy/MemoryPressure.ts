/**
 * How near a process is to the end of its memory, and what follows from it: the level, how many slots a worker still
 * fills, when an enqueue that was refused may come again, and how soon to look again.
 *
 * Why these shares: V8 ends a process when the old generation, after four collections in a row, still fills more than
 * 80 % of its limit and little but collecting is done (`Heap::CheckIneffectiveMarkCompact`, heap.cc). Memory that lives
 * must therefore stay below 0.8, with room for what is on its way when the door closes. Readings count garbage too.
 * Where a collection is short it is made to tell the two apart, and until the next one may be made all is taken to
 * live; in a large heap a tenth of the limit is taken for garbage instead, since V8 starts a collection of its own when
 * the heap is at most half-way from what lived after the last one to the limit: 0.85 with garbage means at least 0.7
 * without.
 */
/** From the lowest; `critical` refuses new jobs. */
export const levels = ["ok", "elevated", "high", "critical"] as const
export type PressureLevel = (typeof levels)[number]

export const rankOf = (level: PressureLevel): number => levels.indexOf(level)

/** Shares of the limit, 0 to 1, at which a level begins. */
export interface PressureThresholds {
  readonly elevated: number
  readonly high: number
  readonly critical: number
}

/** What is taken for garbage where nothing tells, as a share of the limit. */
export const garbageAllowance = 0.1
/** A level is left this far below the share at which it began, so that it does not flicker. */
export const hysteresis = 0.05

/** One look at the memory of a process, in bytes. */
export interface MemoryReading {
  /** Of the whole heap, garbage included: what is young now and lives moves on into the old generation. */
  readonly heapUsedBytes: number
  /** What may live in it: the old generation less room for the young one (`Memory/heap/HeapLimit.ts`). */
  readonly heapLimitBytes: number
  /**
   * What counts against `memoryLimitBytes`: of the container all of its processes, else the resident set of this one.
   */
  readonly memoryUsedBytes: number
  /** Of the container, else of the machine. */
  readonly memoryLimitBytes: number
}

export type NearestLimit = "heap" | "container" | "machine"

export const heapShare = (reading: MemoryReading): number => reading.heapUsedBytes / reading.heapLimitBytes
export const memoryShare = (reading: MemoryReading): number => reading.memoryUsedBytes / reading.memoryLimitBytes

/** Of the limit that is nearest. */
export const shareOf = (reading: MemoryReading): number => Math.max(heapShare(reading), memoryShare(reading))

const highestAt = (share: number, { critical, elevated, high }: PressureThresholds): PressureLevel =>
  share >= critical ? "critical" : share >= high ? "high" : share >= elevated ? "elevated" : "ok"

/**
 * The level of a reading. `isExact`: nothing in it is taken for garbage. `before`: the level so
 * far, which is kept while the share is less than `hysteresis` below its beginning.
 */
export const levelOf = (
  reading: MemoryReading,
  isExact: boolean,
  before: PressureLevel,
  thresholds: PressureThresholds
): PressureLevel => {
  const heap = heapShare(reading)
  const memory = memoryShare(reading)
  const share = Math.max(heap - (isExact ? 0 : garbageAllowance), memory)
  const rising = highestAt(share, thresholds)
  if (rankOf(rising) >= rankOf(before)) return rising
  const staying = highestAt(Math.max(heap, memory) + hysteresis, thresholds)
  return rankOf(staying) >= rankOf(before) ? before : staying
}

/**
 * How many of a group's slots a worker fills; `isHungry`: the group is for memory-intensive jobs. Elevated: those at
 * half. High: all at half, those one at a time. Critical: one per group. Never 0: work that ends is what frees memory.
 */
export const slotsAt = (level: PressureLevel, slots: number, isHungry: boolean): number => {
  if (slots <= 1 || level === "ok") return slots
  if (level === "elevated") return isHungry ? Math.ceil(slots / 2) : slots
  if (level === "high") return isHungry ? 1 : Math.ceil(slots / 2)
  return 1
}

/** Of the slots of all groups together so many are left to a worker at any pressure. */
const leastTotal = 10

/**
 * How many slots of a worker's total are filled. High: half. Critical: a tenth, since one per group is no bound for a
 * worker of a thousand groups. Never fewer than ten of them: with few groups what is left to each is bound enough, and
 * a job that waits for one of another group holds a slot meanwhile.
 */
export const totalAt = (level: PressureLevel, total: number): number => {
  const part = level === "critical" ? 0.1 : level === "high" ? 0.5 : 1
  return Math.max(Math.min(total, leastTotal), Math.ceil(total * part))
}

const retryFirstMs = 250
const retryCapMs = 5_000

/**
 * When to come again after a refusal: as long as the door has been shut by now, 250 ms to 5 s. Doubles with each try,
 * as a backoff does.
 */
export const retryAfterMs = (shutForMs: number): number =>
  Math.round(Math.min(retryCapMs, Math.max(retryFirstMs, shutForMs)))

/** What a new job is taken to need of memory until more is known, in bytes. */
export const rowBytesAtFirst = 64 * 1024
/** Least, for rows whose payload is small: the row, its fiber, its place in a turn. */
const rowBytesLeast = 4 * 1024
const rowsLeast = 16
const rowsMost = 4096

/**
 * What a new job is taken to need after so many were taken in and memory grew by so much: the largest growth seen
 * lately, forgotten by a tenth with each look.
 */
export const learnRowBytes = (before: number, grownBytes: number, rows: number): number =>
  rows <= 0 ? before : Math.max(rowBytesLeast, 0.9 * before, grownBytes / rows)

/**
 * How many new jobs may be taken in before memory is looked at again: those that fill half the room to the threshold,
 * so that what comes meanwhile of other things has the other half.
 */
export const rowsUntilLook = (reading: MemoryReading, { critical }: PressureThresholds, rowBytes: number): number => {
  const room = Math.min(
    critical * reading.heapLimitBytes - reading.heapUsedBytes,
    critical * reading.memoryLimitBytes - reading.memoryUsedBytes
  )
  return Math.max(rowsLeast, Math.min(rowsMost, Math.floor(room / 2 / rowBytes)))
}

/** The slope of a line through points (x, y) by least squares; undefined with fewer than two different x. */
export const slope = (points: ReadonlyArray<readonly [x: number, y: number]>): number | undefined => {
  if (points.length < 2) return undefined
  let sumX = 0
  let sumY = 0
  for (const [x, y] of points) {
    sumX += x
    sumY += y
  }
  const meanX = sumX / points.length
  const meanY = sumY / points.length
  let above = 0
  let below = 0
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY)
    below += (x - meanX) ** 2
  }
  return below === 0 ? undefined : above / below
}
