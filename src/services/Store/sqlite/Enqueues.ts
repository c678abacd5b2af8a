/**
 * Stores new jobs. Runs of `batches` are decided first and stored then, so that a refused batch leaves nothing behind.
 *
 * Fused start: when no older pending job of a group waits for this session, new jobs go straight in as running, in
 * order of rank, up to the group's free slots; a job that starts at once then costs no pending row and no second
 * statement.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { After, ClaimRequest, NewJob } from "../Turn.ts"
import { noPolicy } from "../../Limits/GroupPolicy.ts"
import { fitsWindow, slotsOf } from "../../Limits/policy/KeyAdmission.ts"
import { isUnlimited } from "../../Limits/policy/KeyRules.ts"
import {
  accepted,
  areCreated,
  create,
  isDeduplicated,
  type JobBounds,
  type KeyHolder,
  planOf,
  type Present,
  refusalOfBatch,
  type StoreNote,
  windowEnd
} from "../../Queue/policy/jobs/Admission.ts"
import { withDeadline } from "../../Queue/policy/jobs/Changes.ts"
import { dueOfPushed } from "../../Queue/policy/jobs/Debouncing.ts"
import { cancelledBecause, displacedAtKey, noRoomAtKey } from "../../Queue/policy/jobs/StoreFailures.ts"
import { FinishingPace } from "../../Queue/policy/jobs/FinishingPace.ts"
import { withSiblings } from "../../Queue/policy/Siblings.ts"
import { byRank, type Claims } from "./Claims.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Endings } from "./Endings.ts"
import { checksumOf, newRow, type JobRow, parseExtra, withOwnRank } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { Keys } from "./Keys.ts"
import type { Conflict, KeySlots } from "./KeySlots.ts"
import { type LaneCounters, policyOf } from "./LaneCounters.ts"
import type { Signals } from "./Signals.ts"
import type { StartBudget } from "./StartBudget.ts"
import type { Statistics } from "./Statistics.ts"

export interface EnqueueResult {
  readonly ids: ReadonlyArray<JobId>
  readonly notes: ReadonlyMap<number, StoreNote> | undefined
  /** Jobs that start at once, by group, in order of rank. */
  readonly started: Map<string, ReadonlyArray<JobRow>>
}

export class Enqueues {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly keys: Keys
  private readonly slots: KeySlots
  private readonly claims: Claims
  private readonly endings: Endings
  private readonly signals: Signals
  private readonly statistics: Statistics
  private readonly maxLive: number
  private readonly pace: FinishingPace

  constructor(
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly keys: Keys
      readonly slots: KeySlots
      readonly claims: Claims
      readonly endings: Endings
      readonly signals: Signals
      readonly statistics: Statistics
    },
    maxLive: number
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.keys = parts.keys
    this.slots = parts.slots
    this.claims = parts.claims
    this.endings = parts.endings
    this.signals = parts.signals
    this.statistics = parts.statistics
    this.maxLive = maxLive
    this.pace = new FinishingPace(() => this.laneCounters.endedCount)
  }

  /** Called with the time of every turn. */
  observe(now: number): void {
    this.pace.observe(now)
  }

  enqueue(
    jobs: ReadonlyArray<NewJob>,
    batches: ReadonlyArray<number> | undefined,
    now: number,
    claim: ReadonlyArray<ClaimRequest>,
    tasks: ReadonlySet<string>,
    session: number
  ): EnqueueResult {
    const ids = new Array<JobId>(jobs.length).fill(0 as JobId)
    const notes = new Map<number, StoreNote>()
    const ready: Array<JobRow> = []
    const present: Present = {
      holder: (key) => this.holderOf(key, now),
      exists: (id) => this.rows.stateOf(id) !== undefined,
      room: () => this.maxLive - this.laneCounters.live - ready.length,
      bounds: (job) => this.boundsOf(job, ready),
      overloaded: (of, limit = this.maxLive) => ({
        _tag: "Overloaded",
        of,
        limit,
        retryAfterMs: this.pace.retryAfterMs(now, limit)
      })
    }
    let start = 0
    const run = (end: number) => {
      this.unit(jobs, start, end, now, present, ids, notes, ready)
      start = end
    }
    if (batches === undefined) for (let i = 1; i <= jobs.length; i++) run(i)
    else for (const length of batches) run(start + length)
    const started = this.fuse(ready, now, claim, tasks, session)
    return { ids, notes: notes.size === 0 ? undefined : notes, started }
  }

  /** Stores jobs that nothing can refuse. Answers their ids. */
  storeAll(jobs: ReadonlyArray<NewJob>, now: number): ReadonlyArray<JobId> {
    return jobs.map((job) => {
      const id = this.laneCounters.nextId(now)
      const lane = this.laneCounters.lane(job.task, job.group)
      this.statistics.count(lane, "arrivals")
      this.rows.addLabels(id, job.partitionKey, job.extra)
      this.rows.add(newRow(job, id, lane, now, false))
      return id
    })
  }

  /** A job that waits for others waits until these have ended, however they end. */
  putAfter(waiting: JobRow, jobs: ReadonlyArray<JobId>, now: number): void {
    const known = jobs.filter((job) => this.rows.stateOf(job) !== undefined)
    this.awaitParents(waiting, known, "run", now)
  }

  /** Jobs `start` to `end`, whole or not at all. */
  private unit(
    jobs: ReadonlyArray<NewJob>,
    start: number,
    end: number,
    now: number,
    present: Present,
    ids: Array<JobId>,
    notes: Map<number, StoreNote>,
    ready: Array<JobRow>
  ): void {
    const batch = jobs.slice(start, end)
    const isPlain = areCreated(batch, present)
    const refused = isPlain || batch.length === 1 ? undefined : refusalOfBatch(batch, present)
    if (refused !== undefined) {
      refused.forEach((note, i) => this.note(jobs[start + i]!, start + i, note, notes))
      return
    }
    const asked = batch.length > 1 ? accepted(present) : present
    for (let i = start; i < end; i++) {
      const job = withSiblings(jobs[i]!, ids, start, i)
      // Those it waits for must be in the table.
      if (job !== jobs[i]) this.store(ready)
      const plan = isPlain ? create : planOf(job, asked)
      if (plan._tag === "Create" || plan._tag === "Hold") {
        const id = this.laneCounters.nextId(now)
        ids[i] = id
        const isFollowing = job.after !== undefined && !this.isFree(job.after)
        const lane = this.laneCounters.lane(job.task, job.group)
        const created = newRow(withoutParents(job, isFollowing), id, lane, now, plan._tag === "Hold")
        this.statistics.count(lane, "arrivals")
        this.rows.addLabels(id, job.partitionKey, job.extra)
        if (job.unique !== undefined) {
          const { key, windowMs } = job.unique
          if (plan._tag === "Hold") this.keys.hold(key, id, windowEnd(now, windowMs))
          else this.keys.take(key, id, windowEnd(now, windowMs), now)
        }
        const conflict = this.slots.conflictOf(created)
        if (conflict !== undefined) {
          // It may be they that are cancelled.
          this.store(ready)
          if (this.yields(created, conflict, now)) continue
        }
        const row = this.slots.seat(created)
        // A later job of this turn may meet a keyed one: it must be in the table.
        if (row.state === States.pending && job.unique === undefined) ready.push(row)
        else this.rows.addSeated(row)
        if (isFollowing) this.awaitParents(row, job.after!.jobs, job.after!.onParentFailure, now)
        continue
      }
      if (plan._tag === "Replace") {
        this.replace(plan.id, job, plan.keepsPlace, now)
        ids[i] = plan.id
        this.note(job, i, { _tag: "Replaced", id: plan.id }, notes)
      } else {
        if (plan._tag === "Existing") ids[i] = plan.id
        this.note(job, i, plan, notes)
      }
    }
  }

  /** Puts jobs of this turn that might have started at once into the table, where others meet them. */
  private store(ready: Array<JobRow>): void {
    for (const row of ready.splice(0)) this.rows.addSeated(row)
  }

  /** What bounds a job by the limits of its group and key. */
  private boundsOf({ extra, group: name, partitionKey }: NewJob, ready: Array<JobRow>): JobBounds | undefined {
    const group = this.laneCounters.groups.get(name)
    const slots = slotsOf(extra)
    if (group === undefined) return undefined
    const policy = policyOf(group)
    if (slots === 1 && !group.hasLimitedKeys && (policy === noPolicy || isUnlimited(policy))) return undefined
    // Those that are not counted yet.
    if (policy.backlog !== undefined) this.store(ready)
    return { slots, ...this.slots.boundsOf(group, partitionKey) }
  }

  /** Whether a new job waits for none of those it follows, and none of them decides otherwise. */
  private isFree({ jobs, onParentFailure }: After): boolean {
    return jobs.every((id) => {
      const state = this.rows.stateOf(id)!
      return state === States.completed || (States.isFinished(state) && onParentFailure === "run")
    })
  }

  /** Settles the conflict of a new job with those of its key. Whether it has ended by that. */
  private yields(row: JobRow, { key, newest }: Conflict, now: number): boolean {
    const window = this.slots.windowOf(key)
    if (newest) {
      this.rows.register(row)
      this.endings.endNew(row, States.cancelled, noRoomAtKey(key.key, window, now))
      return true
    }
    const reason = displacedAtKey(key.key, window)
    const live = this.slots.jobsOf(key).flatMap((id) => this.rows.live(id) ?? [])
    const isLeaving = ({ id, state }: JobRow) => state === States.running && this.signals.reason(id) !== undefined
    let leaving = live.reduce((sum, job) => sum + (isLeaving(job) ? job.slots : 0), 0)
    for (const { id } of live) {
      if (key.waiting === 0 && fitsWindow(window, key.held - leaving, row.slots)) break
      const job = this.rows.live(id)
      if (job === undefined || isLeaving(job)) continue
      if (job.state === States.running) {
        this.signals.cancel(id, job.session!, reason)
        leaving += job.slots
      } else this.endings.endWaiting(job, States.cancelled, cancelledBecause(reason, job.attempt, now))
    }
    return false
  }

  private note(job: NewJob, i: number, note: StoreNote, notes: Map<number, StoreNote>): void {
    if (isDeduplicated(note)) this.statistics.count(this.laneCounters.lane(job.task, job.group), "deduplicated")
    notes.set(i, note)
  }

  private holderOf(key: string, now: number): KeyHolder | undefined {
    const holder = this.keys.find(key, now)
    return holder === undefined
      ? undefined
      : {
          id: holder.job,
          isLive: holder.live,
          isRunning: holder.live && this.rows.stateOf(holder.job) === States.running,
          held: holder.held
        }
  }

  /** Some parents have finished already: only the others are waited for, and one that failed decides at once. */
  private awaitParents(
    row: JobRow,
    parents: ReadonlyArray<JobId>,
    policy: "cancel" | "fail" | "run",
    now: number
  ): void {
    const live: Array<JobId> = []
    for (const parent of parents) {
      const state = this.rows.stateOf(parent)!
      if (state <= States.running) live.push(parent)
      else if (state !== States.completed && policy !== "run") {
        this.endings.parentFailed(row, parent, policy, now)
        return
      }
    }
    if (live.length > 0) this.endings.waitFor(row.id, live, policy)
    else this.endings.parentsDone(row.id, now)
  }

  private replace(id: JobId, job: NewJob, keepsPlace: boolean, now: number): void {
    const row = this.rows.live(id)!
    const { version } = job
    const payload = job.payload as string
    const checksum = checksumOf(id, payload)
    if (keepsPlace) {
      this.rows.rewrite({ ...row, version, payload, checksum })
      return
    }
    // It comes anew: that an attempt failed before is forgotten.
    const wait = Waiting.isForOthers(row.wait) ? row.wait : Waiting.waitNone
    const { priority } = job
    const pushed = { due: row.due, enqueued: row.enqueued, started: row.started ?? undefined }
    const due = dueOfPushed(job, pushed, now)
    const before = parseExtra(row.extra)
    const deadline = job.extra?.deadline
    const extra = before?.deadline === deadline ? row.extra : JSON.stringify(withDeadline(before, deadline))
    const replaced: JobRow = {
      ...row,
      version,
      payload,
      checksum,
      priority,
      extra,
      rank: job.rank + (due - job.due),
      ownRank: null,
      due,
      state: Waiting.stateWhile(wait, due, now),
      wait: Waiting.waitWhile(wait, due, now)
    }
    this.rows.rewrite(replaced)
    this.rows.move(row, replaced)
  }

  /** Stores the jobs that are ready, as running where they may start at once. */
  private fuse(
    ready: ReadonlyArray<JobRow>,
    now: number,
    claim: ReadonlyArray<ClaimRequest>,
    tasks: ReadonlySet<string>,
    session: number
  ): Map<string, ReadonlyArray<JobRow>> {
    const starting = new Map<string, Array<JobRow>>()
    if (ready.length === 0) return starting
    const free = new Map<string, { readonly jobs: number; readonly budget: StartBudget | undefined }>()
    for (const request of claim) {
      if (free.has(request.group)) continue
      // A batch that waits for a slot may be older than what is new.
      if (this.claims.hasBatches(request)) continue
      if (this.claims.hasOlder(request, tasks)) continue
      const jobs = this.claims.free(request, tasks, now)
      if (jobs > 0) free.set(request.group, { jobs, budget: this.claims.budget(request, tasks, now) })
    }
    if (free.size === 0) {
      for (const row of ready) this.rows.addSeated(row)
      return starting
    }
    const mayStart = (row: JobRow) =>
      free.has(row.lane.group.name) && tasks.has(row.lane.task) && (row.expires === null || row.expires > now)
    for (const row of ready) {
      if (!mayStart(row)) continue
      const group = row.lane.group.name
      const rows = starting.get(group)
      if (rows === undefined) starting.set(group, [row])
      else rows.push(row)
    }
    const chosen = new Set<JobId>()
    for (const [group, rows] of starting) {
      if (rows.length > 1) rows.sort(byRank)
      const { budget, jobs } = free.get(group)!
      let count = 0
      while (count < Math.min(rows.length, jobs) && budget?.take(rows[count]!.slots, rows[count]!.cost) !== false)
        count++
      rows.length = count
      this.slots.started(rows[0]?.lane.group, rows)
      for (let i = 0; i < rows.length; i++) {
        rows[i] = { ...withOwnRank(rows[i]!), state: States.running, attempt: 1, session, started: now }
        chosen.add(rows[i]!.id)
        this.rows.addSeated(rows[i]!)
      }
    }
    for (const row of ready) if (!chosen.has(row.id)) this.rows.addSeated(row)
    return starting
  }
}

/** A job that follows nothing that keeps it is as one without parents. */
const withoutParents = (job: NewJob, isFollowing: boolean): NewJob =>
  job.after === undefined || isFollowing ? job : { ...job, after: undefined }
