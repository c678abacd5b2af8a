/** New jobs on their way into the store: unique keys, parents, the limit of live jobs, batches whole or not at all. */
import type { JobId } from "../../Queue/Job.ts"
import type { NewJob } from "../Turn.ts"
import { withSiblings } from "../../Queue/policy/Siblings.ts"
import type { JobLife } from "./JobLife.ts"
import type { JobTable } from "./JobTable.ts"
import type { Group } from "./Lane.ts"
import {
  accepted,
  areCreated,
  create,
  isDeduplicated,
  type JobBounds,
  type Plan,
  planOf,
  type Present,
  refusalOfBatch,
  type StoreNote
} from "../../Queue/policy/jobs/Admission.ts"
import { slotsAllowed, slotsOf } from "../../Limits/policy/KeyAdmission.ts"
import { policyOf } from "../../Limits/policy/KeyRules.ts"
import { FinishingPace } from "../../Queue/policy/jobs/FinishingPace.ts"
import { pending, scheduled } from "../../Queue/policy/jobs/States.ts"

/** What is answered, while it is gathered. */
export interface Enqueued {
  readonly ids: Array<JobId>
  /** By index in `enqueue`. */
  notes: Map<number, StoreNote> | undefined
}

/** Of a job that is not stored. */
const noId = 0 as JobId

export class Intake {
  private readonly table: JobTable
  private readonly life: JobLife
  private readonly liveMost: number
  private readonly pace: FinishingPace

  constructor(table: JobTable, life: JobLife, liveMost: number) {
    this.table = table
    this.life = life
    this.liveMost = liveMost
    this.pace = new FinishingPace(() => life.endedCount)
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
      const present = this.presentAt(now)
      const batch = jobs.slice(from, from + length)
      if (areCreated(batch, present)) {
        for (const job of batch) this.create(job, false, true, enqueued, now)
        from += length
        continue
      }
      const refusals = length > 1 ? refusalOfBatch(batch, present) : undefined
      const asked = length > 1 ? accepted(present) : present
      for (let i = from; i < from + length; i++) {
        if (refusals === undefined) this.enqueueOne(withSiblings(jobs[i]!, enqueued.ids, from, i), enqueued, now, asked)
        else this.answer(jobs[i]!, refusals[i - from]!, noId, enqueued)
      }
      from += length
    }
    return enqueued
  }

  /** What bounds the job by the limits of its group and key. */
  private boundsOf({ extra, group: name, partitionKey }: NewJob): JobBounds | undefined {
    const group = this.table.groups.get(name)
    const slots = slotsOf(extra)
    return group === undefined || (group.limits === undefined && slots === 1)
      ? undefined
      : { slots, ...this.limitsFor(group, partitionKey) }
  }

  /** Slots that there are for a job of the group and key, and the backlogs that bound it. */
  private limitsFor(group: Group, partitionKey: string | undefined): Pick<JobBounds, "slotsOf" | "backlogOf"> {
    const { limits } = group
    const name = partitionKey ?? ""
    const policy = limits === undefined ? undefined : policyOf(limits.policy, name, limits.own.get(name))
    const ofKey = policy?.backlog
    const ofGroup = group.policy.backlog
    return {
      slotsOf: {
        group: group.limit,
        key: policy === undefined ? Number.POSITIVE_INFINITY : slotsAllowed(policy)
      },
      backlogOf: {
        group: ofGroup === undefined ? undefined : { limit: ofGroup, waiting: this.table.waitingIn(group) },
        key: ofKey === undefined ? undefined : { limit: ofKey, waiting: limits!.backlogs?.get(name) ?? 0 }
      }
    }
  }

  private presentAt(now: number): Present {
    return {
      bounds: (job) => this.boundsOf(job),
      holder: (key) => this.life.keys.find(key, now),
      exists: (id) => this.table.find(id) !== undefined,
      room: () => this.liveMost - this.table.live,
      overloaded: (of, limit = this.liveMost) => ({
        _tag: "Overloaded",
        of,
        limit,
        retryAfterMs: this.pace.retryAfterMs(now, limit)
      })
    }
  }

  private answer(job: NewJob, note: StoreNote, id: JobId, enqueued: Enqueued): void {
    if (isDeduplicated(note)) this.table.lane(job.group, job.task).cell.deduplicated++
    enqueued.notes ??= new Map()
    enqueued.notes.set(enqueued.ids.length, note)
    enqueued.ids.push(id)
  }

  private enqueueOne(job: NewJob, enqueued: Enqueued, now: number, present?: Present): void {
    const isPlain =
      job.unique === undefined &&
      job.after === undefined &&
      this.table.live < this.liveMost &&
      job.extra?.slots === undefined &&
      this.table.lane(job.group, job.task).group.limits === undefined
    const plan: Plan = isPlain ? create : planOf(job, present ?? this.presentAt(now))
    switch (plan._tag) {
      case "Duplicate":
      case "ParentNotFound":
      case "TooLarge":
      case "Overloaded":
        return this.answer(job, plan, noId, enqueued)
      case "Existing":
        return this.answer(job, plan, plan.id, enqueued)
      case "Replace": {
        const { id, keepsPlace } = plan
        this.life.takeOver(this.table.find(id)!, job, keepsPlace, now)
        return this.answer(job, { _tag: "Replaced", id }, id, enqueued)
      }
    }

    this.create(job, plan._tag === "Hold", isPlain, enqueued, now)
  }

  private create(job: NewJob, held: boolean, isPlain: boolean, enqueued: Enqueued, now: number): void {
    const stored = this.table.add(job, now, !held && job.after === undefined && job.due <= now ? pending : scheduled)
    stored.lane.cell.arrivals++
    enqueued.ids.push(stored.id)
    if (isPlain && stored.state === pending && stored.rare === undefined) {
      stored.lane.ready(stored.priority).add(stored)
      this.life.wakes.wake(stored.lane.group)
      return
    }
    this.life.begin(stored, job, held, now, true)
  }
}
