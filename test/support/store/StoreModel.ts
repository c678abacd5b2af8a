/**
 * What a store should do, in the plainest way: every question is answered by going through all jobs. Times are
 * absolute; expiry, recovery and promotion happen in `pass`, since when exactly a store does them is its own affair.
 */
import type { Failure, FailureCause, JobAttempt, JobId, JobState, WaitReason } from "../../../src/services/Queue/Job.ts"
import { formatJobId } from "../../../src/services/Queue/Job.ts"
import type { EnqueueNote, NewJob, Settle } from "../../../src/services/Store/Turn.ts"
import type { JobChange } from "../../../src/services/Store/JobChange.ts"
import { slotsOf } from "../../../src/services/Limits/policy/KeyAdmission.ts"
import { LimitsModel, slotsIn } from "./LimitsModel.ts"
import { rankIn, type Rankings } from "../../../src/services/Queue/policy/Order.ts"

export interface ModelJob {
  readonly id: JobId
  readonly enqueuedAt: number
  new: NewJob
  state: JobState
  version: number
  payload: unknown
  priority: number
  due: number
  rank: number
  attempt: number
  session: number | undefined
  startedAt: number | undefined
  /** Attempts lost with their worker. */
  lost: number
  retrying: boolean
  held: boolean
  parents: Array<JobId>
  expiresAt: number | undefined
  /** Why its running attempt is to be cancelled. */
  cancelReason: string | undefined
  finishedAt: number | undefined
  /** Until when it stays, by its own word. */
  keepUntil: number | undefined
  result: unknown
  failure: Failure | undefined
  /** The one that runs is the last. */
  attempts: Array<JobAttempt>
  progress: unknown
  /** The limited key that it has arrived at, and whether it holds slots there. */
  key: string | undefined
  holds: boolean
  /** Its rank but for while its key makes it ready. */
  ownRank: number
  tag: number | undefined
}

/** What happened to the jobs of one group and task. */
export interface ModelFigures {
  arrivals: number
  starts: number
  completed: number
  failed: number
  retried: number
  dead: number
  cancelled: number
  recovered: number
  deduplicated: number
  limited: number
  waits: number
  waitMs: number
  runs: number
  runMs: number
}

const noFigures: ModelFigures = {
  arrivals: 0,
  starts: 0,
  completed: 0,
  failed: 0,
  retried: 0,
  dead: 0,
  cancelled: 0,
  recovered: 0,
  deduplicated: 0,
  limited: 0,
  waits: 0,
  waitMs: 0,
  runs: 0,
  runMs: 0
}

interface ModelSession {
  readonly tasks: ReadonlyArray<string>
  leaseUntil: number
  draining: boolean
}

interface State {
  jobs: Map<JobId, ModelJob>
  limits: LimitsModel["state"] | undefined
  /** By key: until when its window is open, and the id it was last given to. */
  windows: Map<string, { readonly until: number; readonly id: JobId }>
}

const isWaiting = ({ state }: ModelJob) => state === "scheduled" || state === "pending"
const isLive = (job: ModelJob) => isWaiting(job) || job.state === "running"

/** Of an enqueue: by itself, or in a batch that is judged, and then stored whole. */
type Stage = "alone" | "judged" | "accepted"

export class StoreModel {
  private state: State = { jobs: new Map(), limits: undefined, windows: new Map() }
  readonly limits = new LimitsModel(
    () => this.jobs,
    (job) => void this.figuresOf(job.new).limited++
  )
  readonly sessions = new Map<number, ModelSession>()
  readonly pausedGroups = new Set<string>()
  /** By group, then task. */
  readonly figures = new Map<string, Map<string, ModelFigures>>()
  /** Jobs that have ended since `takeEnded` was called last. */
  private endedSince: Array<JobId> = []
  private readonly ends = new Map<JobId, JobState>()
  /** Jobs that have ended since `tell` was called last, in that order. */
  private ended: Array<{ readonly id: JobId; readonly well: boolean }> = []
  isPaused = false

  private figuresOf({ group, task }: Pick<NewJob, "group" | "task">): ModelFigures {
    const tasks = this.figures.get(group) ?? new Map<string, ModelFigures>()
    const figures = tasks.get(task) ?? { ...noFigures }
    this.figures.set(group, tasks.set(task, figures))
    return figures
  }

  /** Jobs that have ended since this was asked last. */
  takeEnded(): ReadonlyArray<JobId> {
    const ended = this.endedSince
    this.endedSince = []
    return ended
  }

  get jobs(): ReadonlyArray<ModelJob> {
    // Ids grow, so they are in their order.
    return [...this.state.jobs.values()]
  }

  job(id: JobId): ModelJob | undefined {
    return this.state.jobs.get(id)
  }

  /** The state that a job ended in last, also one that is gone. */
  endedAs(id: JobId): JobState | undefined {
    return this.ends.get(id)
  }

  waitReason(job: ModelJob): WaitReason | undefined {
    if (job.state !== "scheduled") return undefined
    if (job.parents.length > 0) return "parents"
    if (job.held) return "key"
    return job.key !== undefined && !job.holds ? "limit" : job.retrying ? "retry" : "time"
  }

  running(group: string): number {
    return this.jobs
      .filter((job) => job.state === "running" && job.new.group === group)
      .reduce((sum, job) => sum + slotsIn(job), 0)
  }

  /**
   * Stores a batch whole or not at all, giving new jobs the ids that the store gave. Answers the notes by index in the
   * batch.
   */
  enqueue(
    batch: ReadonlyArray<NewJob>,
    ids: ReadonlyArray<JobId>,
    now: number
  ): ReadonlyArray<EnqueueNote | undefined> {
    const before = structuredClone({ ...this.state, limits: this.limits.state })
    const figuresBefore = structuredClone(this.figures)
    const store = (stage: Stage) => batch.map((job, i) => this.enqueueOne(job, ids[i]!, now, stage))
    const isRefused = (note: EnqueueNote | undefined) =>
      note !== undefined && note._tag !== "Existing" && note._tag !== "Replaced"
    // A batch is judged as if no job of it ended at once, for its key or its parents.
    let notes = store(batch.length > 1 ? "judged" : "alone")
    const isWhole = !notes.some(isRefused)
    if (batch.length > 1 || !isWhole) {
      this.state = before
      this.limits.state = before.limits
      this.ended = []
      this.endedSince = []
      for (const [group, tasks] of [...this.figures]) {
        for (const [task, figures] of tasks) Object.assign(figures, figuresBefore.get(group)?.get(task) ?? noFigures)
      }
    }
    if (!isWhole) notes = notes.map((note) => (isRefused(note) ? note : { _tag: "BatchRefused" }))
    else if (batch.length > 1) notes = store("accepted")
    notes.forEach((note, i) => {
      if (note?._tag === "Duplicate" || note?._tag === "Existing" || note?._tag === "Replaced")
        this.figuresOf(batch[i]!).deduplicated++
    })
    this.tell(now)
    return notes
  }

  private enqueueOne(job: NewJob, id: JobId, now: number, stage: Stage): EnqueueNote | undefined {
    let held = false
    if (job.unique !== undefined) {
      const { key, onConflict } = job.unique
      const ofKey = this.jobs.filter((other) => other.new.unique?.key === key && isLive(other))
      const holder = ofKey.find((other) => !other.held)
      const follower = ofKey.find((other) => other.held)
      const window = this.state.windows.get(key)
      const taken = holder?.id ?? (window !== undefined && now < window.until ? window.id : undefined)
      if (taken !== undefined) {
        if (onConflict === "reject") return { _tag: "Duplicate", existing: taken }
        const target =
          onConflict === "existing" || holder === undefined
            ? undefined
            : onConflict !== "replace" && follower !== undefined
              ? follower
              : holder.state === "running"
                ? undefined
                : holder
        if (target !== undefined) {
          target.version = job.version
          target.payload = job.payload
          if (onConflict !== "keepLast") {
            const due = pushedTo(job, target, now)
            this.limits.lift(target)
            target.priority = job.priority
            target.due = due
            target.rank = due + (job.rank - job.due)
            const { deadline: _, ...extra } = target.new.extra ?? {}
            const deadline = job.extra?.deadline
            target.new = { ...target.new, extra: deadline === undefined ? extra : { ...extra, deadline } }
            target.retrying = false
            this.place(target, now)
          }
          return { _tag: "Replaced", id: target.id }
        }
        held = holder?.state === "running" && (onConflict === "keepLast" || onConflict === "debounce")
        if (!held) return { _tag: "Existing", id: taken }
      }
    }
    const missing = job.after?.jobs.find((parent) => !this.state.jobs.has(parent))
    if (missing !== undefined) return { _tag: "ParentNotFound", parent: missing }

    if (stage !== "accepted") {
      const tooLarge = this.limits.tooLarge(job)
      if (tooLarge !== undefined) return { _tag: "TooLarge", slots: slotsOf(job.extra), ...tooLarge }
      const over = this.limits.overBacklog(job)
      if (over !== undefined) return { _tag: "Overloaded", ...over, retryAfterMs: 0 }
    }

    const stored: ModelJob = {
      id,
      enqueuedAt: now,
      new: job,
      state: "scheduled",
      version: job.version,
      payload: job.payload,
      priority: job.priority,
      due: job.due,
      rank: job.rank,
      attempt: 0,
      session: undefined,
      startedAt: undefined,
      lost: 0,
      retrying: false,
      held,
      parents: [],
      expiresAt: job.expiresAt,
      cancelReason: undefined,
      finishedAt: undefined,
      keepUntil: undefined,
      result: undefined,
      failure: undefined,
      attempts: [],
      progress: undefined,
      key: undefined,
      holds: false,
      ownRank: job.rank,
      tag: undefined
    }
    this.state.jobs.set(id, stored)
    this.figuresOf(job).arrivals++
    if (job.unique !== undefined && !held) this.takeKey(stored, job.unique.windowMs, now)
    const parents = [...new Set(job.after?.jobs)].map((parent) => this.state.jobs.get(parent)!)
    const ended = parents.find((parent) => parent.state === "failed" || parent.state === "cancelled")
    if (stage !== "judged" && ended !== undefined && job.after!.onParentFailure !== "run")
      this.endByParent(stored, ended.id, now)
    else {
      stored.parents = parents.filter(isLive).map((parent) => parent.id)
      if (stage === "judged" || !this.yields(stored, now)) this.place(stored, now)
    }
    return undefined
  }

  /** Whether a new job ends at once, since its key has no room. */
  private yields(job: ModelJob, now: number): boolean {
    const conflict = this.limits.conflict(job, now)
    if (conflict === undefined) return false
    const { cancels, key } = conflict
    const limit = Number.isFinite(key.window) ? `limit of ${key.window}` : "rate"
    const said = `Key ${JSON.stringify(key.name)} has no room for another job beside its ${limit}, and its policy is to cancel`
    if (cancels === "newest") {
      this.endWith(job, "cancelled", "Cancelled", `${said} the newest.`, now)
      return true
    }
    for (const id of this.limits.arrived(key)) {
      if (this.limits.hasRoomFor(key, job)) break
      const other = this.state.jobs.get(id)!
      if (other.state !== "running")
        this.endWith(other, "cancelled", "Cancelled", `${said} those before the newest.`, now)
      else other.cancelReason ??= `${said} those before the newest.`
    }
    return false
  }

  /** A window counts from the job's enqueue; one that is still open stays as it is. */
  private takeKey(job: ModelJob, windowMs: number, now: number): void {
    const { key } = job.new.unique!
    const until = this.state.windows.get(key)?.until ?? -Infinity
    this.state.windows.set(key, { until: until > now ? until : job.enqueuedAt + windowMs, id: job.id })
  }

  private place(job: ModelJob, now: number): void {
    if (this.limits.place(job, now)) return
    job.state = job.parents.length === 0 && !job.held && job.due <= now ? "pending" : "scheduled"
  }

  /** The jobs that start, in their order. Expired ones that stand before them end. */
  claim(session: number, group: string, limit: number, now: number): ReadonlyArray<ModelJob> {
    const by = this.sessions.get(session)
    if (by === undefined || by.draining || this.isPaused || this.pausedGroups.has(group)) return []
    const slots = this.limits.group(group).limit
    const room = Math.min(limit, slots - this.running(group))
    if (room <= 0 || !this.limits.isOpen(group, now)) return []
    const giveBack = this.limits.promoteForClaim(group, room, by.tasks, now)
    const claimed: Array<ModelJob> = []
    while (claimed.length < limit && this.running(group) < slots) {
      const job = this.jobs
        .filter((each) => each.state === "pending" && each.new.group === group && by.tasks.includes(each.new.task))
        .sort((a, b) => a.rank - b.rank || a.id - b.id)[0]
      if (job === undefined) break
      if (isExpired(job, now)) {
        this.expire(job, now)
        continue
      }
      const running = this.running(group)
      if ((running > 0 && running + slotsIn(job) > slots) || !this.limits.allows(job, now)) break
      this.limits.begins(job, now)
      job.state = "running"
      job.attempt++
      job.session = session
      job.startedAt = now
      job.attempts.push({ number: job.attempt, session, startedAt: now, outcome: "running" })
      job.retrying = false
      const figures = this.figuresOf(job.new)
      figures.starts++
      figures.waits++
      figures.waitMs += now - Math.max(job.due, job.enqueuedAt)
      claimed.push(job)
    }
    giveBack()
    return claimed
  }

  /** The running job that a token holds. */
  private held(session: number, id: JobId, attempt: number): ModelJob | undefined {
    const job = this.state.jobs.get(id)
    return this.sessions.has(session) && job?.state === "running" && job.session === session && job.attempt === attempt
      ? job
      : undefined
  }

  note(session: number, id: JobId, attempt: number, value: unknown): void {
    const job = this.held(session, id, attempt)
    if (job !== undefined) job.progress = value
  }

  settle(session: number, settle: Settle, now: number): boolean {
    const job = this.held(session, settle.id, settle.attempt)
    if (job === undefined) return false
    this.limits.heard(job, settle, now)
    const { outcome } = settle
    const figures = this.figuresOf(job.new)
    const isCancelled = (outcome === "retry" || outcome === "release") && job.cancelReason !== undefined
    if (outcome !== "release" || isCancelled) {
      figures.runs++
      figures.runMs += settle.runMs
    }
    if (isCancelled) this.endWith(job, "cancelled", "Cancelled", job.cancelReason!, now)
    else if (outcome === "completed") {
      job.result = settle.result
      endAttempt(job, "completed", undefined, now)
      this.end(job, "completed", now)
    } else if (outcome === "release") {
      job.attempt--
      job.attempts.pop()
      this.again(job, settle, now)
    } else {
      job.failure = settle.failure ?? job.failure
      endAttempt(job, outcome === "cancelled" ? "cancelled" : "failed", settle.failure, now)
      if (outcome === "cancelled") this.end(job, "cancelled", now)
      else {
        figures.failed++
        if (outcome === "failed") this.end(job, "failed", now)
        else {
          figures.retried++
          job.retrying = true
          this.again(job, settle, now)
        }
      }
    }
    this.tell(now)
    return true
  }

  private again(job: ModelJob, { due, heldBackUntil = 0, outcome, rank }: Settle, now: number): void {
    const until = outcome === "release" ? heldBackUntil : 0
    if (until > now) this.limits.holdBack(job, until, now)
    this.rest(job, Math.max(due, until), rank, now)
  }

  /** A running job waits again. */
  private rest(job: ModelJob, due: number, rank: number, now: number): void {
    const left = this.limits.keeps(job) ? undefined : this.limits.leave(job)
    job.due = due
    job.rank = rank
    job.state = "scheduled"
    this.place(job, now)
    this.limits.promote(left, now)
  }

  /** Makes the change of each, then what follows from that. Answers of which it is made. */
  /** In their order. Answers of each whether it was made, and the state that the job was in when its turn came. */
  change(
    ids: ReadonlyArray<JobId>,
    change: JobChange,
    now: number
  ): ReadonlyArray<{ readonly isMade: boolean; readonly state: JobState | undefined }> {
    const changed = ids.map((id) => {
      const state = this.job(id)?.state
      return { isMade: this.changeOne(id, change, now), state }
    })
    this.tell(now)
    return changed
  }

  private changeOne(id: JobId, change: JobChange, now: number): boolean {
    const job = this.state.jobs.get(id)
    if (job === undefined) return false
    switch (change._tag) {
      case "Cancel":
        if (!isLive(job)) return false
        if (job.state === "running") job.cancelReason ??= change.reason
        else this.endWith(job, "cancelled", "Cancelled", change.reason, now)
        return true
      case "Retry": {
        const key = job.new.unique?.key
        if (
          isLive(job) ||
          (key !== undefined && this.jobs.some((other) => isLive(other) && other.new.unique?.key === key))
        )
          return false
        Object.assign(job, {
          attempt: 0,
          session: undefined,
          startedAt: undefined,
          lost: 0,
          retrying: false,
          cancelReason: undefined,
          expiresAt: undefined,
          finishedAt: undefined,
          keepUntil: undefined,
          result: undefined,
          failure: undefined,
          attempts: [],
          progress: undefined,
          key: undefined,
          holds: false,
          tag: undefined
        } satisfies Partial<ModelJob>)
        job.rank =
          change.rankings === undefined ? now + (job.rank - job.due) : rankOf({ ...job, due: now }, change.rankings)
        job.due = now
        this.figuresOf(job.new).arrivals++
        // Its window has been counted from its enqueue.
        if (key !== undefined) this.takeKey(job, -Infinity, now)
        this.place(job, now)
        return true
      }
      case "Remove": {
        if (job.state === "running") return false
        const left = this.limits.leave(job)
        this.state.jobs.delete(id)
        this.limits.promote(left, now)
        this.ended.push({ id, well: false })
        if (isLive(job)) this.follow(job, now)
        if (this.state.windows.get(job.new.unique?.key ?? "")?.id === id) this.state.windows.delete(job.new.unique!.key)
        return true
      }
      case "Edit": {
        if (!isWaiting(job)) return false
        if (change.payload !== undefined) job.payload = change.payload
        if (change.priority !== undefined) job.priority = change.priority
        if (change.due !== undefined) job.due = change.due
        if (change.deadline !== undefined)
          job.new = { ...job.new, extra: { ...job.new.extra, deadline: change.deadline } }
        if (change.tags !== undefined) {
          const { tags: _, ...rest } = job.new.extra ?? {}
          job.new = { ...job.new, extra: change.tags.length === 0 ? rest : { ...rest, tags: change.tags } }
        }
        const isRegrouped = change.group !== undefined && change.group !== job.new.group
        if (isRegrouped) {
          job.new = { ...job.new, group: change.group! }
          this.figuresOf(job.new).arrivals++
        }
        if (isRegrouped || change.priority !== undefined || change.due !== undefined || change.deadline !== undefined) {
          this.limits.lift(job)
          job.rank = rankOf(job, change.rankings)
          this.place(job, now)
        }
        return true
      }
      case "Rank":
        if (!isLive(job)) return false
        this.limits.lift(job)
        job.rank = rankOf(job, change.rankings)
        if (job.state === "running") job.ownRank = job.rank
        else this.place(job, now)
        return true
    }
  }

  /** Makes pending what is due. */
  promote(now: number): void {
    this.limits.promoteDue(now)
    const due = this.jobs.filter(
      (job) => job.due <= now && (this.waitReason(job) === "time" || this.waitReason(job) === "retry")
    )
    for (const job of due.sort((a, b) => a.due - b.due || a.id - b.id)) this.place(job, now)
  }

  /** Ends sessions whose lease has ended, then expires. */
  sweep(now: number): void {
    for (const [session, { leaseUntil }] of this.sessions) if (now >= leaseUntil) this.leave(session, now)
    for (const { id } of this.jobs) {
      const job = this.state.jobs.get(id)
      if (job === undefined || !isWaiting(job) || !isExpired(job, now)) continue
      this.expire(job, now)
      this.tell(now)
    }
  }

  /** One that expires had not started: whoever handed it back is forgotten. */
  private expire(job: ModelJob, now: number): void {
    job.session = undefined
    job.startedAt = undefined
    this.endWith(job, "cancelled", "Expired", "It had not started when it expired.", now)
  }

  leave(session: number, now: number): void {
    this.sessions.delete(session)
    for (const job of this.jobs) {
      if (job.state !== "running" || job.session !== session) continue
      if (job.cancelReason !== undefined) {
        this.endWith(job, "cancelled", "Cancelled", job.cancelReason, now)
        continue
      }
      const figures = this.figuresOf(job.new)
      figures.failed++
      const isLast = job.attempt >= job.new.maxAttempts
      if (isLast) {
        this.endWith(job, "failed", "WorkerLost", "Its worker died or lost its lease, and no attempt is left.", now)
      } else {
        figures.recovered++
        job.failure = failureOf(job, "WorkerLost", "Its worker died or lost its lease.", now)
        endAttempt(job, "lost", job.failure, now)
        job.lost++
        this.rest(job, job.due, job.rank, now)
      }
    }
    this.tell(now)
  }

  prune(ageMs: number, now: number): number {
    const old = this.jobs.filter(
      (job) =>
        job.finishedAt !== undefined &&
        (job.keepUntil === undefined ? now - job.finishedAt > ageMs : now > job.keepUntil) &&
        !this.isHeld(job)
    )
    for (const { id } of old) this.state.jobs.delete(id)
    return old.length
  }

  private endWith(job: ModelJob, state: JobState, cause: FailureCause, message: string, now: number): void {
    job.failure = failureOf(job, cause, message, now)
    if (job.state === "running") endAttempt(job, cause === "WorkerLost" ? "lost" : "cancelled", job.failure, now)
    this.end(job, state, now)
  }

  private end(job: ModelJob, state: JobState, now: number): void {
    const figures = this.figuresOf(job.new)
    if (state === "completed") figures.completed++
    else if (state === "failed") figures.dead++
    else figures.cancelled++
    this.limits.lift(job)
    const left = this.limits.leave(job)
    job.state = state
    job.finishedAt = now
    job.parents = []
    this.limits.promote(left, now)
    this.ended.push({ id: job.id, well: state === "completed" })
    this.endedSince.push(job.id)
    this.ends.set(job.id, state)
    const own = job.new.extra?.retention?.[state as "completed" | "failed" | "cancelled"]
    if (own?.ageMs !== undefined) job.keepUntil = Math.max(now + own.ageMs, this.answersUntil(job, now))
    this.follow(job, now)
    job.held = false
    if (job.keepUntil !== undefined && job.keepUntil <= now && !this.isHeld(job)) this.state.jobs.delete(job.id)
    if (own?.count !== undefined) this.evict(job, own.count, now)
  }

  private isHeld(job: ModelJob): boolean {
    const holder = this.state.jobs.get(job.new.extra?.holder ?? (0 as JobId))
    return holder !== undefined && isLive(holder)
  }

  /** Until when calls of its key are answered with this finished job; 0: they are not. */
  private answersUntil(job: ModelJob, now: number): number {
    const key = job.new.unique?.key
    if (key === undefined || job.held) return 0
    const follows = this.jobs.some((other) => other !== job && isLive(other) && other.new.unique?.key === key)
    const window = this.state.windows.get(key)
    return !follows && window?.id === job.id && now < window.until ? window.until : 0
  }

  /** Of more than `count` jobs like this one the oldest eight are looked at. */
  private evict({ new: { group, task }, state }: ModelJob, count: number, now: number): void {
    const alike = this.jobs.filter((job) => job.state === state && job.new.group === group && job.new.task === task)
    for (const job of alike.slice(0, Math.min(8, Math.max(0, alike.length - count))))
      if (!this.isHeld(job) && this.answersUntil(job, now) === 0) this.state.jobs.delete(job.id)
  }

  private endByParent(job: ModelJob, parent: JobId, now: number): void {
    const state = job.new.after!.onParentFailure === "fail" ? "failed" : "cancelled"
    const message = `Job ${formatJobId(parent)}, which it waited for, did not complete.`
    this.endWith(job, state, "ParentFailed", message, now)
  }

  /**
   * Tells the jobs that waited for those that have ended, the one that ended first first, until nobody waits for them.
   */
  tell(now: number): void {
    for (let next = this.ended.shift(); next !== undefined; next = this.ended.shift()) {
      const { id: parent, well } = next
      for (const child of this.jobs) {
        if (!isWaiting(child) || !child.parents.includes(parent)) continue
        if (well || child.new.after!.onParentFailure === "run") {
          child.parents = child.parents.filter((id) => id !== parent)
          this.place(child, now)
        } else this.endByParent(child, parent, now)
      }
    }
  }

  /** The held job takes the place of one that has ended. */
  private follow(job: ModelJob, now: number): void {
    const key = job.new.unique?.key
    if (key === undefined || job.held) return
    const follower = this.jobs.find((other) => other.held && isLive(other) && other.new.unique?.key === key)
    if (follower === undefined) return
    follower.held = false
    this.takeKey(follower, follower.new.unique!.windowMs, now)
    this.place(follower, now)
  }
}

const isExpired = (job: ModelJob, now: number): boolean =>
  job.attempt === 0 && job.expiresAt !== undefined && job.expiresAt <= now

/** When it is due that takes over a call: what is due already stays so, what is not is put off to the latest start. */
const pushedTo = (job: NewJob, waiting: ModelJob, now: number): number => {
  const { maxDelayMs, onConflict } = job.unique!
  if (onConflict !== "debounce" || maxDelayMs === undefined) return job.due
  const latest = Math.max(waiting.enqueuedAt, waiting.startedAt ?? 0) + maxDelayMs
  if (job.due <= latest) return job.due
  if (latest >= now) return latest
  return waiting.due <= now ? Math.min(job.due, Math.max(latest, waiting.due)) : Math.min(job.due, now)
}

const endAttempt = (
  job: ModelJob,
  outcome: JobAttempt["outcome"],
  failure: Failure | undefined,
  endedAt: number
): void => {
  const running = job.attempts.pop()!
  job.attempts.push({ ...running, outcome, endedAt, ...(failure !== undefined && { failure }) })
}

const failureOf = (job: ModelJob, cause: FailureCause, message: string, at: number): Failure => ({
  cause,
  message,
  attempt: job.attempt,
  at
})

const rankOf = (job: ModelJob, rankings: Rankings): number =>
  rankIn(rankings, job.new.group, job.new.task, job.due, job.priority, job.new.extra?.deadline)
