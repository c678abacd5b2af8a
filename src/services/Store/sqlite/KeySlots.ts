/**
 * Where a job begins and ceases to hold slots of its key or to wait for them (`policy/KeyAdmission`). Whatever moves a
 * job passes here: `JobRows` for single jobs, the claims for those that start. What is ready already holds its slots,
 * so that a claim changes nothing here.
 */
import { holdsWhileWaiting, fitsWindow, isFifo, isRated, mayBeReady, mayStart } from "../../Limits/policy/KeyAdmission.ts"
import { tagNext } from "../../Limits/policy/FairShare.ts"
import { charged } from "../../Limits/policy/Rates.ts"
import type { JobId } from "../../Queue/Job.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { copyInto, type JobRow } from "./JobColumns.ts"
import type { LaneCounters } from "./LaneCounters.ts"
import type { LimitKey, LimitKeys, Waiter } from "./LimitKeys.ts"
import type { Statistics } from "./Statistics.ts"

/** Waiting jobs read at a time. */
const piece = 64

/** A job whose key limits it stands in a line, or holds its slots. */
const isInLine = ({ state, wait }: JobRow): boolean => state === States.scheduled && wait === Waiting.waitLimit

const isTimed = ({ state, wait }: JobRow): boolean => state === States.scheduled && Waiting.isForTimeOnly(wait)

export class KeySlots {
  private readonly laneCounters: LaneCounters
  private readonly keys: LimitKeys
  private readonly statistics: Statistics
  private readonly freed: Array<LimitKey> = []
  private readonly copyReady: Query<[]>
  private readonly deleteWaiting: Query<[]>
  private readonly keepWaiting: Query<[]>

  constructor(db: Database, laneCounters: LaneCounters, keys: LimitKeys, statistics: Statistics) {
    this.laneCounters = laneCounters
    this.keys = keys
    this.statistics = statistics
    this.copyReady = db.prepare(
      `${copyInto("pending", "scheduled", { rank: "?1", wait: String(Waiting.waitNone) })} WHERE lane = ?2 AND id = ?3`
    )
    this.deleteWaiting = db.prepare("DELETE FROM scheduled WHERE lane = ? AND id = ?")
    this.keepWaiting = db.prepare("UPDATE scheduled SET rank = ?, wait = ? WHERE lane = ? AND id = ?")
  }

  /**
   * A job that stands nowhere is to stand as `to` says, but for its limits. Answers where it may stand. `from`: how it
   * stood before.
   */
  seat(to: JobRow, from?: JobRow): JobRow {
    const held = from?.limiter ?? null
    if (held === null && !to.lane.group.hasLimitedKeys) return to
    if (to.state === States.running) return to
    const key = States.isWaiting(to.state) ? this.keys.find(to.lane.group, to.partitionKey) : undefined
    const before = held === null ? undefined : this.keys.get(held)
    if (before !== undefined && before === key && this.stays(key, to, from!)) return this.staying(key, to, from!)
    if (before !== undefined) this.leave(before, from!)
    return key !== undefined && this.arrives(key, to) ? this.arrive(key, to) : unlimited(to)
  }

  /** A job that nothing else keeps is at its key; one of a line that holds also before its time. */
  private arrives({ policy }: LimitKey, to: JobRow): boolean {
    return to.state === States.pending || (isTimed(to) && holdsWhileWaiting(policy))
  }

  private stays(key: LimitKey, to: JobRow, from: JobRow): boolean {
    if (!this.arrives(key, to)) return false
    return isInLine(from) || from.state !== States.running || holdsWhileWaiting(key.policy)
  }

  /** It keeps its place in the line, or its slots. */
  private staying(key: LimitKey, to: JobRow, from: JobRow): JobRow {
    if (isInLine(from)) {
      this.free(key)
      return { ...to, state: States.scheduled, wait: Waiting.waitLimit, limiter: key.id }
    }
    if (to.state === States.pending && isRated(key.policy)) {
      this.leave(key, from)
      return this.arrive(key, to)
    }
    const isPlaced = isFifo(key.policy) || key.group.policy.fair === true
    return { ...to, limiter: key.id, rank: isPlaced && from.state !== States.running ? from.rank : to.rank }
  }

  private arrive(key: LimitKey, to: JobRow): JobRow {
    this.keys.touch(key)
    const isReady =
      key.waiting === 0 &&
      !isRated(key.policy) &&
      mayBeReady(key, this.keys.windowOf(key), to.slots, this.keys.now)
    if (isReady) {
      key.held += to.slots
      return { ...to, limiter: key.id, rank: this.place(key, to.id, to.rank) }
    }
    if (key.waiting === 0) key.since = this.keys.now
    key.waiting++
    this.statistics.count(to.lane, "limited")
    if (isRated(key.policy)) this.laneCounters.startsLater(to.lane)
    return { ...to, state: States.scheduled, wait: Waiting.waitLimit, limiter: key.id }
  }

  /** The rank of a job that its key lets go. */
  private place(key: LimitKey, id: JobId, rank: number): number {
    const { group, policy } = key
    if (group.policy.fair === true) {
      const { keyTime, tag } = tagNext(group.time, key.time, policy.weight ?? 1)
      key.time = keyTime
      return tag
    }
    return isFifo(policy) ? fifoRank(id) : rank
  }

  /** A job holds its slots no longer, or no longer waits for them. */
  private leave(key: LimitKey, { slots, ...row }: JobRow): void {
    this.keys.touch(key)
    if (isInLine(row as JobRow)) this.leaveLine(key)
    else key.held -= slots
    this.free(key)
  }

  private leaveLine(key: LimitKey): void {
    key.waiting--
    if (key.waiting === 0) key.since = 0
  }

  /** A job that is live no more. */
  left(row: JobRow): void {
    if (row.limiter === null) return
    this.leave(this.keys.get(row.limiter), row)
    this.promoteFreed()
  }

  private free(key: LimitKey): void {
    if (!this.freed.includes(key)) this.freed.push(key)
  }

  /** Lets go what the last move made room for. Call when the job that moved stands again. */
  promoteFreed(): void {
    for (let key = this.freed.pop(); key !== undefined; key = this.freed.pop()) this.promote(key)
  }

  /** Lets go the jobs that wait for a key, as many as may be ready. */
  promote(key: LimitKey): void {
    if (isRated(key.policy)) return
    const window = this.keys.windowOf(key)
    while (key.waiting > 0 && mayBeReady(key, window, 1, this.keys.now)) {
      const room = Math.max(1, Math.min(piece, window - key.held))
      let isBlocked = false
      const waiters = this.keys.first(key, room)
      for (const waiter of waiters) {
        isBlocked = !fitsWindow(window, key.held, waiter[4])
        if (isBlocked) break
        this.letGo(key, waiter)
      }
      if (isBlocked || waiters.length === 0) return
    }
  }

  private letGo(key: LimitKey, [lane, id, rank, due, slots]: Waiter): void {
    this.keys.touch(key)
    this.leaveLine(key)
    key.held += slots
    const placed = this.place(key, id, rank)
    if (due > this.keys.now) {
      this.keepWaiting.run(placed, Waiting.waitTime, lane, id)
      this.laneCounters.scheduledFor(due)
      return
    }
    this.copyReady.run(placed, lane, id)
    this.deleteWaiting.run(lane, id)
    this.laneCounters.move(this.laneCounters.lanes.get(lane)!, States.scheduled, States.pending)
  }
}

const unlimited = (row: JobRow): JobRow => (row.limiter === null ? row : { ...row, limiter: null })
void mayStart
void charged
