/**
 * What a store should do, in the plainest way: every question is answered by going through all jobs. Times are absolute; expiry,
 * recovery and promotion happen in `pass`, since when exactly a store does them is its own affair.
 */
import type { JobId, JobState, WaitReason } from "../../../src/services/Queue/Job.ts"
import type { EnqueueNote, NewJob, Settle } from "../../../src/services/Queue/Turn.ts"
import type { JobChange } from "../../../src/services/Queue/JobChange.ts"
import { rankIn, type Rankings } from "../../../src/services/Queue/policy/Order.ts"

export interface ModelJob {
  readonly id: JobId
  new: NewJob
  state: JobState
  payload: unknown
  priority: number
  due: number
  rank: number
  attempt: number
  session: number | undefined
  retrying: boolean
  held: boolean
  parents: Array<JobId>
  expiresAt: number | undefined
  cancelled: boolean
  finishedAt: number | undefined
}

interface ModelSession {
  readonly tasks: ReadonlyArray<string>
  leaseUntil: number
  draining: boolean
}

interface State {
  jobs: Map<JobId, ModelJob>
  /** By key: until when its window is open, and the id it was last given to. */
  windows: Map<string, { readonly until: number; readonly id: JobId }>
}

const isWaiting = ({ state }: ModelJob) => state === "scheduled" || state === "pending"
const isLive = (job: ModelJob) => isWaiting(job) || job.state === "running"

export class StoreModel {
  private state: State = { jobs: new Map(), windows: new Map() }
  readonly sessions = new Map<number, ModelSession>()
  readonly limits = new Map<string, number>()
  readonly pausedGroups = new Set<string>()
  isPaused = false

  get jobs(): ReadonlyArray<ModelJob> {
    return [...this.state.jobs.values()].sort((a, b) => a.id - b.id)
  }

  job(id: JobId): ModelJob | undefined {
    return this.state.jobs.get(id)
  }

  waitReason(job: ModelJob): WaitReason | undefined {
    if (job.state !== "scheduled") return undefined
    return job.parents.length > 0 ? "parents" : job.held ? "key" : job.retrying ? "retry" : "time"
  }

  running(group: string): number {
    return this.jobs.filter((job) => job.state === "running" && job.new.group === group).length
  }

  /** Stores a batch whole or not at all, giving new jobs the ids that the store gave. Answers the notes by index in the batch. */
  enqueue(
    batch: ReadonlyArray<NewJob>,
    ids: ReadonlyArray<JobId>,
    now: number
  ): ReadonlyArray<EnqueueNote | undefined> {
    const before = structuredClone(this.state)
    const notes = batch.map((job, i) => this.enqueueOne(job, ids[i]!, now))
    const isRefused = (note: EnqueueNote | undefined) =>
      note !== undefined && note._tag !== "Existing" && note._tag !== "Replaced"
    if (!notes.some(isRefused)) return notes
    this.state = before
    return notes.map((note) => (isRefused(note) ? note : { _tag: "BatchRefused" }))
  }

  private enqueueOne(job: NewJob, id: JobId, now: number): EnqueueNote | undefined {
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
          target.payload = job.payload
          if (onConflict !== "keepLast") {
            target.priority = job.priority
            target.due = job.due
            target.rank = job.rank
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

    const stored: ModelJob = {
      id,
      new: job,
      state: "scheduled",
      payload: job.payload,
      priority: job.priority,
      due: job.due,
      rank: job.rank,
      attempt: 0,
      session: undefined,
      retrying: false,
      held,
      parents: [],
      expiresAt: job.expiresAt,
      cancelled: false,
      finishedAt: undefined
    }
    this.state.jobs.set(id, stored)
    if (job.unique !== undefined && !held) this.openWindow(stored, now)
    const parents = [...new Set(job.after?.jobs)].map((parent) => this.state.jobs.get(parent)!)
    const ended = parents.find((parent) => parent.state === "failed" || parent.state === "cancelled")
    if (ended !== undefined && job.after!.onParentFailure !== "run") this.endByParent(stored, now)
    else {
      stored.parents = parents.filter(isLive).map((parent) => parent.id)
      this.place(stored, now)
    }
    return undefined
  }

  private openWindow(job: ModelJob, now: number): void {
    const { key, windowMs } = job.new.unique!
    this.state.windows.set(key, { until: now + windowMs, id: job.id })
  }

  private place(job: ModelJob, now: number): void {
    job.state = job.parents.length === 0 && !job.held && job.due <= now ? "pending" : "scheduled"
  }

  claim(session: number, group: string, limit: number): ReadonlyArray<JobId> {
    const by = this.sessions.get(session)
    if (by === undefined || by.draining || this.isPaused || this.pausedGroups.has(group)) return []
    const room = Math.min(limit, (this.limits.get(group) ?? Infinity) - this.running(group))
    const claimed = this.jobs
      .filter((job) => job.state === "pending" && job.new.group === group && by.tasks.includes(job.new.task))
      .sort((a, b) => a.rank - b.rank || a.id - b.id)
      .slice(0, Math.max(0, room))
    for (const job of claimed) {
      job.state = "running"
      job.attempt++
      job.session = session
      job.retrying = false
    }
    return claimed.map(({ id }) => id)
  }

  settle(session: number, settle: Settle, now: number): boolean {
    const job = this.state.jobs.get(settle.id)
    if (
      !this.sessions.has(session) ||
      job?.state !== "running" ||
      job.session !== session ||
      job.attempt !== settle.attempt
    )
      return false
    const { outcome } = settle
    if (outcome === "completed" || outcome === "failed" || outcome === "cancelled") this.end(job, outcome, now)
    else if (job.cancelled) this.end(job, "cancelled", now)
    else {
      if (outcome === "release") job.attempt--
      else job.retrying = true
      job.due = settle.due
      job.rank = settle.rank
      this.place(job, now)
    }
    return true
  }

  /** Whether the change is made of the job. */
  change(id: JobId, change: JobChange, now: number): boolean {
    const job = this.state.jobs.get(id)
    if (job === undefined) return false
    switch (change._tag) {
      case "Cancel":
        if (!isLive(job)) return false
        if (job.state === "running") job.cancelled = true
        else this.end(job, "cancelled", now)
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
          retrying: false,
          cancelled: false,
          expiresAt: undefined,
          finishedAt: undefined,
          due: now
        })
        job.rank = rankOf(job, change.rankings!)
        this.place(job, now)
        return true
      }
      case "Remove":
        if (job.state === "running") return false
        this.state.jobs.delete(id)
        this.tellChildren(job, false, now)
        this.follow(job, now)
        if (this.state.windows.get(job.new.unique?.key ?? "")?.id === id) this.state.windows.delete(job.new.unique!.key)
        return true
      case "Edit":
        if (!isWaiting(job)) return false
        if (change.payload !== undefined) job.payload = change.payload
        if (change.priority !== undefined) job.priority = change.priority
        if (change.due !== undefined) job.due = change.due
        if (change.deadline !== undefined)
          job.new = { ...job.new, extra: { ...job.new.extra, deadline: change.deadline } }
        if (change.priority !== undefined || change.due !== undefined || change.deadline !== undefined) {
          job.rank = rankOf(job, change.rankings)
          this.place(job, now)
        }
        return true
      case "Rank":
        if (!isLive(job)) return false
        job.rank = rankOf(job, change.rankings)
        return true
    }
  }

  /** Ends sessions whose lease has ended, expires, promotes. */
  pass(now: number): void {
    for (const [session, { leaseUntil }] of this.sessions) if (now >= leaseUntil) this.leave(session, now)
    for (const job of this.jobs) {
      if (isWaiting(job) && job.attempt === 0 && job.expiresAt !== undefined && job.expiresAt <= now)
        this.end(job, "cancelled", now)
    }
    for (const job of this.jobs) if (isWaiting(job)) this.place(job, now)
  }

  leave(session: number, now: number): void {
    this.sessions.delete(session)
    for (const job of this.jobs) {
      if (job.state !== "running" || job.session !== session) continue
      if (job.cancelled) this.end(job, "cancelled", now)
      else if (job.attempt >= job.new.maxAttempts) this.end(job, "failed", now)
      else this.place(job, now)
    }
  }

  prune(ageMs: number, now: number): number {
    const old = this.jobs.filter((job) => job.finishedAt !== undefined && now - job.finishedAt > ageMs)
    for (const { id } of old) this.state.jobs.delete(id)
    return old.length
  }

  private end(job: ModelJob, state: JobState, now: number): void {
    job.state = state
    job.finishedAt = now
    job.parents = []
    this.tellChildren(job, state === "completed", now)
    this.follow(job, now)
    job.held = false
  }

  private endByParent(job: ModelJob, now: number): void {
    this.end(job, job.new.after!.onParentFailure === "fail" ? "failed" : "cancelled", now)
  }

  private tellChildren(parent: ModelJob, well: boolean, now: number): void {
    for (const child of this.jobs) {
      if (!isWaiting(child) || !child.parents.includes(parent.id)) continue
      if (well || child.new.after!.onParentFailure === "run") {
        child.parents = child.parents.filter((id) => id !== parent.id)
        this.place(child, now)
      } else this.endByParent(child, now)
    }
  }

  /** The held job takes the place of one that has ended. */
  private follow(job: ModelJob, now: number): void {
    const key = job.new.unique?.key
    if (key === undefined || job.held) return
    const follower = this.jobs.find((other) => other.held && isLive(other) && other.new.unique?.key === key)
    if (follower === undefined) return
    follower.held = false
    this.openWindow(follower, now)
    this.place(follower, now)
  }
}

const rankOf = (job: ModelJob, rankings: Rankings): number =>
  rankIn(rankings, job.new.group, job.new.task, job.due, job.priority, job.new.extra?.deadline)
