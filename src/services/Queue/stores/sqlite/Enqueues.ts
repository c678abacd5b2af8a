/**
 * Stores new jobs. Runs of `batches` are decided first and stored then, so that a refused batch leaves nothing behind.
 *
 * Fused start: when no older pending job of a group waits for this session, new jobs go straight in as running, in order of
 * rank, up to the group's free slots; a job that starts at once then costs no pending row and no second statement.
 */
import type { JobId } from "../../Job.ts"
import type { ClaimRequest, EnqueueNote, NewJob, Unique } from "../../Turn.ts"
import { withSiblings } from "../../policy/Siblings.ts"
import { byRank, type Claims } from "./Claims.ts"
import * as Codes from "./Codes.ts"
import type { Database, Query } from "./Database.ts"
import type { Endings } from "./Endings.ts"
import { checksumOf, type JobRow, type JobRows, parseExtra } from "./JobRows.ts"
import type { Keys } from "./Keys.ts"
import type { Ledger } from "./Ledger.ts"
import type { Statistics } from "./Statistics.ts"

/** What to tell a producer that was refused for overload: about what a busy worker drains in a few turns. */
const retryAfterMs = 1_000

/** What a store that works says of an enqueue. */
export type StoreNote = Exclude<EnqueueNote, { readonly _tag: "NotStored" }>

export interface EnqueueResult {
  readonly ids: ReadonlyArray<JobId>
  readonly notes: ReadonlyMap<number, StoreNote> | undefined
  /** Jobs that start at once, by group, in order of rank. */
  readonly started: Map<string, ReadonlyArray<JobRow>>
}

type Refusal = "Duplicate" | "ParentNotFound" | "Overloaded"

/** What is to become of one new job. */
type Plan =
  | { readonly _tag: "Create" }
  | { readonly _tag: "Hold" }
  | { readonly _tag: "Replace"; readonly id: JobId; readonly keepsPlace: boolean }
  | { readonly _tag: "Existing"; readonly id: JobId }
  | Extract<StoreNote, { readonly _tag: Refusal }>

const create: Plan = { _tag: "Create" }

const isRefusal = (plan: Plan): plan is Extract<Plan, { readonly _tag: Refusal }> =>
  plan._tag === "Duplicate" || plan._tag === "ParentNotFound" || plan._tag === "Overloaded"

export class Enqueues {
  private readonly ledger: Ledger
  private readonly rows: JobRows
  private readonly keys: Keys
  private readonly claims: Claims
  private readonly endings: Endings
  private readonly statistics: Statistics
  private readonly maxLive: number
  private readonly exists: Query<[state: number]>
  private readonly setParents: Query<[]>
  private readonly replacePayload: Query<[]>
  private readonly replaceAll: Query<[]>

  constructor(
    db: Database,
    parts: {
      readonly ledger: Ledger
      readonly rows: JobRows
      readonly keys: Keys
      readonly claims: Claims
      readonly endings: Endings
      readonly statistics: Statistics
    },
    maxLive: number
  ) {
    this.ledger = parts.ledger
    this.rows = parts.rows
    this.keys = parts.keys
    this.claims = parts.claims
    this.endings = parts.endings
    this.statistics = parts.statistics
    this.maxLive = maxLive
    this.exists = db.prepare("SELECT state FROM job WHERE id = ?1 UNION ALL SELECT state FROM history WHERE id = ?1")
    this.setParents = db.prepare("UPDATE job SET state = ?, wait = ? WHERE id = ?")
    this.replacePayload = db.prepare("UPDATE job SET payload = ?, checksum = ? WHERE id = ?")
    this.replaceAll = db.prepare(
      "UPDATE job SET payload = ?, checksum = ?, priority = ?, rank = ?, due = ?, state = ?, wait = ?, extra = ? WHERE id = ?"
    )
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
    let start = 0
    const run = (end: number) => {
      this.unit(jobs, start, end, now, ids, notes, ready)
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
      const id = this.ledger.nextId(now)
      this.statistics.arrived(this.ledger.lane(job.task, job.group))
      this.rows.addLabels(id, job.partitionKey, job.extra)
      this.rows.insertLive(this.newRow(job, id, now, false))
      return id
    })
  }

  /** A waiting job waits, beside its time, until these have ended, however they end. */
  putAfter(id: JobId, jobs: ReadonlyArray<JobId>, now: number): void {
    const row = this.rows.live(id)!
    this.setParents.run(Codes.scheduled, Codes.waitParents, id)
    if (row.state !== Codes.scheduled) this.ledger.move(row.lane, row.state, Codes.scheduled)
    const known = jobs.filter((job) => this.exists.get(job) !== undefined)
    this.awaitParents(row, known, "run", now)
  }

  /** Jobs `start` to `end`, whole or not at all. */
  private unit(
    jobs: ReadonlyArray<NewJob>,
    start: number,
    end: number,
    now: number,
    ids: Array<JobId>,
    notes: Map<number, StoreNote>,
    ready: Array<JobRow>
  ): void {
    const room = () => this.maxLive - this.ledger.live - ready.length
    if (end - start > 1 && this.isRefused(jobs, start, end, now, room(), notes)) return
    for (let i = start; i < end; i++) {
      const job = withSiblings(jobs[i]!, ids, start, i)
      // Those it waits for must be in the table.
      if (job !== jobs[i]) for (const row of ready.splice(0)) this.rows.insertLive(row)
      const plan = this.plan(job, now, room())
      const lane = this.ledger.lane(job.task, job.group)
      if (plan._tag === "Create" || plan._tag === "Hold") {
        const id = this.ledger.nextId(now)
        ids[i] = id
        const row = this.newRow(job, id, now, plan._tag === "Hold")
        this.statistics.arrived(lane)
        this.rows.addLabels(id, job.partitionKey, job.extra)
        if (job.unique !== undefined) {
          if (plan._tag === "Hold") this.keys.hold(job.unique.key, id, job.unique.windowMs)
          else this.keys.take(job.unique.key, id, job.unique.windowMs, now)
        }
        // A later job of this turn may meet a keyed one: it must be in the table.
        if (row.state === Codes.pending && job.unique === undefined) ready.push(row)
        else this.rows.insertLive(row)
        if (job.after !== undefined) this.awaitParents(row, job.after.jobs, job.after.onParentFailure, now)
        continue
      }
      if (plan._tag === "Replace") {
        this.replace(plan.id, job, plan.keepsPlace, now)
        ids[i] = plan.id
        notes.set(i, { _tag: "Replaced", id: plan.id })
      } else if (plan._tag === "Existing") {
        ids[i] = plan.id
        notes.set(i, plan)
      } else {
        notes.set(i, plan)
      }
      if (plan._tag !== "ParentNotFound" && plan._tag !== "Overloaded") this.statistics.deduplicated(lane)
    }
  }

  /** Whether a batch holds a job that would be refused; then all of it is. */
  private isRefused(
    jobs: ReadonlyArray<NewJob>,
    start: number,
    end: number,
    now: number,
    room: number,
    notes: Map<number, StoreNote>
  ): boolean {
    if (end - start <= room && !jobs.slice(start, end).some(({ after, unique }) => after ?? unique)) return false
    const refused = new Map<number, StoreNote>()
    const taken = new Set<string>()
    let created = 0
    for (let i = start; i < end; i++) {
      const job = jobs[i]!
      const plan = this.plan(job, now, room - created)
      if (plan._tag === "Create" || plan._tag === "Hold") created++
      if (isRefusal(plan)) refused.set(i, plan)
      if (job.unique === undefined) continue
      // The batch's own job has no id yet, and will have none.
      if (taken.has(job.unique.key) && job.unique.onConflict === "reject" && plan._tag === "Create") {
        refused.set(i, { _tag: "Duplicate", existing: 0 as JobId })
      }
      taken.add(job.unique.key)
    }
    if (refused.size === 0) return false
    for (let i = start; i < end; i++) notes.set(i, refused.get(i) ?? { _tag: "BatchRefused" })
    return true
  }

  /** `room`: how many more jobs the store may hold. */
  private plan(job: NewJob, now: number, room: number): Plan {
    const plan = job.unique === undefined ? create : this.planUnique(job.unique, now)
    if (plan._tag !== "Create" && plan._tag !== "Hold") return plan
    for (const parent of job.after?.jobs ?? []) {
      if (this.exists.get(parent) === undefined) return { _tag: "ParentNotFound", parent }
    }
    return room > 0 ? plan : { _tag: "Overloaded", limit: this.maxLive, retryAfterMs }
  }

  private planUnique(unique: Unique, now: number): Plan {
    const holder = this.keys.find(unique.key, now)
    if (holder === undefined) return create
    if (unique.onConflict === "reject") return { _tag: "Duplicate", existing: holder.job }
    const existing: Plan = { _tag: "Existing", id: holder.job }
    if (unique.onConflict === "existing" || !holder.live) return existing
    const keepsPlace = unique.onConflict === "keepLast"
    const isRunning = this.exists.get(holder.job)?.[0] === Codes.running
    if (unique.onConflict === "replace") {
      return isRunning ? existing : { _tag: "Replace", id: holder.job, keepsPlace }
    }
    if (holder.held !== undefined) return { _tag: "Replace", id: holder.held, keepsPlace }
    return isRunning ? { _tag: "Hold" } : { _tag: "Replace", id: holder.job, keepsPlace }
  }

  private newRow(job: NewJob, id: JobId, now: number, isHeld: boolean): JobRow {
    const payload = job.payload as string
    const waits =
      job.after !== undefined && job.after.jobs.length > 0
        ? Codes.waitParents
        : isHeld
          ? Codes.waitKey
          : job.due > now
            ? Codes.waitTime
            : Codes.waitNone
    return {
      id,
      lane: this.ledger.lane(job.task, job.group),
      state: waits === Codes.waitNone ? Codes.pending : Codes.scheduled,
      wait: waits,
      priority: job.priority,
      rank: job.rank,
      due: job.due,
      attempt: 0,
      maxAttempts: job.maxAttempts,
      session: null,
      started: null,
      finished: null,
      expires: job.expiresAt ?? null,
      partitionKey: job.partitionKey ?? null,
      uniqueKey: job.unique?.key ?? null,
      checksum: checksumOf(id, payload),
      extra: job.extra === undefined ? null : JSON.stringify(job.extra),
      failure: null,
      payload,
      result: null,
      lost: 0
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
      const state = this.exists.get(parent)![0]
      if (state <= Codes.running) live.push(parent)
      else if (state !== Codes.completed && policy !== "run") {
        this.endings.parentFailed(row, parent, policy, now)
        return
      }
    }
    if (live.length > 0) this.endings.waitFor(row.id, live, policy)
    else this.endings.parentsDone(row.id, now)
  }

  private replace(id: JobId, job: NewJob, keepsPlace: boolean, now: number): void {
    const payload = job.payload as string
    const checksum = checksumOf(id, payload)
    const row = this.rows.live(id)!
    if (keepsPlace) {
      this.replacePayload.run(payload, checksum, id)
      return
    }
    const waitsOnlyForTime = row.wait <= Codes.waitRetry
    const state = waitsOnlyForTime ? (job.due > now ? Codes.scheduled : Codes.pending) : row.state
    const wait = waitsOnlyForTime ? (job.due > now ? Codes.waitTime : Codes.waitNone) : row.wait
    const before = parseExtra(row.extra)
    const deadline = job.extra?.deadline
    const extra = before?.deadline === deadline ? row.extra : JSON.stringify({ ...before, deadline })
    this.replaceAll.run(payload, checksum, job.priority, job.rank, job.due, state, wait, extra, id)
    if (state !== row.state) this.ledger.move(row.lane, row.state, state)
    this.ledger.forgetNextDue()
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
    if (ready.length === 0) return new Map()
    const free = new Map<string, number>()
    for (const request of claim) {
      if (free.has(request.group)) continue
      // A batch that waits for a slot may be older than what is new.
      if (this.claims.hasBatches(request)) continue
      const hasOlder = this.claims.readyLanes(this.ledger.groups.get(request.group), tasks).length > 0
      free.set(request.group, hasOlder ? 0 : this.claims.free(request, tasks))
    }
    const mayStart = (row: JobRow) =>
      (free.get(row.lane.group.name) ?? 0) > 0 &&
      tasks.has(row.lane.task) &&
      (row.expires === null || row.expires > now)
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
      rows.length = Math.min(rows.length, free.get(group)!)
      for (let i = 0; i < rows.length; i++) {
        rows[i] = { ...rows[i]!, state: Codes.running, attempt: 1, session, started: now }
        chosen.add(rows[i]!.id)
        this.rows.insertLive(rows[i]!)
      }
    }
    for (const row of ready) if (!chosen.has(row.id)) this.rows.insertLive(row)
    return new Map<string, ReadonlyArray<JobRow>>(starting)
  }
}
