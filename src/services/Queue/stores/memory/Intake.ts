/** New jobs on their way into the store: unique keys, parents, the limit of live jobs, batches whole or not at all. */
import type { JobId } from "../../Job.ts"
import type { EnqueueNote, NewJob } from "../../Turn.ts"
import { withSiblings } from "../../policy/Siblings.ts"
import type { JobLife } from "./JobLife.ts"
import type { JobTable } from "./JobTable.ts"
import { Pace } from "./Pace.ts"
import { pending, scheduled } from "./StoredJob.ts"

/** What is answered, while it is gathered. */
export interface Enqueued {
  readonly ids: Array<JobId>
  /** By index in `enqueue`. */
  notes: Map<number, EnqueueNote> | undefined
}

const batchRefused: EnqueueNote = { _tag: "BatchRefused" }

export class Intake {
  private readonly table: JobTable
  private readonly life: JobLife
  private readonly liveMost: number
  private readonly pace: Pace

  constructor(table: JobTable, life: JobLife, liveMost: number) {
    this.table = table
    this.life = life
    this.liveMost = liveMost
    this.pace = new Pace(() => life.endedCount)
  }

  /** Called with the time of every turn. */
  observe(now: number): void {
    this.pace.observe(now)
  }

  /** Stores the jobs one after the other, batch by batch. */
  enqueue(jobs: ReadonlyArray<NewJob>, batches: ReadonlyArray<number> | undefined, now: number): Enqueued {
    const enqueued: Enqueued = { ids: [], notes: undefined }
    if (batches === undefined) {
      for (const job of jobs) this.enqueueOne(job, enqueued, now)
      return enqueued
    }
    let from = 0
    for (const length of batches) {
      const refusals = this.refusalsOf(jobs, from, from + length, now)
      for (let i = from; i < from + length; i++) {
        if (refusals === undefined) this.enqueueOne(withSiblings(jobs[i]!, enqueued.ids, from, i), enqueued, now)
        else this.refuse(jobs[i]!, refusals.get(i) ?? batchRefused, enqueued)
      }
      from += length
    }
    return enqueued
  }

  /** Which jobs of a batch would be refused if it were stored now, its jobs one after the other. */
  private refusalsOf(
    jobs: ReadonlyArray<NewJob>,
    from: number,
    to: number,
    now: number
  ): ReadonlyMap<number, EnqueueNote> | undefined {
    let refusals: Map<number, EnqueueNote> | undefined
    let room = this.liveMost - this.table.live
    if (to - from <= room) {
      let plain = true
      for (let i = from; i < to && plain; i++) plain = jobs[i]!.unique === undefined && jobs[i]!.after === undefined
      if (plain) return undefined
    }
    const taken = new Set<string>()
    for (let i = from; i < to; i++) {
      const job = jobs[i]!
      let refusal: EnqueueNote | undefined
      let isNew = true
      if (job.unique !== undefined) {
        const { key } = job.unique
        const finding = this.life.keys.find(job.unique, now)
        if (finding._tag === "Duplicate") refusal = { _tag: "Duplicate", existing: finding.id }
        else if (finding._tag !== "Free" && finding._tag !== "Hold") isNew = false
        else if (taken.has(key)) {
          isNew = false
          // A sibling that is not stored either has no id.
          if (job.unique.onConflict === "reject") refusal = { _tag: "Duplicate", existing: 0 as JobId }
        } else taken.add(key)
      }
      if (isNew) refusal ??= this.missingParent(job) ?? (room-- > 0 ? undefined : this.overloaded(now))
      if (refusal !== undefined) {
        refusals ??= new Map()
        refusals.set(i, refusal)
      }
    }
    return refusals
  }

  private refuse(job: NewJob, note: EnqueueNote, enqueued: Enqueued): void {
    this.answer(job, note, 0 as JobId, enqueued)
  }

  private answer(job: NewJob, note: EnqueueNote, id: JobId, enqueued: Enqueued): void {
    if (note._tag === "Duplicate" || note._tag === "Existing" || note._tag === "Replaced") {
      this.table.lane(job.group, job.task).cell.deduplicated++
    }
    enqueued.notes ??= new Map()
    enqueued.notes.set(enqueued.ids.length, note)
    enqueued.ids.push(id)
  }

  private enqueueOne(job: NewJob, enqueued: Enqueued, now: number): void {
    let held = false
    if (job.unique !== undefined) {
      const finding = this.life.keys.find(job.unique, now)
      switch (finding._tag) {
        case "Duplicate":
          this.refuse(job, { _tag: "Duplicate", existing: finding.id }, enqueued)
          return
        case "Existing":
          this.answer(job, { _tag: "Existing", id: finding.id }, finding.id, enqueued)
          return
        case "Replace": {
          const { id } = finding.job
          this.life.takeOver(finding.job, job, finding.keepsPlace, now)
          this.answer(job, { _tag: "Replaced", id }, id, enqueued)
          return
        }
        case "Hold":
          held = true
      }
    }
    const refusal =
      (job.after === undefined ? undefined : this.missingParent(job)) ??
      (this.table.live < this.liveMost ? undefined : this.overloaded(now))
    if (refusal !== undefined) {
      this.refuse(job, refusal, enqueued)
      return
    }

    const stored = this.table.add(job, now, !held && job.after === undefined && job.due <= now ? pending : scheduled)
    stored.lane.cell.arrivals++
    enqueued.ids.push(stored.id)
    if (stored.state === pending && stored.rare === undefined) {
      stored.lane.ready(stored.priority).add(stored)
      this.life.wakes.ready = true
      return
    }
    this.life.begin(stored, job, held, now)
  }

  private missingParent(job: NewJob): EnqueueNote | undefined {
    const parent = job.after?.jobs.find((id) => this.table.find(id) === undefined)
    return parent === undefined ? undefined : { _tag: "ParentNotFound", parent }
  }

  private overloaded(now: number): EnqueueNote {
    return { _tag: "Overloaded", limit: this.liveMost, retryAfterMs: this.pace.retryAfterMs(now, this.liveMost) }
  }
}
