/**
 * Where jobs begin and cease to hold slots of their key or to wait for them: the steps of `policy/KeyAdmission`.
 * Whatever moves a job passes here, single jobs by way of `JobRows`. What is ready holds its slots already, so a claim
 * that takes it changes nothing of its key, but where that has a rate.
 */
import { tagNext, timeAfterClaim, timeAfterReturn } from "../../Limits/policy/FairShare.ts"
import {
  admittedRank,
  fitsWindow,
  holdsWhileWaiting,
  isFifo,
  isRated,
  keysInClaim,
  mayBeReady,
  mayStart,
  slotsAllowed
} from "../../Limits/policy/KeyAdmission.ts"
import { type Feedback, isOfKey } from "../../Limits/policy/Feedback.ts"
import { learned } from "../../Limits/policy/Learning.ts"
import { afterStart, boundsStarts, type StartState } from "../../Limits/policy/Starts.ts"
import type { JobId } from "../../Queue/Job.ts"
import type { JobBounds } from "../../Queue/policy/jobs/Admission.ts"
import { labelsOf } from "../../Queue/policy/jobs/Labels.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { FeedbackPolicy } from "../../Limits/GroupPolicy.ts"
import { BreakerNotes } from "../BreakerNotes.ts"
import type { BreakerNote, Settle } from "../Turn.ts"
import type { Database, Query } from "./Database.ts"
import { copyInto, type JobRow, withOwnRank } from "./JobColumns.ts"
import { type Group, type Lane, type LaneCounters, limitOf, policyOf } from "./LaneCounters.ts"
import type { LimitKey, LimitKeys, Waiter } from "./LimitKeys.ts"
import type { Reseats } from "./Reseats.ts"
import type { Statistics } from "./Statistics.ts"

/** Waiting jobs of a key read at a time. */
const piece = 64

/** Jobs that one transaction lets go at most, claims apart; the next goes on. */
const letGoAtOnce = 250

/** What the key of a new job does, which would have to wait. */
export interface Conflict {
  readonly key: LimitKey
  /** The new job ends; else those before it are cancelled. */
  readonly newest: boolean
}

/** A job that a claim may start though its key is rated, and how it was before. */
interface Lent {
  readonly key: LimitKey
  readonly lane: Lane
  readonly id: JobId
  readonly place: number
  readonly slots: number
  readonly since: number
  readonly wasStirred: boolean
}

type Ready = [lane: number, place: number, id: JobId, slots: number]

/** A key whose next job a claim may start. */
interface Candidate {
  readonly key: LimitKey
  /** As if what was lent so far had started. */
  state: StartState
  next: Waiter
  /** That it would be pending with. */
  rank: number
}

const isInLine = ({ state, wait }: JobRow): boolean => state === States.scheduled && Waiting.isForLimit(wait)

const isTimed = ({ state, wait }: JobRow): boolean => state === States.scheduled && Waiting.isForTimeOnly(wait)

export class KeySlots {
  private readonly laneCounters: LaneCounters
  private readonly keys: LimitKeys
  private readonly statistics: Statistics
  private readonly reseats: Reseats
  /** Keys that may let jobs go, once the job that moves stands again. */
  private readonly freed = new Set<LimitKey>()
  /** Jobs that the open transaction may still let go. */
  private mayLetGo = letGoAtOnce
  /** The job that has just come into a line. */
  private arrived: JobRow | undefined
  private readonly lent = new Map<JobId, Lent>()
  private readonly breakers = new BreakerNotes()
  private readonly copyReady: Query<[]>
  private readonly deleteWaiting: Query<[]>
  private readonly keepWaiting: Query<[]>
  private readonly copyBack: Query<[]>
  private readonly deleteReady: Query<[]>
  private readonly selectLiveOf: Query<[id: JobId, isLimited: number, slots: number | null]>
  private readonly selectReadyOf: Query<Ready>
  private readonly selectReadyIn: Query<Ready>

  constructor(db: Database, laneCounters: LaneCounters, keys: LimitKeys, reseats: Reseats, statistics: Statistics) {
    this.laneCounters = laneCounters
    this.keys = keys
    this.reseats = reseats
    this.statistics = statistics
    const { waitLimit, waitLimitRetry, waitNone, waitRetry, waitTime } = Waiting
    const out = (otherwise: number) => `CASE wait WHEN ${waitLimitRetry} THEN ${waitRetry} ELSE ${otherwise} END`
    const placed = { rank: "?1", ownRank: "CASE rank WHEN ?1 THEN NULL ELSE rank END", wait: out(waitNone) }
    this.copyReady = db.prepare(`${copyInto("pending", "scheduled", placed)} WHERE lane = ?2 AND id = ?3`)
    this.deleteWaiting = db.prepare("DELETE FROM scheduled WHERE lane = ? AND id = ?")
    this.keepWaiting = db.prepare(`UPDATE scheduled SET wait = ${out(waitTime)} WHERE lane = ? AND id = ?`)
    const back = {
      rank: "ifnull(own_rank, rank)",
      wait: `CASE wait WHEN ${waitRetry} THEN ${waitLimitRetry} ELSE ${waitLimit} END`
    }
    const one = "lane = ? AND rank = ? AND id = ?"
    this.copyBack = db.prepare(`${copyInto("scheduled", "pending", back)} WHERE ${one}`)
    this.deleteReady = db.prepare(`DELETE FROM pending WHERE ${one}`)
    this.selectLiveOf = db.prepare(
      `SELECT label.id, running.id IS NOT NULL OR pending.id IS NOT NULL OR scheduled.id IS NOT NULL,
         CASE WHEN scheduled.wait >= ${waitLimit} THEN NULL ELSE coalesce(running.slots, pending.slots, scheduled.slots) END
       FROM label CROSS JOIN job ON job.id = label.id
       LEFT JOIN running ON running.id = job.id AND running.limiter = ?1
       LEFT JOIN pending ON pending.lane = job.lane AND pending.id = job.id AND pending.limiter = ?1
       LEFT JOIN scheduled ON scheduled.lane = job.lane AND scheduled.id = job.id AND scheduled.limiter = ?1
       WHERE label = ?2 AND label.id < ?3 ORDER BY label.id DESC LIMIT ?4`
    )
    const ready = "SELECT pending.lane, pending.rank, pending.id, pending.slots FROM"
    this.selectReadyOf = db.prepare(
      `${ready} label CROSS JOIN job ON job.id = label.id
       CROSS JOIN pending ON pending.lane = job.lane AND pending.id = job.id WHERE limiter = ?1 AND label = ?2`
    )
    this.selectReadyIn = db.prepare(
      `${ready} json_each(?2) AS place CROSS JOIN pending ON pending.lane = place.value WHERE limiter = ?1`
    )
  }

  /**
   * Where a job may stand that stands nowhere now and is to stand as `to` says, but for its limits. `from`: how it
   * stood before. `promoteFreed` follows, once it stands there.
   */
  seat(to: JobRow, from?: JobRow): JobRow {
    this.arrived = undefined
    const held = from?.limiter ?? null
    const { group } = to.lane
    if (held === null && !group.hasLimitedKeys) return to.ownRank === null ? to : withOwnRank(to)
    const own = isInLine(to) ? this.outOfLine(to) : withOwnRank(to)
    if (to.state === States.running) return own
    if (from !== undefined && States.isWaiting(from.state)) this.countBacklog(from, -1)
    if (States.isWaiting(to.state)) this.countBacklog(to, 1)
    const key = States.isWaiting(to.state) ? this.keys.find(group, to.partitionKey) : undefined
    const before = held === null ? undefined : this.keys.get(held)
    const arrives = key !== undefined && isThere(key, own)
    if (before !== undefined) {
      if (before === key && arrives && this.keeps(key, own, from!)) return this.kept(key, own, from!)
      this.leave(before, from!)
    }
    return arrives ? this.arrive(key, own) : own.limiter === null ? own : { ...own, limiter: null }
  }

  /** As it would stand if no limit kept it. */
  private outOfLine(row: JobRow): JobRow {
    const wait = Waiting.outOfLine(row.wait)
    const { now } = this.keys
    return { ...row, state: Waiting.stateWhile(wait, row.due, now), wait: Waiting.waitWhile(wait, row.due, now) }
  }

  /** Whether it keeps its place in the line, or its slots. */
  private keeps({ policy }: LimitKey, to: JobRow, from: JobRow): boolean {
    if (isInLine(from)) return true
    if (to.state === States.pending && isRated(policy)) return false
    return from.state !== States.running || holdsWhileWaiting(policy)
  }

  private kept(key: LimitKey, to: JobRow, from: JobRow): JobRow {
    if (isInLine(from)) return this.inLine(key, to)
    if (to.state !== States.pending) return { ...to, limiter: key.id }
    if (from.state === States.pending)
      return ready(
        key,
        to,
        policyOf(key.group).fair === true ? from.rank : admittedRank(to.id, to.rank, undefined, key.policy)
      )
    this.keys.touch(key)
    const place = this.place(key, to)
    return ready(key, to, policyOf(key.group).fair === true ? key.group.time : place)
  }

  private arrive(key: LimitKey, to: JobRow): JobRow {
    this.keys.touch(key)
    const isNext = key.waiting === 0 && to.state === States.pending && !this.reseats.maySkip(key.group, key.key, to.id)
    if (isNext && !isRated(key.policy) && this.mayBeReady(key, to.slots)) {
      key.held += to.slots
      return ready(key, to, this.place(key, to))
    }
    this.arrived = this.lineUp(key, to)
    return this.arrived
  }

  private lineUp(key: LimitKey, to: JobRow): JobRow {
    if (key.waiting === 0) key.since = this.keys.now
    key.waiting++
    return this.inLine(key, to)
  }

  private inLine(key: LimitKey, to: JobRow): JobRow {
    this.freed.add(key)
    return { ...to, state: States.scheduled, wait: Waiting.intoLine(to.wait), limiter: key.id }
  }

  private mayBeReady(key: LimitKey, slots: number): boolean {
    return mayBeReady(key, this.keys.windowOf(key), slots, this.keys.now)
  }

  /** The rank of a job that its key lets go. */
  private place(key: LimitKey, { id, rank, slots }: Pick<JobRow, "id" | "rank" | "slots">): number {
    const { group, policy } = key
    if (policyOf(group).fair !== true) return admittedRank(id, rank, undefined, policy)
    const { keyTime, tag } = tagNext(group.time, key.time, policy.weight ?? 1, slots)
    key.time = keyTime
    return admittedRank(id, rank, tag, policy)
  }

  /** A job holds its slots no longer, or no longer waits for them. */
  private leave(key: LimitKey, row: JobRow): void {
    this.keys.touch(key)
    if (isInLine(row)) this.leaveLine(key)
    else key.held -= row.slots
    this.lent.delete(row.id)
    this.freed.add(key)
  }

  private leaveLine(key: LimitKey): void {
    key.waiting--
    if (key.waiting === 0) key.since = 0
  }

  /** A job is live no more, and stands elsewhere or nowhere. */
  left(row: JobRow): void {
    if (States.isWaiting(row.state)) this.countBacklog(row, -1)
    if (row.limiter === null) return
    this.leave(this.keys.get(row.limiter), row)
    this.promoteFreed()
  }

  private countBacklog(row: JobRow, delta: number): void {
    const key = this.keys.find(row.lane.group, row.partitionKey)
    if (key?.policy.backlog !== undefined && !this.reseats.isUncounted(row)) this.countWaiting(key, delta)
  }

  countWaiting(key: LimitKey, delta: number): void {
    key.backlog += delta
    this.keys.touch(key)
  }

  /** A waiting job, whose limits have changed, as it is where it arrives by them. `promoteFreed` follows. */
  reseat(row: JobRow): JobRow {
    const { group } = row.lane
    const key = this.keys.find(group, row.partitionKey)
    const own = isInLine(row) ? this.outOfLine(row) : withOwnRank(row)
    if (row.limiter !== null) {
      const before = this.keys.get(row.limiter)
      this.leave(before, row)
      const isTagged = row.state === States.pending && policyOf(group).fair === true && this.reseats.wasFair(group)
      if (isTagged) before.time = timeAfterReturn(before.time, row.rank)
    }
    if (key !== undefined && isThere(key, own)) {
      this.keys.touch(key)
      return this.lineUp(key, own)
    }
    return own.limiter === null ? own : { ...own, limiter: null }
  }

  /** Whether a job that waits stays in the line of its key whose limits have changed. Then the key promotes anew. */
  staysInLine(key: LimitKey, { due, limiter, wait }: Pick<JobRow, "due" | "limiter" | "wait">): boolean {
    const stays =
      limiter === key.id && Waiting.isForLimit(wait) && (due <= this.keys.now || holdsWhileWaiting(key.policy))
    if (stays) {
      this.keys.touch(key)
      this.freed.add(key)
    }
    return stays
  }

  /** Slots that a running job holds are those of another key. */
  passOn(limiter: number | null, key: LimitKey | undefined, slots: number): void {
    if (limiter !== null) {
      const before = this.keys.get(limiter)
      before.held -= slots
      this.keys.touch(before)
      this.freed.add(before)
    }
    if (key === undefined) return
    key.held += slots
    this.keys.touch(key)
  }

  /** Whether a ready job has to go back to where it arrives before it may start: its limits have changed. */
  isMisplaced(row: JobRow): boolean {
    if (!this.reseats.awaits(row)) return false
    const { group } = row.lane
    const key = this.keys.find(group, row.partitionKey)
    if (key === undefined) return row.limiter !== null
    return (
      row.limiter !== key.id ||
      key.paused ||
      !fitsWindow(this.keys.windowOf(key), key.held - row.slots, row.slots) ||
      (isRated(key.policy) && !this.lent.has(row.id)) ||
      this.reseats.maySkip(group, key.key, row.id)
    )
  }

  /** Lets go what the last move made room for. */
  promoteFreed(): void {
    if (this.freed.size === 0) return
    for (const key of this.freed) this.promote(key)
    this.freed.clear()
    const { arrived } = this
    if (arrived === undefined) return
    this.arrived = undefined
    if (!this.startsNext(arrived)) this.statistics.count(arrived.lane, "limited")
  }

  /** Whether a job that has come into a line of a rated key has not to wait for its limits. */
  private startsNext({ id, limiter }: JobRow): boolean {
    const key = this.keys.get(limiter!)
    if (!isRated(key.policy)) return false
    const first = this.keys.first(key, 1)[0]
    return first?.[1] === id && this.mayStart(key, key, first)
  }

  /** `state`: the key's own, or what a claim would make of it. */
  private mayStart(key: LimitKey, state: StartState, [, , , , slots, cost]: Waiter): boolean {
    const { feedback, tat } = state
    const as = state === key ? key : { ...key, feedback, tat }
    return mayStart(as, key.policy, this.keys.windowOf(key), slots, cost, this.keys.now)
  }

  /** Lets go those that wait for a key, in their order, as many as may be ready. Of a rated key the claims do. */
  promote(key: LimitKey): void {
    if (key.isBehind) this.keys.touch(key)
    key.isBehind = false
    const window = this.keys.windowOf(key)
    while (key.waiting > 0 && this.mayBeReady(key, 1)) {
      const waiters = this.keys.first(key, isRated(key.policy) ? 1 : Math.max(1, Math.min(piece, window - key.held)))
      for (const waiter of waiters) {
        const [, id, , due, slots] = waiter
        if (!fitsWindow(window, key.held, slots) || (isRated(key.policy) && due <= this.keys.now)) return
        if (this.mayLetGo === 0 || this.reseats.maySkip(key.group, key.key, id)) {
          this.keys.touch(key)
          key.isBehind = true
          return
        }
        this.mayLetGo--
        this.letGo(key, waiter)
      }
      if (waiters.length === 0) return
    }
  }

  /** Answers the rank with which it is pending. */
  private letGo(key: LimitKey, [lane, id, rank, due, slots]: Waiter): number {
    this.keys.touch(key)
    this.leaveLine(key)
    key.held += slots
    if (this.arrived?.id === id) this.arrived = undefined
    if (due > this.keys.now) {
      this.keepWaiting.run(lane, id)
      this.laneCounters.scheduledFor(due)
      return rank
    }
    const place = this.place(key, { id, rank, slots })
    this.copyReady.run(place, lane, id)
    this.deleteWaiting.run(lane, id)
    this.laneCounters.move(this.laneCounters.lanes.get(lane)!, States.scheduled, States.pending)
    return place
  }

  /**
   * Makes the jobs of rated keys pending that a claim with `room` may start: those that come first by the rank they
   * have then, of tasks that the session runs. `takeBack` follows the claim.
   */
  lend(name: string, tasks: ReadonlySet<string>, room: number, isNested: boolean): void {
    const group = this.laneCounters.groups.get(name)
    if (group?.hasLimitedKeys !== true || !(room > 0)) return
    const keys = isNested ? this.keys.waitedFor(group) : this.keys.due(group, tasks, keysInClaim(room))
    const candidates = keys.flatMap((key) => this.candidate(key, key, tasks, isNested) ?? [])
    for (let left = room; left > 0 && candidates.length > 0; left--) {
      let first = 0
      for (let i = 1; i < candidates.length; i++) if (comesBefore(candidates[i]!, candidates[first]!)) first = i
      const { key, next, state } = candidates[first]!
      this.lendNext(key, next)
      const after = afterStart(key.policy, state, next[5], this.keys.now)
      const follower = this.candidate(key, after, tasks, isNested)
      if (follower === undefined) candidates.splice(first, 1)
      else candidates[first] = follower
    }
  }

  /** The first job that waits for a key, if a claim may start it. */
  private candidate(
    key: LimitKey,
    state: StartState,
    tasks: ReadonlySet<string>,
    isNested: boolean
  ): Candidate | undefined {
    const next = this.keys.first(key, 1)[0]
    if (next === undefined) return undefined
    const [lane, id, rank, , slots] = next
    if (!tasks.has(this.laneCounters.lanes.get(lane)!.task)) return undefined
    if (this.reseats.maySkip(key.group, key.key, id)) return undefined
    if (!isNested && !this.mayStart(key, state, next)) return undefined
    const { time } = key
    const place = this.place(key, { id, rank, slots })
    key.time = time
    return { key, state, next, rank: place }
  }

  private lendNext(key: LimitKey, next: Waiter): void {
    const [laneId, id, , , slots] = next
    const lane = this.laneCounters.lanes.get(laneId)!
    const { since } = key
    const wasStirred = lane.stirred
    const place = this.letGo(key, next)
    this.lent.set(id, { key, lane, id, place, slots, since, wasStirred })
  }

  /** What was lent and did not start waits again as if nothing had been. */
  takeBack(): void {
    if (this.lent.size === 0) return
    for (const { id, key, lane, place, since, slots, wasStirred } of [...this.lent.values()].reverse()) {
      this.backToLine(key, lane, place, id, slots)
      lane.stirred = wasStirred
      key.since = since
    }
    this.lent.clear()
  }

  /** Whether a claim may find jobs of rated keys that wait. */
  hasRatedDue(group: Group, tasks: ReadonlySet<string>): boolean {
    return this.keys.due(group, tasks, 1).length > 0
  }

  /** Whether more than the slots of a group limits jobs of it. */
  concerns(group: Group): boolean {
    return group.hasLimitedKeys || boundsStarts(policyOf(group))
  }

  /** Jobs of a group have started; `rows` as they were ready. */
  started(group: Group | undefined, rows: ReadonlyArray<JobRow>): void {
    if (group === undefined) return
    if (!this.concerns(group)) return
    const policy = policyOf(group)
    const isBounded = boundsStarts(policy)
    for (const row of rows) {
      this.countBacklog(row, -1)
      if (isBounded) this.starts(group, undefined, policy, row)
      if (row.limiter === null) continue
      this.lent.delete(row.id)
      if (policy.fair === true) group.time = timeAfterClaim(group.time, row.rank)
      const key = this.keys.get(row.limiter)
      if (!boundsStarts(key.policy)) continue
      this.starts(key, key, key.policy, row)
      this.keys.touch(key)
    }
    if (isBounded || policy.fair === true) this.laneCounters.touchGroup(group)
  }

  private starts(of: Group | LimitKey, key: LimitKey | undefined, policy: FeedbackPolicy, row: JobRow): void {
    const { feedback, tat } = afterStart(policy, of, row.cost, this.keys.now, row.wait === Waiting.rides)
    of.tat = tat
    this.learn(of, key, feedback)
  }

  /** An attempt has ended: what that says of the other side. */
  heard(row: JobRow, settle: Settle, now: number): void {
    const { group } = row.lane
    if (row.limiter === null && !boundsStarts(policyOf(group))) return
    const key = row.limiter === null ? undefined : this.keys.get(row.limiter)
    const of = { policy: policyOf(group), feedback: group.feedback }
    const after = learned(of, key, { settle, startedAt: row.started ?? now, cost: row.cost, rides: row.wait === Waiting.rides }, now)
    if (after?.group !== undefined) {
      this.learn(group, undefined, after.group.feedback)
      this.laneCounters.touchGroup(group)
    }
    if (key !== undefined && after?.key !== undefined) {
      this.learn(key, key, after.key.feedback)
      this.keys.touch(key)
    }
  }

  private learn(of: Group | LimitKey, key: LimitKey | undefined, feedback: Feedback | undefined): void {
    const group = "group" in of ? of.group : of
    const change = this.breakers.note(group.name, key?.key, of.feedback, feedback)
    of.feedback = feedback
    if (change === "closed") this.laneCounters.startsLater()
  }

  /** Breakers that have changed since this was asked. */
  takeBreakers(): ReadonlyArray<BreakerNote> | undefined {
    return this.breakers.take()
  }

  windowOf(key: LimitKey): number {
    return this.keys.windowOf(key)
  }

  /** Slots that there are for a job of the group and key, and the backlogs that bound it. */
  boundsOf(group: Group, partitionKey: string | undefined): Pick<JobBounds, "slotsOf" | "backlogOf"> {
    const key = this.keys.find(group, partitionKey ?? null)
    const { backlog } = policyOf(group)
    const waiting = () =>
      group.lanes.reduce((sum, { counts }) => sum + counts[States.scheduled] + counts[States.pending], 0)
    return {
      slotsOf: {
        group: limitOf(group),
        key: key === undefined ? Number.POSITIVE_INFINITY : slotsAllowed(key.policy)
      },
      backlogOf: {
        group: backlog === undefined ? undefined : { limit: backlog, waiting: waiting() },
        key: key?.policy.backlog === undefined ? undefined : { limit: key.policy.backlog, waiting: key.backlog }
      }
    }
  }

  /** What its key does with a new job that would have to wait; undefined: it waits, or does not have to. */
  conflictOf(row: JobRow): Conflict | undefined {
    if (!row.lane.group.hasLimitedKeys || Waiting.isForOthers(row.wait)) return undefined
    const key = this.keys.find(row.lane.group, row.partitionKey)
    if (key === undefined) return undefined
    const { conflict = "queue" } = key.policy
    if (conflict === "queue" || !isThere(key, row)) return undefined
    const [first] = this.keys.first(key, 1)
    const isFirst =
      first === undefined ||
      (!isFifo(key.policy) && (row.rank < first[2] || (row.rank === first[2] && row.id < first[1])))
    const waiter: Waiter = [row.lane.id, row.id, row.rank, row.due, row.slots, row.cost]
    const starts = row.state === States.pending ? this.mayStart(key, key, waiter) : this.mayBeReady(key, row.slots)
    return isFirst && starts ? undefined : { key, newest: conflict === "cancelNewest" }
  }

  /** The jobs that hold slots of a named key or stand in its line, the oldest first. */
  jobsOf(key: LimitKey): ReadonlyArray<JobId> {
    const [label] = labelsOf(key.key, undefined)
    const ids: Array<JobId> = []
    let held = 0
    let waiting = 0
    let cursor = Number.MAX_SAFE_INTEGER
    // The newest are looked at first: those that have finished need not be.
    while (held < key.held || waiting < key.waiting) {
      const found = this.selectLiveOf.all(key.id, label!, cursor, piece)
      for (const [id, limited, slots] of found) {
        cursor = id
        if (limited === 0) continue
        ids.push(id)
        if (slots === null) waiting++
        else held += slots
      }
      if (found.length < piece) break
    }
    return ids.reverse()
  }

  /** The other side of a job asked for rest until then: its key rests, where that is limited, else its group. */
  holdBack({ lane: { group }, partitionKey }: JobRow, until: number): void {
    const key = this.keys.find(group, partitionKey)
    if (key === undefined || !isOfKey(policyOf(group), key.policy)) {
      group.heldBackUntil = Math.max(group.heldBackUntil, until)
      this.laneCounters.touchGroup(group)
      return
    }
    key.heldBackUntil = Math.max(key.heldBackUntil, until)
    this.keys.touch(key)
    this.putBack(key)
    this.promoteFreed()
  }

  /** All ready jobs of a key go back into its line, and it promotes anew. */
  putBack(key: LimitKey): void {
    for (const [lane, place, id, slots] of this.readyOf(key))
      this.backToLine(key, this.laneCounters.lanes.get(lane)!, place, id, slots)
    this.freed.add(key)
  }

  private readyOf({ group, id, key }: LimitKey): ReadonlyArray<Ready> {
    const [label] = labelsOf(key, undefined)
    return key === ""
      ? this.selectReadyIn.all(id, JSON.stringify(group.lanes.map((lane) => lane.id)))
      : this.selectReadyOf.all(id, label!)
  }

  private backToLine(key: LimitKey, lane: Lane, place: number, id: JobId, slots: number): void {
    this.copyBack.run(lane.id, place, id)
    this.deleteReady.run(lane.id, place, id)
    this.laneCounters.move(lane, States.pending, States.scheduled)
    this.keys.touch(key)
    key.held -= slots
    if (key.waiting === 0) key.since = this.keys.now
    key.waiting++
    key.time = timeAfterReturn(key.time, place)
  }

  /** When a key is to let jobs go that have waited for time alone; undefined: nothing waits for such a key. */
  nextDue(): number | undefined {
    return this.keys.nextPromotionAt()
  }

  /** When time alone lets a job of a rated key of the group start. */
  nextStart(group: Group, tasks: ReadonlySet<string>): number | undefined {
    return this.keys.nextStart(group, tasks)
  }

  /** Lets go what waits for keys that are held back no longer, and where a transaction before has left off. */
  promoteDue(): void {
    for (const key of this.keys.promoting()) this.promote(key)
  }

  /** Call first in every transaction. */
  begin(): void {
    this.mayLetGo = letGoAtOnce
  }

  /** After a rollback: nothing of it happened. */
  invalidate(): void {
    this.freed.clear()
    this.arrived = undefined
    this.lent.clear()
  }
}

/** A job that nothing else keeps is at its key; in a line that holds also before its time. */
const isThere = ({ policy }: LimitKey, to: JobRow): boolean =>
  to.state === States.pending || (isTimed(to) && holdsWhileWaiting(policy))

const ready = (key: LimitKey, to: JobRow, rank: number): JobRow => ({
  ...to,
  limiter: key.id,
  rank,
  ownRank: rank === to.rank ? null : to.rank
})

const comesBefore = (a: Candidate, b: Candidate): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.next[1] < b.next[1])
