import type { Failure, JobId } from "../../Queue/Job.ts"
import type { DueCount, Steps } from "../JobQuery.ts"
import type { After, NewJob } from "../Turn.ts"
import type { Lane } from "./Lane.ts"
import type { JobTable } from "./JobTable.ts"
import { JobFifo } from "./JobFifo.ts"
import { conflictOf, displace } from "./KeyConflicts.ts"
import { KeySlots } from "./KeySlots.ts"
import { RankedJobs } from "./RankedJobs.ts"
import type { MemorySession, Sessions } from "./Sessions.ts"
import { windowEnd } from "../../Queue/policy/jobs/Admission.ts"
import { type AttemptEnd, countOfState, endOfLostAttempt } from "../../Queue/policy/jobs/AttemptEnds.ts"
import { withDeadline } from "../../Queue/policy/jobs/Changes.ts"
import { dueOfPushed, type Pushed } from "../../Queue/policy/jobs/Debouncing.ts"
import { evictedMost, leavesNothing, ownRetention, ownUntil } from "../../Queue/policy/jobs/Retaining.ts"
import {
  cancelled,
  completed,
  failed,
  isFinished,
  isLive,
  isWaiting,
  pending,
  running,
  scheduled,
  stateNames
} from "../../Queue/policy/jobs/States.ts"
import {
  cancelledBecause,
  displacedAtKey,
  expired,
  noRoomAtKey,
  parentFailed,
  workerLost
} from "../../Queue/policy/jobs/StoreFailures.ts"
import { isExpired, isForTimeOnly, stateWhile } from "../../Queue/policy/jobs/Waiting.ts"
import { childrenOf, isFree, keepAttempt, rareOf, slotsIn, type StoredJob, waitOf } from "./StoredJob.ts"
import { UniqueKeys } from "./UniqueKeys.ts"
import { Wakes } from "./Wakes.ts"

export class JobLife {
  readonly wakes = new Wakes()
  readonly keys = new UniqueKeys()
  /** Jobs that ended without a settle that says so, since a turn last asked. */
  private endedOtherwise: Array<JobId> = []
  /** Jobs that have ended since the store was opened. */
  endedCount = 0
  /**
   * Finished jobs of each state in the order they finished, but those of `keptUntil`; by state number less `completed`.
   */
  readonly finishedInOrder: ReadonlyArray<JobFifo>
  /** Finished jobs that say themselves until when they stay, the first to go first; likewise. */
  readonly keptUntil: ReadonlyArray<RankedJobs>
  private readonly table: JobTable
  /** Running jobs that ride in the slot of another of their batch. */
  private readonly riders = new Set<StoredJob>()
  private readonly due = new RankedJobs((job) => job.due)
  private readonly expiring = new RankedJobs((job) => job.rare!.expiresAt!)
  /** Ended parents whose children have not heard yet. A list, not recursion: chains may be 100,000 long. */
  private ended: Array<{ readonly id: JobId; readonly well: boolean; readonly children: ReadonlyArray<StoredJob> }> = []

  /** Of the limited keys. */
  readonly slots: KeySlots
  private readonly sessions: Sessions

  constructor(table: JobTable, sessions: Sessions) {
    this.table = table
    this.sessions = sessions
    this.slots = new KeySlots(table, {
      ready: (job) => {
        this.list(job)
        this.wakes.stir(job.lane.group)
      },
      list: (job) => this.list(job),
      postpone: (job) => {
        this.keep(job)
        this.due.add(job)
      },
      keep: (job) => this.keep(job),
      unlist: (job) => this.unlist(job),
      unready: (job) => job.lane.ready(job.priority).remove(job),
      relist: (job, now) => this.relist(job, now),
      stir: (group) => this.wakes.stir(group),
      first: (group) => group.first()
    })
    this.finishedInOrder = [new JobFifo(), new JobFifo(), new JobFifo()]
    this.keptUntil = this.finishedInOrder.map(() => new RankedJobs((job) => job.rare!.keepUntil!))
  }

  /** Milliseconds since 1970 from which the jobs' times count. */
  get epoch(): number {
    return this.table.epoch
  }

  /** A waiting job takes over what a new one of its key brings. */
  takeOver(waiting: StoredJob, job: NewJob, keepsPlace: boolean, now: number): void {
    waiting.payload = job.payload
    if (job.version !== (waiting.rare?.version ?? 0)) rareOf(waiting).version = job.version
    if (keepsPlace) return
    const { epoch } = this.table
    const due = dueOfPushed(job, pushedOf(waiting, epoch), now)
    this.unlist(waiting)
    waiting.priority = job.priority
    waiting.due = due - epoch
    waiting.rank = job.rank + (due - job.due) - epoch
    const { rare } = waiting
    if (rare !== undefined) rare.retrying = false
    const deadline = job.extra?.deadline
    if (rare?.extra?.deadline !== deadline) rareOf(waiting).extra = withDeadline(rare?.extra, deadline)
    this.relist(waiting, now)
  }

  // Waiting.

  /** A job that was just stored begins to wait, as `pending` or `scheduled`, for its key or for its parents. */
  begin(job: StoredJob, created: NewJob, held: boolean, now: number, isEnqueued: boolean): void {
    if (created.unique !== undefined) {
      rareOf(job).held = held
      const own = windowEnd(now, created.unique.windowMs)
      if (held) this.keys.hold(job, created.unique, own)
      else this.keys.take(job, created.unique.key, own, now)
    }
    if (canExpire(job)) this.expiring.add(job)
    const ended = created.after === undefined ? undefined : this.follow(job, created.after)
    if (ended !== undefined) this.endByParent(job, ended, now)
    else if (job.lane.group.limits === undefined || !isEnqueued || !this.yields(job, now)) {
      this.place(job, now)
      this.slots.refill(now)
    }
  }

  /** Settles the conflict of a new job with those of its key. Whether it has ended by that. */
  private yields(job: StoredJob, now: number): boolean {
    const conflict = conflictOf(this.slots, job, now)
    if (conflict === undefined) return false
    const { key, newest } = conflict
    if (newest) {
      if (canExpire(job)) this.expiring.remove(job)
      rareOf(job).failure = noRoomAtKey(key.name, key.window, now)
      this.unheard(job)
      this.end(job, cancelled, now)
      return true
    }
    const reason = displacedAtKey(key.name, key.window)
    displace(key, slotsIn(job), (other) => this.cancel(other, reason, now))
    return false
  }

  /** Ends a waiting job as cancelled, and signals a running one. */
  cancel(job: StoredJob, reason: string, now: number): void {
    if (job.state !== running) return this.endWaiting(job, cancelled, cancelledBecause(reason, job.attempt, now), now)
    // Once asked, the first reason stands.
    const rare = rareOf(job)
    rare.cancelReason ??= reason
    this.sessions.signal(job.session, { id: job.id, kind: "cancel", reason: rare.cancelReason })
    this.wakes.control = true
  }

  /** Registers the job with its unfinished parents. Answers the finished parent by which its policy ends it at once. */
  private follow(job: StoredJob, after: After): JobId | undefined {
    const rare = rareOf(job)
    rare.onParentFailure = after.onParentFailure
    const unfinished = new Set<JobId>()
    for (const id of after.jobs) {
      const parent = this.table.find(id)!
      if (isLive(parent.state)) {
        if (!unfinished.has(id)) childrenOf(parent).push(job)
        unfinished.add(id)
      } else if (parent.state !== completed && after.onParentFailure !== "run") {
        rare.parents = new Set([id])
        return id
      }
    }
    rare.parents = unfinished
    return undefined
  }

  /** Lists a waiting job where it belongs: ready, due later, or nowhere while it waits for another job. */
  place(job: StoredJob, now: number): void {
    if ((job.lane.group.limits !== undefined || job.rare?.admission !== undefined) && this.slots.place(job, now)) return
    const wait = waitOf(job)
    const state = stateWhile(wait, job.due, now - this.table.epoch)
    if (job.state !== state) this.table.move(job, state)
    if (state === pending) {
      job.lane.ready(job.priority).add(job)
      this.wakes.stir(job.lane.group)
    } else if (isForTimeOnly(wait)) this.due.add(job)
  }

  /** It may be claimed. */
  private list(job: StoredJob): void {
    if (job.state !== pending) this.table.move(job, pending)
    job.lane.ready(job.priority).add(job)
  }

  /** It waits, in no list. */
  private keep(job: StoredJob): void {
    if (job.state !== scheduled) this.table.move(job, scheduled)
  }

  /** A job has ended without a settle that says so. */
  unheard(job: StoredJob): void {
    this.endedOtherwise.push(job.id)
  }

  /** Asked once a turn. */
  takeEnded(): ReadonlyArray<JobId> | undefined {
    if (this.endedOtherwise.length === 0) return undefined
    const ended = this.endedOtherwise
    this.endedOtherwise = []
    return ended
  }

  /** Takes a waiting job out of every list, so that what orders it may change. */
  unlist(job: StoredJob): void {
    if (job.state === pending) job.lane.ready(job.priority).remove(job)
    else if (isFree(job)) this.due.remove(job)
    if (canExpire(job)) this.expiring.remove(job)
    if (job.rare?.admission !== undefined) this.slots.unlisted(job)
  }

  relist(job: StoredJob, now: number): void {
    if (canExpire(job)) this.expiring.add(job)
    this.place(job, now)
    this.slots.refill(now)
  }

  /** Makes pending what is due. */
  promote(now: number): void {
    this.slots.promoteDue(now)
    const at = now - this.table.epoch
    for (let job = this.due.first(); job !== undefined && job.due <= at; job = this.due.first()) {
      this.due.shift()
      this.place(job, now)
      this.slots.refill(now)
    }
  }

  /** When time alone brings the next job that may start, in milliseconds since 1970. */
  nextDue(now: number): number | undefined {
    const job = this.due.first()
    const due = job === undefined ? undefined : job.due + this.table.epoch
    const limited = this.slots.nextAt(now)
    return due === undefined || (limited !== undefined && limited < due) ? limited : due
  }

  /** How many jobs become due in each step, by lane. */
  dueIn({ count, from, stepMs }: Steps): ReadonlyArray<DueCount> {
    const start = from - this.table.epoch
    const lanes = new Map<StoredJob["lane"], Map<number, number>>()
    for (const { due, lane } of this.due) {
      if (due >= start + count * stepMs) break
      const step = Math.max(0, Math.trunc((due - start) / stepMs))
      const steps = lanes.get(lane) ?? new Map<number, number>()
      lanes.set(lane, steps.set(step, (steps.get(step) ?? 0) + 1))
    }
    return [...lanes].flatMap(([{ group, task }, steps]) =>
      [...steps].map(([step, jobs]) => ({ group: group.name, task, step, jobs }))
    )
  }

  /** Cancels up to `limit` jobs that waited beyond their expiry. Answers how many, and whether there may be more. */
  expire(now: number, limit: number): { readonly count: number; readonly more: boolean } {
    const due: Array<StoredJob> = []
    for (let job = this.expiring.first(); job !== undefined && due.length < limit; job = this.expiring.first()) {
      if (job.rare!.expiresAt! > now) break
      this.expiring.shift()
      due.push(job)
    }
    // Back in their list, which whatever ends them takes them out of.
    for (const job of due) this.expiring.add(job)
    // Parents first: a job ends by its parent before it ends by its age.
    due.sort((a, b) => a.id - b.id)
    let count = 0
    for (const job of due) {
      if (!isWaiting(job.state)) continue
      this.endExpired(job, now)
      this.settleChildren(now)
      count++
    }
    return { count, more: due.length === limit }
  }

  /** It had not started: who may have handed it back is forgotten. */
  private endExpired(job: StoredJob, now: number): void {
    job.session = 0
    this.endWaiting(job, cancelled, expired(now), now)
  }

  // Run.

  /** Ends a pending job that is past its expiry. */
  endIfExpired(job: StoredJob, now: number): boolean {
    if (!isExpired(job.attempt, job.rare!.expiresAt, now)) return false
    this.endExpired(job, now)
    return true
  }

  /** A pending job that is in no list runs. `rides`: in the slot of another of its batch. */
  begins(job: StoredJob, session: MemorySession, at: number, rides = false): void {
    // Once it has started it expires no more.
    if (job.rare !== undefined && canExpire(job)) this.expiring.remove(job)
    this.table.move(job, running)
    job.attempt++
    job.session = session.id
    job.started = at
    if (job.rare !== undefined) job.rare.retrying = false
    if (rides) this.riders.add(job)
    if (job.lane.group.limits !== undefined) this.slots.begins(job, at + this.table.epoch, rides)
  }

  /** Whether a running job rides in the slot of another of its batch. */
  rides(job: StoredJob): boolean {
    return this.riders.has(job)
  }

  /** A running job leaves its slot, if it holds one. */
  private vacate(job: StoredJob): void {
    if (this.riders.size === 0 || !this.riders.delete(job)) job.lane.group.running -= slotsIn(job)
    if (job.rare?.admission !== undefined) this.slots.ceases(job)
  }

  count({ lane: { cell } }: StoredJob, { counts }: AttemptEnd): void {
    for (const counter of counts) cell[counter]++
  }

  /** Takes a running job from a worker that is gone. */
  recover(job: StoredJob, now: number): "recovered" | "buried" | "cancelled" {
    const reason = job.rare?.cancelReason
    const end = endOfLostAttempt(job.attempt, job.maxAttempts, reason !== undefined)
    const { state } = end
    const rare = rareOf(job)
    this.count(job, end)
    rare.failure =
      reason === undefined ? workerLost(state === failed, job.attempt, now) : cancelledBecause(reason, job.attempt, now)
    if (state === undefined) {
      rare.lost++
      keepAttempt(job, "lost", rare.failure, now, this.table.epoch)
      this.back(job, job.due, job.rank, now)
      return "recovered"
    }
    this.unheard(job)
    this.end(job, state, now)
    return state === failed ? "buried" : "cancelled"
  }

  /** A running job waits again. */
  back(job: StoredJob, due: number, rank: number, now: number): void {
    this.vacate(job)
    if (job.rare?.admission !== undefined && !this.slots.keeps(job)) this.slots.leave(job)
    job.due = due
    job.rank = rank
    // Not running any more, whatever `place` makes of it.
    this.table.move(job, scheduled)
    this.relist(job, now)
  }

  // The end.

  /** Ends a job that does not run, with the failure that the store found. */
  endWaiting(job: StoredJob, state: number, failure: Failure, now: number): void {
    this.unlist(job)
    rareOf(job).failure = failure
    this.unheard(job)
    this.end(job, state, now)
  }

  /**
   * A finished job as a new one under its old id, `prepared` before it waits. False: another live job has its unique
   * key.
   */
  revive(finished: StoredJob, now: number, prepared: (job: StoredJob) => void): boolean {
    const unique = finished.rare?.unique
    if (unique !== undefined && !this.keys.isFree(unique)) return false
    const at = now - this.table.epoch
    this.unkeep(finished)
    const job = this.table.renew(finished, scheduled)
    prepared(job)
    job.due = at
    job.lane.cell.arrivals++
    if (unique !== undefined) this.keys.take(job, unique.key, 0, now)
    this.place(job, now)
    this.slots.refill(now)
    return true
  }

  /** Removes a waiting or finished job for an operator: its unique key is free, even within the window. */
  remove(job: StoredJob, now: number): void {
    const unique = job.rare?.unique
    // Who keeps it is not to find it any more.
    job.kept = undefined
    this.discard(job, now)
    if (unique !== undefined) this.keys.forget(job, unique)
  }

  /** Removes a waiting or finished job. */
  discard(job: StoredJob, now: number): void {
    if (isWaiting(job.state)) this.unlist(job)
    else this.unkeep(job)
    const { rare } = job
    if (rare?.admission !== undefined) this.slots.leave(job)
    if (job.kept !== undefined) job.kept.record = this.table.view(job)
    this.table.drop(job)
    this.slots.refill(now)
    if (rare?.children !== undefined) this.ended.push({ id: job.id, well: false, children: rare.children })
    if (rare?.unique !== undefined) this.follower(job, rare.unique, now)
  }

  /** An unlisted or running job is finished. */
  end(job: StoredJob, state: number, now: number): void {
    if (job.state === running) this.vacate(job)
    if (job.rare?.admission !== undefined) this.slots.leave(job)
    this.table.move(job, state)
    this.slots.refill(now)
    // The hot path, apart from the rule that it repeats.
    if (state === completed) job.lane.cell.completed++
    else job.lane.cell[countOfState(state)]++
    job.finished = now - this.table.epoch
    this.endedCount++
    this.wakes.finished = true
    const { rare } = job
    if (rare === undefined) {
      this.finishedInOrder[state - completed]!.push(job)
      return
    }
    const own = ownRetention(rare.extra, state)
    if (own !== undefined) rare.keepUntil = ownUntil(own, this.windowOf(job, now), now)
    if (rare.keepUntil === undefined) this.finishedInOrder[state - completed]!.push(job)
    else this.keptUntil[state - completed]!.add(job)
    rare.parents = undefined
    if (state === completed) rare.steps = undefined
    if (rare.children !== undefined) {
      this.ended.push({ id: job.id, well: state === completed, children: rare.children })
      rare.children = undefined
    }
    if (rare.unique !== undefined) this.follower(job, rare.unique, now)
    if (leavesNothing(rare.keepUntil, now) && !this.isHeld(job)) this.discard(job, now)
    if (own?.count !== undefined) this.evict(job.lane, state, own.count, now)
  }

  private windowOf(job: StoredJob, now: number): number {
    const unique = job.rare?.unique
    return unique === undefined ? 0 : this.keys.windowOf(job, unique, now)
  }

  /** A finished job's result is still needed. */
  isHeld(job: StoredJob): boolean {
    const holder = job.rare?.extra?.holder
    const other = holder === undefined ? undefined : this.table.find(holder)
    return other !== undefined && isLive(other.state)
  }

  /** A finished job is no longer one that goes at its own time. */
  private unkeep(job: StoredJob): void {
    if (isFinished(job.state) && job.rare?.keepUntil !== undefined) this.keptUntil[job.state - completed]!.remove(job)
  }

  /** Finished jobs of a lane beyond `count` go, the oldest by id, but those that are still needed. */
  private evict(lane: Lane, state: number, count: number, now: number): void {
    const excess = lane.jobs.count([state]) - count
    if (excess <= 0) return
    const filter = { groups: [lane.group.name], tasks: [lane.task], states: [stateNames[state]!] }
    for (const job of this.table.matching(filter, "oldest", undefined, Math.min(excess, evictedMost))) {
      const unique = job.rare?.unique
      const isAnswer = unique !== undefined && this.keys.find(unique.key, now)?.id === job.id
      if (!isAnswer && !this.isHeld(job)) this.discard(job, now)
    }
  }

  private follower(job: StoredJob, unique: NonNullable<NewJob["unique"]>, now: number): void {
    const follower = this.keys.release(job, unique, now)
    if (follower === undefined) return
    follower.rare!.held = false
    this.place(follower, now)
    this.slots.refill(now)
  }

  /** Whether jobs have ended whose children have not heard yet. */
  get hasEnded(): boolean {
    return this.ended.length > 0
  }

  /**
   * Tells the children of ended parents, and theirs, until nobody waits for what has ended; the parent that ended first
   * first.
   */
  settleChildren(now: number): void {
    for (let i = 0; i < this.ended.length; i++) {
      const { children, id, well } = this.ended[i]!
      for (const child of [...children].sort((a, b) => a.id - b.id)) {
        const { rare } = child
        if (child.state !== scheduled || rare === undefined || rare.parents === undefined || !rare.parents.has(id))
          continue
        if (well || rare.onParentFailure === "run") {
          rare.parents.delete(id)
          this.place(child, now)
          this.slots.refill(now)
        } else this.endByParent(child, id, now)
      }
    }
    if (this.ended.length > 0) this.ended = []
  }

  private endByParent(job: StoredJob, parent: JobId, now: number): void {
    const state = job.rare!.onParentFailure === "fail" ? failed : cancelled
    this.endWaiting(job, state, parentFailed(parent, job.attempt, now), now)
  }
}

const pushedOf = ({ due, enqueued, session, started }: StoredJob, epoch: number): Pushed => ({
  due: due + epoch,
  enqueued: enqueued + epoch,
  started: session === 0 ? undefined : started + epoch
})

/** Its first attempt is still to come, and it has an expiry: it is in the list of those. */
const canExpire = (job: StoredJob): boolean =>
  job.attempt === 0 && job.rare !== undefined && job.rare.expiresAt !== undefined
