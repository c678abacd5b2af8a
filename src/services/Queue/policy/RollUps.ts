/**
 * Roll-ups: what happened to the jobs of each group and task, in intervals of 10 s, 1 min and 1 h. A store records into
 * the cells of a `RollUpRecorder`, takes the deltas out from time to time and adds them up where it keeps them: in a
 * `RollUpArchive`, or in rows of its own with `mergeRollUps`. Deltas add up in any order and any grouping.
 */
import type { ResourceRollUp, RollUp, RollUpQuery, RollUpWidth } from "../../Store/RollUp.ts"
import type { WorkerLoad } from "../../Store/WorkerRecord.ts"
import { type Counters, counters, countersOf } from "./Counters.ts"
import { empty, merge, pack, Recorder, unpack } from "./Histogram.ts"

/** The width in which things are recorded, in milliseconds. */
export const baseWidth = 10_000 satisfies RollUpWidth

export const rollUpWidths: ReadonlyArray<RollUpWidth> = [10_000, 60_000, 3_600_000]

/**
 * How far back each width reaches, in milliseconds: 6 hours of 10 s for live pages and the scaler, 7 days of minutes
 * for a forecast's weekly season, 400 days of hours to compare with last year.
 */
export const rollUpRetentionMs: Readonly<Record<RollUpWidth, number>> = {
  10000: 6 * 3_600_000,
  60000: 7 * 86_400_000,
  3600000: 400 * 86_400_000
}

/** The start of the interval that `at` lies in. */
export const intervalStart = (at: number, width: RollUpWidth): number => Math.floor(at / width) * width

/** Both together. They must be of one width, start, group and task. */
export const mergeRollUps = (a: RollUp, b: RollUp): RollUp => ({
  width: a.width,
  start: a.start,
  group: a.group,
  task: a.task,
  ...countersOf((counter) => a[counter] + b[counter]),
  wait: merge(a.wait, b.wait),
  run: merge(a.run, b.run)
})

/** The same figures as part of the wider interval they lie in. */
export const widen = <A extends { readonly width: RollUpWidth; readonly start: number }>(
  rollUp: A,
  width: RollUpWidth
): A => ({
  ...rollUp,
  width,
  start: intervalStart(rollUp.start, width)
})

/** Both together: means weighted by beats, the higher peaks. */
export const mergeResources = (a: ResourceRollUp, b: ResourceRollUp): ResourceRollUp => {
  const beats = a.beats + b.beats
  const mean = (x: number, y: number) => (beats === 0 ? 0 : (x * a.beats + y * b.beats) / beats)
  return {
    width: a.width,
    start: a.start,
    beats,
    cpuMean: mean(a.cpuMean, b.cpuMean),
    rssBytesPeak: Math.max(a.rssBytesPeak, b.rssBytesPeak),
    heapBytesPeak: Math.max(a.heapBytesPeak, b.heapBytesPeak),
    loopDelayMsPeak: Math.max(a.loopDelayMsPeak, b.loopDelayMsPeak),
    busyMean: mean(a.busyMean, b.busyMean)
  }
}

/** One worker's beat as a roll-up of its own. `busyMean` counts the running jobs of all its groups. */
export const resourcesOfBeat = (now: number, load: WorkerLoad): ResourceRollUp => ({
  width: baseWidth,
  start: intervalStart(now, baseWidth),
  beats: 1,
  cpuMean: load.cpu,
  rssBytesPeak: load.rssBytes,
  heapBytesPeak: load.heapBytes,
  loopDelayMsPeak: load.loopDelayMs,
  busyMean: Object.values(load.busy).reduce((sum, busy) => sum + busy, 0)
})

/** Where one group and task is being recorded. Add to its fields directly: this is the hot path. */
export class RollUpCell implements Counters {
  readonly group: string
  readonly task: string
  arrivals = 0
  starts = 0
  completed = 0
  failed = 0
  retried = 0
  dead = 0
  cancelled = 0
  recovered = 0
  deduplicated = 0
  limited = 0
  /** Milliseconds from due, or enqueue if later, to start. */
  readonly wait = new Recorder()
  /** Milliseconds an attempt ran. */
  readonly run = new Recorder()

  constructor(group: string, task: string) {
    this.group = group
    this.task = task
  }

  /** What was recorded since the last `take`, or undefined when nothing was. */
  take(start: number): RollUp | undefined {
    const taken = countersOf((counter) => this[counter])
    if (counters.every((counter) => taken[counter] === 0)) return undefined
    for (const counter of counters) this[counter] = 0
    return {
      width: baseWidth,
      start,
      group: this.group,
      task: this.task,
      ...taken,
      wait: this.wait.take(),
      run: this.run.take()
    }
  }
}

/**
 * Records the present. Call `at` with the time before recording; call `take` at least every 10 s while jobs move, since
 * what is not taken stays in memory.
 */
export class RollUpRecorder {
  private start = -Infinity
  private readonly cells = new Map<string, Map<string, RollUpCell>>()
  private left: Array<RollUp> = []

  /** The cell of a group and task: one object for good, to be kept by who records often. */
  cell(group: string, task: string): RollUpCell {
    let tasks = this.cells.get(group)
    if (tasks === undefined) {
      tasks = new Map()
      this.cells.set(group, tasks)
    }
    let cell = tasks.get(task)
    if (cell === undefined) {
      cell = new RollUpCell(group, task)
      tasks.set(task, cell)
    }
    return cell
  }

  /**
   * Moves on to the interval of `now`; a clock that steps back stays where it was. True when an interval ended: time to
   * `take`.
   */
  at(now: number): boolean {
    if (now < this.start + baseWidth) return false
    this.collect()
    this.start = intervalStart(now, baseWidth)
    return this.left.length > 0
  }

  /** What was recorded since the last `take`, as deltas of 10 s. */
  take(): ReadonlyArray<RollUp> {
    this.collect()
    const taken = this.left
    this.left = []
    return taken
  }

  private collect(): void {
    for (const tasks of this.cells.values()) {
      for (const cell of tasks.values()) {
        const taken = cell.take(this.start)
        if (taken !== undefined) this.left.push(taken)
      }
    }
  }
}

/** A roll-up at rest: its histograms packed, eight bytes a bucket. */
interface Packed {
  readonly figures: RollUp
  readonly wait: ReadonlyArray<number>
  readonly run: ReadonlyArray<number>
}

const packed = (rollUp: RollUp): Packed => ({
  figures: {
    ...rollUp,
    wait: { ...rollUp.wait, buckets: empty.buckets },
    run: { ...rollUp.run, buckets: empty.buckets }
  },
  wait: pack(rollUp.wait.buckets),
  run: pack(rollUp.run.buckets)
})

const unpacked = ({ figures, run, wait }: Packed): RollUp => ({
  ...figures,
  wait: { ...figures.wait, buckets: unpack(wait) },
  run: { ...figures.run, buckets: unpack(run) }
})

/** One width's intervals by start. */
interface Shelf {
  readonly intervals: Map<number, Map<string, Packed>>
  readonly resources: Map<number, ResourceRollUp>
  rows: number
}

/**
 * Keeps roll-ups in memory, added up to every width, for as long as `rollUpRetentionMs` says and at most `rowsMost`
 * rows per width: then the oldest go first. A row takes about 0.2 to 1 KiB.
 */
export class RollUpArchive {
  private readonly rowsMost: number
  private readonly shelves = new Map<RollUpWidth, Shelf>(
    rollUpWidths.map((width) => [width, { intervals: new Map(), resources: new Map(), rows: 0 }])
  )

  /** Default 100,000: the 10 s of 46 busy cells for 6 hours. */
  constructor(rowsMost = 100_000) {
    this.rowsMost = rowsMost
  }

  add(deltas: ReadonlyArray<RollUp>): void {
    for (const delta of deltas) {
      for (const [width, shelf] of this.shelves) {
        const rollUp = widen(delta, width)
        let interval = shelf.intervals.get(rollUp.start)
        if (interval === undefined) {
          interval = new Map()
          shelf.intervals.set(rollUp.start, interval)
        }
        const key = `${rollUp.group}\u0000${rollUp.task}`
        const known = interval.get(key)
        if (known === undefined) shelf.rows++
        interval.set(key, packed(known === undefined ? rollUp : mergeRollUps(unpacked(known), rollUp)))
        while (shelf.rows > this.rowsMost && shelf.intervals.size > 1)
          this.drop(shelf, Math.min(...shelf.intervals.keys()))
      }
    }
  }

  addResources(delta: ResourceRollUp): void {
    for (const [width, shelf] of this.shelves) {
      const rollUp = widen(delta, width)
      const known = shelf.resources.get(rollUp.start)
      shelf.resources.set(rollUp.start, known === undefined ? rollUp : mergeResources(known, rollUp))
    }
  }

  /** Intervals that start at or after `from` and before `to`, by start, then group and task. */
  query(query: RollUpQuery): ReadonlyArray<RollUp> {
    const { intervals } = this.shelves.get(query.width)!
    return within(intervals, query).flatMap((interval) =>
      [...interval.values()]
        .filter(
          ({ figures }) =>
            (query.group === undefined || figures.group === query.group) &&
            (query.task === undefined || figures.task === query.task)
        )
        .map(unpacked)
        .sort((a, b) => order(a.group, b.group) || order(a.task, b.task))
    )
  }

  /** As `query`; group and task do not matter. */
  queryResources(query: RollUpQuery): ReadonlyArray<ResourceRollUp> {
    return within(this.shelves.get(query.width)!.resources, query)
  }

  /** Drops what is older than its width's retention. */
  prune(now: number): void {
    for (const [width, shelf] of this.shelves) {
      const oldest = now - rollUpRetentionMs[width]
      for (const start of [...shelf.intervals.keys()]) if (start + width <= oldest) this.drop(shelf, start)
      for (const start of [...shelf.resources.keys()]) if (start + width <= oldest) shelf.resources.delete(start)
    }
  }

  private drop(shelf: Shelf, start: number): void {
    shelf.rows -= shelf.intervals.get(start)!.size
    shelf.intervals.delete(start)
  }
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const within = <A>(byStart: ReadonlyMap<number, A>, { from, to }: RollUpQuery): ReadonlyArray<A> =>
  [...byStart.keys()]
    .filter((start) => start >= from && start < to)
    .sort((a, b) => a - b)
    .map((start) => byStart.get(start)!)
