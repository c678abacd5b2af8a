/** Ends or hands back attempts: what a worker says of a job that it holds. */
import type { JobId } from "../../Queue/Job.ts"
import { endOfAttempt } from "../../Queue/policy/jobs/AttemptEnds.ts"
import { completed, pending, running, scheduled } from "../../Queue/policy/jobs/States.ts"
import { cancelledBecause } from "../../Queue/policy/jobs/StoreFailures.ts"
import type { FollowUp, NewJob, Settle } from "../Turn.ts"
import type { JobLife } from "./JobLife.ts"
import type { JobTable } from "./JobTable.ts"
import { childrenOf, keepAttempt, rareOf, type StoredJob } from "./StoredJob.ts"

export class Settlement {
  private readonly table: JobTable
  private readonly life: JobLife

  constructor(table: JobTable, life: JobLife) {
    this.table = table
    this.life = life
  }

  /** False: the claim has passed on. */
  settle(settle: Settle, session: number, now: number): boolean {
    const { life } = this
    const job = this.held(settle.id, settle.attempt, session)
    if (job === undefined) return false
    const { failure, followUp, outcome } = settle
    // The hot path repeats what `endOfAttempt` says of it.
    if (outcome === "completed") {
      job.lane.cell.run.record(settle.runMs)
      job.result = settle.result
      if (job.lane.group.limits !== undefined) life.slots.learning.heard(job, settle, now, life.rides(job))
      if (followUp !== undefined) this.storeAll(followUp.jobs, now)
      life.end(job, completed, now)
      return true
    }
    const { epoch } = this.table
    const end = endOfAttempt(outcome, job.rare?.cancelReason !== undefined)
    if (job.lane.group.limits !== undefined) life.slots.learning.heard(job, settle, now, life.rides(job))
    if (end.isTimed) job.lane.cell.run.record(settle.runMs)
    if (end.counts.length > 0) life.count(job, end)
    if (end.isCancellation) {
      rareOf(job).failure = cancelledBecause(job.rare!.cancelReason!, job.attempt, now)
      life.unheard(job)
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
      if (heldBackUntil > now) life.slots.holdBack(job, heldBackUntil, now)
      life.back(job, Math.max(settle.due, heldBackUntil) - epoch, settle.rank - epoch, now)
    } else life.end(job, end.state, now)
    return true
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

  /** Stores jobs that nothing can refuse. */
  private storeAll(jobs: ReadonlyArray<NewJob>, now: number): ReadonlyArray<StoredJob> {
    return jobs.map((job) => {
      const stored = this.table.add(job, now, job.due <= now ? pending : scheduled)
      stored.lane.cell.arrivals++
      this.life.begin(stored, job, false, now, false)
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
}
