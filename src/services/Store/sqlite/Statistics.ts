/**
 * Roll-ups of a store file: recorded in memory, written inside a turn's transaction about each second, added to what
 * other processes wrote. A crash loses the last second of them, nothing else.
 */
import type { ResourceRollUp, RollUp, RollUpQuery, RollUpWidth } from "../RollUp.ts"
import type { WorkerLoad } from "../WorkerRecord.ts"
import { type Counter, counters, countersOf } from "../../Queue/policy/Counters.ts"
import { type Histogram, pack, unpack } from "../../Queue/policy/Histogram.ts"
import {
  mergeResources,
  mergeRollUps,
  resourcesOfBeat,
  type RollUpCell,
  RollUpRecorder,
  rollUpRetentionMs,
  rollUpWidths,
  widen
} from "../../Queue/policy/RollUps.ts"
import type { Database, Query } from "./Database.ts"
import type { Lane, LaneCounters } from "./LaneCounters.ts"

/** Milliseconds between writes. */
const flushEveryMs = 1_000

type Packed = [count: number, sum: number, max: number, buckets: ReadonlyArray<number>]

const packHistogram = ({ buckets, count, max, sum }: Histogram): string =>
  JSON.stringify([count, sum, max, [...pack(buckets)]] satisfies Packed)

const unpackHistogram = (text: string): Histogram => {
  const [count, sum, max, buckets] = JSON.parse(text) as Packed
  return { count, sum, max, buckets: unpack(buckets) }
}

type Row = [start: number, lane: number, counts: string, wait: string, run: string]
type ResourceRow = [
  start: number,
  beats: number,
  cpu: number,
  rss: number,
  heap: number,
  loopDelay: number,
  busy: number
]

/** A counter, or an attempt whose run time is known. */
type Event = Counter | "ran"

export class Statistics {
  private readonly laneCounters: LaneCounters
  private readonly recorder = new RollUpRecorder()
  private readonly cells = new Map<number, RollUpCell>()
  /** What the open transaction records: it counts once that has committed. */
  private readonly events: Array<Event> = []
  private readonly eventCells: Array<RollUpCell> = []
  private readonly eventTimes: Array<number> = []
  private openResources: Array<ResourceRollUp> = []
  private resources: Array<ResourceRollUp> = []
  /** Deltas being written by the open transaction. */
  private writing: ReadonlyArray<RollUp> = []
  private dirty = false
  private flushedAt = Number.NEGATIVE_INFINITY
  private readonly select: Query<Row>
  private readonly upsert: Query<[]>
  private readonly selectRange: Query<Row>
  private readonly selectResource: Query<ResourceRow>
  private readonly selectResourceRange: Query<ResourceRow>
  private readonly upsertResource: Query<[]>
  private readonly deleteOld: Query<[]>
  private readonly deleteOldResources: Query<[]>

  constructor(db: Database, laneCounters: LaneCounters) {
    this.laneCounters = laneCounters
    this.select = db.prepare(
      "SELECT start, lane, counts, wait, run FROM roll_up WHERE width = ? AND start = ? AND lane = ?"
    )
    this.upsert = db.prepare(
      "INSERT OR REPLACE INTO roll_up(width, start, lane, counts, wait, run) VALUES (?, ?, ?, ?, ?, ?)"
    )
    this.selectRange = db.prepare(
      "SELECT start, lane, counts, wait, run FROM roll_up WHERE width = ? AND start >= ? AND start < ? ORDER BY start, lane"
    )
    const resource = "SELECT start, beats, cpu, rss, heap, loop_delay, busy FROM resource_roll_up WHERE width = ?"
    this.selectResource = db.prepare(`${resource} AND start = ?`)
    this.selectResourceRange = db.prepare(`${resource} AND start >= ? AND start < ? ORDER BY start`)
    this.upsertResource = db.prepare(
      `INSERT OR REPLACE INTO resource_roll_up(width, start, beats, cpu, rss, heap, loop_delay, busy)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
    )
    this.deleteOld = db.prepare("DELETE FROM roll_up WHERE width = ? AND start <= ?")
    this.deleteOldResources = db.prepare("DELETE FROM resource_roll_up WHERE width = ? AND start <= ?")
  }

  private cell(lane: Lane): RollUpCell {
    let cell = this.cells.get(lane.id)
    if (cell === undefined || cell.task !== lane.task || cell.group !== lane.group.name) {
      cell = this.recorder.cell(lane.group.name, lane.task)
      this.cells.set(lane.id, cell)
    }
    return cell
  }

  private record(event: Event, lane: Lane, millis: number): void {
    this.events.push(event)
    this.eventCells.push(this.cell(lane))
    this.eventTimes.push(millis)
  }

  count(lane: Lane, counter: Counter): void {
    this.record(counter, lane, 0)
  }

  started(lane: Lane, waitMs: number): void {
    this.record("starts", lane, waitMs)
  }

  /** An attempt ended that ran for this long. */
  ran(lane: Lane, runMs: number): void {
    this.record("ran", lane, runMs)
  }

  beat(now: number, load: WorkerLoad): void {
    this.openResources.push(resourcesOfBeat(now, load))
  }

  /** The transaction has committed: what it recorded counts. */
  commit(now: number): void {
    this.recorder.at(now)
    for (let i = 0; i < this.events.length; i++) {
      const cell = this.eventCells[i]!
      const millis = this.eventTimes[i]!
      const event = this.events[i]!
      if (event === "ran") {
        cell.run.record(millis)
        continue
      }
      cell[event]++
      if (event === "starts") cell.wait.record(millis)
    }
    this.resources.push(...this.openResources)
    if (this.events.length > 0 || this.openResources.length > 0) this.dirty = true
    this.forgetOpen()
  }

  /** The transaction was rolled back. */
  invalidate(): void {
    this.forgetOpen()
    // Lanes it added are gone, and their ids may name others.
    this.cells.clear()
  }

  private forgetOpen(): void {
    this.events.length = 0
    this.eventCells.length = 0
    this.eventTimes.length = 0
    this.openResources = []
  }

  get isDirty(): boolean {
    return this.dirty
  }

  /** Whether a write is due by the clock of the caller. A clock that steps back writes at once. */
  isDue(now: number): boolean {
    return (
      (this.dirty || this.openResources.length > 0) && (now >= this.flushedAt + flushEveryMs || now < this.flushedAt)
    )
  }

  /** Writes what committed transactions recorded, inside the open one, and the beat of that. */
  flush(now: number): void {
    // Deltas of a write that was rolled back are still in `writing`.
    this.writing = [...this.writing, ...this.recorder.take()]
    for (const delta of this.writing) {
      for (const width of rollUpWidths) this.write(widen(delta, width))
    }
    for (const delta of [...this.resources, ...this.openResources]) {
      for (const width of rollUpWidths) this.writeResources(widen(delta, width))
    }
    this.flushedAt = now
  }

  /** The transaction that flushed has committed. */
  flushed(): void {
    this.writing = []
    this.resources = []
    this.openResources = []
    this.dirty = false
  }

  private write(delta: RollUp): void {
    const lane = this.laneCounters.lane(delta.task, delta.group)
    const row = this.select.get(delta.width, delta.start, lane.id)
    const sum = row === undefined ? delta : mergeRollUps(this.rollUp(delta.width, row), delta)
    this.upsert.run(
      sum.width,
      sum.start,
      lane.id,
      JSON.stringify(counters.map((counter) => sum[counter])),
      packHistogram(sum.wait),
      packHistogram(sum.run)
    )
  }

  private writeResources(delta: ResourceRollUp): void {
    const row = this.selectResource.get(delta.width, delta.start)
    const sum = row === undefined ? delta : mergeResources(resourceRollUp(delta.width, row), delta)
    this.upsertResource.run(
      sum.width,
      sum.start,
      sum.beats,
      sum.cpuMean,
      sum.rssBytesPeak,
      sum.heapBytesPeak,
      sum.loopDelayMsPeak,
      sum.busyMean
    )
  }

  private rollUp(width: RollUpWidth, [start, laneId, counts, wait, run]: Row): RollUp {
    const lane = this.laneCounters.lanes.get(laneId)!
    const values = JSON.parse(counts) as ReadonlyArray<number>
    return {
      width,
      start,
      group: lane.group.name,
      task: lane.task,
      ...countersOf((_, i) => values[i]!),
      wait: unpackHistogram(wait),
      run: unpackHistogram(run)
    }
  }

  /** By start, then group and task. */
  query({ from, group, task, to, width }: RollUpQuery): ReadonlyArray<RollUp> {
    return this.selectRange
      .all(width, from, to)
      .filter(([, laneId]) => {
        const lane = this.laneCounters.lanes.get(laneId)!
        return (group === undefined || lane.group.name === group) && (task === undefined || lane.task === task)
      })
      .map((row) => this.rollUp(width, row))
      .sort((a, b) => a.start - b.start || order(a.group, b.group) || order(a.task, b.task))
  }

  queryResources({ from, to, width }: RollUpQuery): ReadonlyArray<ResourceRollUp> {
    return this.selectResourceRange.all(width, from, to).map((row) => resourceRollUp(width, row))
  }

  /** Drops what is older than its width's retention. */
  prune(now: number): void {
    for (const width of rollUpWidths) {
      const oldest = now - rollUpRetentionMs[width] - width
      this.deleteOld.run(width, oldest)
      this.deleteOldResources.run(width, oldest)
    }
  }
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const resourceRollUp = (
  width: RollUpWidth,
  [start, beats, cpuMean, rssBytesPeak, heapBytesPeak, loopDelayMsPeak, busyMean]: ResourceRow
): ResourceRollUp => ({
  width,
  start,
  beats,
  cpuMean,
  rssBytesPeak,
  heapBytesPeak,
  loopDelayMsPeak,
  busyMean
})
