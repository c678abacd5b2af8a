/**
 * The states of a job and what moves it between them: the rules of the contract, over the table and its waiting lists.
 */
import { heldUntil } from "../../Limits/policy/Holding.ts"
import type { Failure, JobId } from "../../Queue/Job.ts"
import { unlimited } from "../../Queue/ResourceGroup.ts"
import type { DueCount, Steps } from "../JobQuery.ts"
import type { After, BeyondLimit, ClaimedJob, ClaimRequest, FollowUp, NewJob, Settle } from "../Turn.ts"
import type { Group, Lane, ReadyStream } from "./Lane.ts"
import type { JobTable } from "./JobTable.ts"
import { JobFifo } from "./JobFifo.ts"
import { KeyLines } from "./KeyLines.ts"
import { RankedJobs } from "./RankedJobs.ts"
import type { MemorySession, Sessions } from "./Sessions.ts"
import { fitsWindow } from "../../Limits/policy/KeyAdmission.ts"
import { windowEnd } from "../../Queue/policy/jobs/Admission.ts"
import { type AttemptEnd, countOfState, endOfAttempt, endOfLostAttempt } from "../../Queue/policy/jobs/AttemptEnds.ts"
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
import { isExpired, isForTimeOnly, stateWhile, waitedMs } from "../../Queue/policy/jobs/Waiting.ts"
import {
  childrenOf,
  claimedOf,
  costIn,
  isFree,
  keepAttempt,
  rareOf,
  slotsIn,
  type StoredJob,
  waitOf
} from "./StoredJob.ts"
import { UniqueKeys } from "./UniqueKeys.ts"

/** What a turn has to tell listeners. */
export interface Wakes {
  ready: boolean
  finished: boolean
  control: boolean
}

const noTasks: ReadonlySet<string> = new Set()

export class JobLife {
  readonly wakes: Wakes = { ready: false, finished: false, control: false }
  readonly keys = new UniqueKeys()
  /** Groups in which jobs became ready since listeners were last told. */
  private readonly woken: Array<Group> = []
  /** Groups in which jobs became ready since a turn last asked. */
  private readonly stirred: Array<Group> = []
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
  readonly lines: KeyLines
  private readonly sessions: Sessions

  constructor(table: JobTable, sessions: Sessions) {
    this.table = table
    this.sessions = sessions
    this.lines = new KeyLines(table, {
      ready: (job) => {
        this.list(job)
        this.stir(job.lane.group)
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
      stir: (group) => this.stir(group),
      first: (group) => this.nextPending(group)
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
      this.lines.refill(now)
    }
  }

  /** Settles the conflict of a new job with those of its key. Whether it has ended by that. */
  private yields(job: StoredJob, now: number): boolean {
    const conflict = this.lines.conflictOf(job, now)
    if (conflict === undefined) return false
    const { key, newest } = conflict
    if (newest) {
      if (canExpire(job)) this.expiring.remove(job)
      rareOf(job).failure = noRoomAtKey(key.name, key.window, now)
      this.endedOtherwise.push(job.id)
      this.end(job, cancelled, now)
      return true
    }
    const reason = displacedAtKey(key.name, key.window)
    this.lines.displace(key, slotsIn(job), (other) => this.cancel(other, reason, now))
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
    if ((job.lane.group.limits !== undefined || job.rare?.admission !== undefined) && this.lines.place(job, now)) return
    const wait = waitOf(job)
    const state = stateWhile(wait, job.due, now - this.table.epoch)
    if (job.state !== state) this.table.move(job, state)
    if (state === pending) {
      job.lane.ready(job.priority).add(job)
      this.stir(job.lane.group)
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

  /** Listeners are to hear that a job of the group became ready. */
  wake(group: Group): void {
    this.wakes.ready = true
    if (group.woken) return
    group.woken = true
    this.woken.push(group)
  }

  /** The groups in which jobs became ready; asked when listeners are told. */
  takeWoken(): ReadonlyArray<string> {
    const names = this.woken.map((group) => {
      group.woken = false
      return group.name
    })
    this.woken.length = 0
    return names
  }

  /** Something of the group may be claimed. */
  private stir(group: Group): void {
    this.wake(group)
    if (group.stirred) return
    group.stirred = true
    this.stirred.push(group)
  }

  /** Groups, but those claimed from, in which jobs became ready that this session may start; asked once a turn. */
  takeReady(session: MemorySession | undefined, claim: ReadonlyArray<ClaimRequest>): ReadonlyArray<string> | undefined {
    let ready: Array<string> | undefined
    for (const group of this.stirred) {
      group.stirred = false
      if (session === undefined || group.paused || group.running >= group.limit) continue
      if (claim.some((request) => request.group === group.name)) continue
      if (
        !group.streams.some((stream) => stream.size > 0 && session.handles.has(stream.lane.task)) &&
        !this.lines.hasDue(group, session)
      )
        continue
      ready ??= []
      ready.push(group.name)
    }
    this.stirred.length = 0
    return ready
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
    if (job.rare?.admission !== undefined) this.lines.unlisted(job)
  }

  relist(job: StoredJob, now: number): void {
    if (canExpire(job)) this.expiring.add(job)
    this.place(job, now)
    this.lines.refill(now)
  }

  /** Makes pending what is due. */
  promote(now: number): void {
    this.lines.promoteDue(now)
    const at = now - this.table.epoch
    for (let job = this.due.first(); job !== undefined && job.due <= at; job = this.due.first()) {
      this.due.shift()
      this.place(job, now)
      this.lines.refill(now)
    }
  }

  /** When time alone brings the next job that may start, in milliseconds since 1970. */
  nextDue(now: number): number | undefined {
    const job = this.due.first()
    const due = job === undefined ? undefined : job.due + this.table.epoch
    const limited = this.lines.nextAt(now)
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

  // Claim.

  /** Up to `limit` pending jobs of the group in order of rank, then id. */
  upNext(group: Group, limit: number): ReadonlyArray<StoredJob> {
    const heads = [...group.lanes.values()].flatMap((lane) => lane.first(limit))
    return heads.sort((a, b) => a.rank - b.rank || a.id - b.id).slice(0, limit)
  }

  /** The group's pending job that starts next, whoever has a handler for it. */
  nextPending(group: Group): StoredJob | undefined {
    const streams = group.streams.filter((stream) => stream.size > 0)
    return streams.length === 0 ? undefined : streams.reduce((a, b) => (startsBefore(b, a) ? b : a)).first()
  }

  private limitFor(group: Group, session: MemorySession, beyond: BeyondLimit | undefined): number {
    if (beyond === "nested") return unlimited
    if (beyond === undefined || group.operatorLimit !== undefined) return group.limit
    const othersWait = group.streams.some(
      ({ lane: { task }, size }) => size > 0 && !session.handles.has(task) && this.sessions.serves(task)
    )
    return othersWait ? group.limit : Math.max(group.limit, beyond)
  }

  /** Slots of the group that a claim may take; more than there are for a job that runs alone. */
  private freeFor(group: Group, session: MemorySession, beyond: BeyondLimit | undefined, now: number): number {
    if (beyond === "nested") return unlimited
    if (group.paused || heldUntil(group, group.policy, now) > now) return 0
    return this.limitFor(group, session, beyond) - group.running
  }

  /** Starts up to `limit` jobs of the group in order of rank, then id. */
  claim(
    group: Group,
    limit: number,
    session: MemorySession,
    now: number,
    claimed: Array<ClaimedJob>,
    beyond: BeyondLimit | undefined
  ): void {
    const room = Math.min(limit, this.freeFor(group, session, beyond, now))
    this.promoting(group, room, session, now, beyond === "nested", () =>
      this.claimReady(group, limit, session, now, claimed, { beyond })
    )
  }

  /** Claims while up to `room` jobs of rated keys are ready too. */
  promoting(
    group: Group,
    room: number,
    session: MemorySession,
    now: number,
    isNested: boolean,
    claim: () => void
  ): void {
    if (room <= 0) return
    const promoted = this.lines.promoteForClaim(group, room, session, now, isNested)
    claim()
    if (promoted !== undefined) this.lines.returnAfterClaim(promoted, now)
  }

  /** Starts up to `limit` jobs that are ready, in order of rank, then id; none of the tasks `but`. */
  claimReady(
    group: Group,
    limit: number,
    session: MemorySession,
    now: number,
    claimed: Array<ClaimedJob>,
    { but = noTasks, beyond }: { readonly but?: ReadonlySet<string>; readonly beyond?: BeyondLimit | undefined } = {}
  ): void {
    let free = this.freeFor(group, session, beyond, now)
    let room = limit
    const open = () => {
      const streams = group.streams.filter(
        (stream) => stream.size > 0 && session.handles.has(stream.lane.task) && !but.has(stream.lane.task)
      )
      for (let i = (streams.length >> 1) - 1; i >= 0; i--) sift(streams, i)
      return streams
    }
    let streams = open()
    const at = now - this.table.epoch
    let wait = 0
    let waited = 0
    let waitedIn: StoredJob["lane"] | undefined
    while (room > 0 && free > 0 && streams.length > 0) {
      const stream = streams[0]!
      const job = stream.first()!
      if (job.rare !== undefined && this.endIfExpired(job, now)) {
        // What its key has let go instead may be of a lane that had nothing ready.
        if (group.limits === undefined) retop(streams)
        else streams = open()
        continue
      }
      const slots = slotsIn(job)
      if ((slots > free && group.running > 0) || !this.allows(group, costIn(job), beyond, now)) break
      stream.shift()
      retop(streams)
      this.begins(job, session, at)
      group.running += slots
      free -= slots
      room--
      const since = this.waited(job, now)
      if (since === wait && job.lane === waitedIn) waited++
      else {
        if (waitedIn !== undefined) recordWait(waitedIn, wait, waited)
        wait = since
        waited = 1
        waitedIn = job.lane
      }
      claimed.push(claimedOf(job, this.table.epoch))
    }
    if (waitedIn !== undefined) recordWait(waitedIn, wait, waited)
  }

  private allows(group: Group, cost: number, beyond: BeyondLimit | undefined, now: number): boolean {
    return group.limits === undefined || beyond === "nested" || this.lines.allows(group, cost, now)
  }

  /** Whether the group has slots for these jobs, started together, and its rate lets them. */
  mayStartTogether(group: Group, jobs: ReadonlyArray<StoredJob>, now: number): boolean {
    const cost = jobs.reduce((sum, job) => sum + costIn(job), 0)
    return fitsWindow(group.limit, group.running, slotsIn(jobs[0]!)) && this.allows(group, cost, undefined, now)
  }

  /**
   * Starts these pending jobs of one lane together, in the slots of the first of them. Answers those that had not
   * expired.
   */
  claimTogether(jobs: ReadonlyArray<StoredJob>, session: MemorySession, now: number): ReadonlyArray<ClaimedJob> {
    const claimed: Array<ClaimedJob> = []
    for (const job of jobs) {
      if (job.rare !== undefined && this.endIfExpired(job, now)) continue
      job.lane.ready(job.priority).remove(job)
      this.begins(job, session, now - this.table.epoch, claimed.length > 0)
      if (claimed.length === 0) job.lane.group.running += slotsIn(job)
      else this.riders.add(job)
      recordWait(job.lane, this.waited(job, now), 1)
      claimed.push(claimedOf(job, this.table.epoch))
    }
    return claimed
  }

  /** Ends a pending job that is past its expiry. */
  private endIfExpired(job: StoredJob, now: number): boolean {
    if (!isExpired(job.attempt, job.rare!.expiresAt, now)) return false
    this.endExpired(job, now)
    return true
  }

  private begins(job: StoredJob, session: MemorySession, at: number, rides = false): void {
    // Once it has started it expires no more.
    if (job.rare !== undefined && canExpire(job)) this.expiring.remove(job)
    this.table.move(job, running)
    job.attempt++
    job.session = session.id
    job.started = at
    if (job.rare !== undefined) job.rare.retrying = false
    if (job.lane.group.limits !== undefined) this.lines.begins(job, at + this.table.epoch, rides)
  }

  private waited(job: StoredJob, now: number): number {
    return waitedMs(now - this.table.epoch, job.due, job.enqueued)
  }

  /** A running job leaves its slot, if it holds one. */
  private vacate(job: StoredJob): void {
    if (this.riders.size === 0 || !this.riders.delete(job)) job.lane.group.running -= slotsIn(job)
    if (job.rare?.admission !== undefined) this.lines.ceases(job)
  }

  // Settle.

  /** False: the claim has passed on. */
  settle(settle: Settle, session: number, now: number): boolean {
    const job = this.held(settle.id, settle.attempt, session)
    if (job === undefined) return false
    const { failure, followUp, outcome } = settle
    // The hot path repeats what `endOfAttempt` says of it.
    if (outcome === "completed") {
      job.lane.cell.run.record(settle.runMs)
      job.result = settle.result
      if (job.lane.group.limits !== undefined) this.lines.heard(job, settle, now, this.riders.has(job))
      if (followUp !== undefined) this.storeAll(followUp.jobs, now)
      this.end(job, completed, now)
      return true
    }
    const { epoch } = this.table
    const end = endOfAttempt(outcome, job.rare?.cancelReason !== undefined)
    if (job.lane.group.limits !== undefined) this.lines.heard(job, settle, now, this.riders.has(job))
    if (end.isTimed) job.lane.cell.run.record(settle.runMs)
    if (end.counts.length > 0) this.count(job, end)
    if (end.isCancellation) {
      rareOf(job).failure = cancelledBecause(job.rare!.cancelReason!, job.attempt, now)
      this.endedOtherwise.push(job.id)
    } else if (outcome === "release") {
      if (followUp !== undefined) this.awaitAll(job, followUp, this.storeAll(followUp.jobs, now))
    } else {
      // A failure that is not given leaves the one before.
      if (failure !== undefined) rareOf(job).failure = failure
      if (outcome === "retry") {
        rareOf(job).retrying = true
        keepAttempt(job, "failed", failure, now, epoch)
      }
    }
    if (!end.isSpent) job.attempt--
    if (end.state === undefined) {
      const heldBackUntil = (outcome === "release" ? settle.heldBackUntil : undefined) ?? 0
      if (heldBackUntil > now) this.lines.holdBack(job, heldBackUntil, now)
      this.back(job, Math.max(settle.due, heldBackUntil) - epoch, settle.rank - epoch, now)
    } else this.end(job, end.state, now)
    return true
  }

  private count({ lane: { cell } }: StoredJob, { counts }: AttemptEnd): void {
    for (const counter of counts) cell[counter]++
  }

  /** Stores jobs that nothing can refuse. */
  private storeAll(jobs: ReadonlyArray<NewJob>, now: number): ReadonlyArray<StoredJob> {
    return jobs.map((job) => {
      const stored = this.table.add(job, now, job.due <= now ? pending : scheduled)
      stored.lane.cell.arrivals++
      this.begin(stored, job, false, now, false)
      return stored
    })
  }

  /** A job that is about to wait again waits for these to end, however they end. */
  private awaitAll(job: StoredJob, { afterIds, afterJobs }: FollowUp, stored: ReadonlyArray<StoredJob>): void {
    const awaited = new Set(afterJobs.map((place) => stored[place]!))
    for (const id of afterIds) {
      const other = this.table.find(id)
      if (other !== undefined && other.state <= running) awaited.add(other)
    }
    if (awaited.size === 0) return
    const rare = rareOf(job)
    rare.onParentFailure = "run"
    rare.parents = new Set([...awaited].map(({ id }) => id))
    for (const other of awaited) childrenOf(other).push(job)
  }

  /** The running job that this token holds. */
  held(id: JobId, attempt: number, session: number): StoredJob | undefined {
    const job = this.table.find(id)
    return job !== undefined &&
      job.state === running &&
      (job.session === session || session === 0) &&
      job.attempt === attempt
      ? job
      : undefined
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
    this.endedOtherwise.push(job.id)
    this.end(job, state, now)
    return state === failed ? "buried" : "cancelled"
  }

  private back(job: StoredJob, due: number, rank: number, now: number): void {
    this.vacate(job)
    if (job.rare?.admission !== undefined && !this.lines.keeps(job)) this.lines.leave(job)
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
    this.endedOtherwise.push(job.id)
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
    this.lines.refill(now)
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
    if (rare?.admission !== undefined) this.lines.leave(job)
    if (job.kept !== undefined) job.kept.record = this.table.view(job)
    this.table.drop(job)
    this.lines.refill(now)
    if (rare?.children !== undefined) this.ended.push({ id: job.id, well: false, children: rare.children })
    if (rare?.unique !== undefined) this.follower(job, rare.unique, now)
  }

  /** An unlisted or running job is finished. */
  private end(job: StoredJob, state: number, now: number): void {
    if (job.state === running) this.vacate(job)
    if (job.rare?.admission !== undefined) this.lines.leave(job)
    this.table.move(job, state)
    this.lines.refill(now)
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
    this.lines.refill(now)
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
          this.lines.refill(now)
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

const recordWait = (lane: StoredJob["lane"], wait: number, times: number): void => {
  lane.cell.starts += times
  lane.cell.wait.record(wait, times)
}

const startsBefore = (a: ReadyStream, b: ReadyStream): boolean => {
  const x = a.first()!
  const y = b.first()!
  return x.rank < y.rank || (x.rank === y.rank && x.id < y.id)
}

/** Restores the binary heap of streams below `i`. */
const sift = (streams: Array<ReadyStream>, i: number): void => {
  for (;;) {
    let least = 2 * i + 1
    if (least >= streams.length) return
    if (least + 1 < streams.length && startsBefore(streams[least + 1]!, streams[least]!)) least++
    if (!startsBefore(streams[least]!, streams[i]!)) return
    const stream = streams[i]!
    streams[i] = streams[least]!
    streams[least] = stream
    i = least
  }
}

/** Restores the heap after its top stream gave up a job. */
const retop = (streams: Array<ReadyStream>): void => {
  if (streams[0]!.size === 0) {
    const last = streams.pop()!
    if (streams.length === 0) return
    streams[0] = last
  }
  if (streams.length > 1) sift(streams, 0)
}
