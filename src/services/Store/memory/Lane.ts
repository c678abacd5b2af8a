/** The jobs of one task in one group, and the group around its lanes. */
import type { Feedback } from "../../Limits/policy/Feedback.ts"
import { type GroupPolicy, noPolicy } from "../../Limits/GroupPolicy.ts"
import { unlimited } from "../../Queue/ResourceGroup.ts"
import type { RollUpCell } from "../../Queue/policy/RollUps.ts"
import type { GroupLimits } from "./GroupLimits.ts"
import { JobTree } from "./JobTree.ts"
import { RankedJobs } from "./RankedJobs.ts"
import type { StoredJob } from "./StoredJob.ts"

const rankOf = (job: StoredJob): number => job.rank

/**
 * The pending jobs of one lane and priority, by rank. Within one priority ranks grow with time, so that new jobs are
 * appended; only retries, edits and later due times are put in between. A claim merges the streams of its group by
 * their first jobs.
 */
export class ReadyStream extends RankedJobs {
  readonly lane: Lane

  constructor(lane: Lane) {
    super(rankOf)
    this.lane = lane
  }
}

/** Whether the first job of `a` starts before that of `b`; both hold some. */
export const startsBefore = (a: ReadyStream, b: ReadyStream): boolean => {
  const x = a.first()!
  const y = b.first()!
  return x.rank < y.rank || (x.rank === y.rank && x.id < y.id)
}

export class Lane {
  readonly task: string
  readonly group: Group
  /** Every job of the lane. Its counts by state are the maintained counters. */
  readonly jobs = new JobTree("")
  readonly cell: RollUpCell
  private readonly streams = new Map<number, ReadyStream>()
  private lastPriority = Number.NaN
  private lastStream: ReadyStream | undefined = undefined

  constructor(task: string, group: Group, cell: RollUpCell) {
    this.task = task
    this.group = group
    this.cell = cell
  }

  ready(priority: number): ReadyStream {
    if (priority === this.lastPriority) return this.lastStream!
    let stream = this.streams.get(priority)
    if (stream === undefined) {
      stream = new ReadyStream(this)
      this.streams.set(priority, stream)
      this.group.streams.push(stream)
    }
    this.lastPriority = priority
    this.lastStream = stream
    return stream
  }

  /** The first `count` pending jobs in order of rank, then id. */
  first(count: number): Array<StoredJob> {
    const heads: Array<StoredJob> = []
    for (const stream of this.streams.values()) heads.push(...stream.peek(count))
    if (this.streams.size > 1) {
      heads.sort((a, b) => a.rank - b.rank || a.id - b.id)
      heads.length = Math.min(heads.length, count)
    }
    return heads
  }
}

export class Group {
  readonly name: string
  declaredLimit = unlimited
  operatorLimit: number | undefined = undefined
  paused = false
  declaredPolicy: GroupPolicy = noPolicy
  operatorPolicy: GroupPolicy | undefined = undefined
  /** In milliseconds since 1970. */
  heldBackUntil = 0
  /** A job became ready in it since a turn last asked. */
  stirred = false
  /** A job became ready in it since listeners were last told. */
  woken = false
  /** Slots taken, over all sessions: those of running jobs, of a batch those of its first. */
  running = 0
  /** Undefined: none of its jobs is limited but by its slots. */
  limits: GroupLimits | undefined = undefined
  /** Virtual time of a fair group. */
  time = 0
  /** Theoretical arrival time of its rate, in milliseconds since 1970. */
  tat = 0
  /** What is known of its other side. */
  feedback: Feedback | undefined = undefined
  readonly lanes = new Map<string, Lane>()
  readonly streams: Array<ReadyStream> = []

  constructor(name: string) {
    this.name = name
  }

  get limit(): number {
    return this.operatorLimit ?? this.declaredLimit
  }

  get policy(): GroupPolicy {
    return this.operatorPolicy ?? this.declaredPolicy
  }

  /** Its pending job that starts next, whoever has a handler for it. */
  first(): StoredJob | undefined {
    const streams = this.streams.filter((stream) => stream.size > 0)
    return streams.length === 0 ? undefined : streams.reduce((a, b) => (startsBefore(b, a) ? b : a)).first()
  }

  /** Up to `limit` of its pending jobs in order of rank, then id. */
  upNext(limit: number): ReadonlyArray<StoredJob> {
    const heads = [...this.lanes.values()].flatMap((lane) => lane.first(limit))
    return heads.sort((a, b) => a.rank - b.rank || a.id - b.id).slice(0, limit)
  }
}
