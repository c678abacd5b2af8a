/** What operators change, by ids or by filter. */
import type { JobId, JobState } from "../../Queue/Job.ts"
import type { ChangeResult, JobChange } from "../JobChange.ts"
import type { JobFilter } from "../JobQuery.ts"
import { type Editable, edited, fits, isEdit, rankOf, rankOfRetry } from "../../Queue/policy/jobs/Changes.ts"
import { isWaiting, stateNames } from "../../Queue/policy/jobs/States.ts"
import type { JobLife } from "./JobLife.ts"
import type { JobTable } from "./JobTable.ts"
import { ownRankOf, rareOf, type StoredJob } from "./StoredJob.ts"

export class JobChanges {
  private readonly table: JobTable
  private readonly life: JobLife

  constructor(table: JobTable, life: JobLife) {
    this.table = table
    this.life = life
  }

  apply(filter: JobFilter, change: JobChange, now: number, limit: number, after: JobId | undefined): ChangeResult {
    const changed: Array<JobId> = []
    const refused: Array<{ readonly id: JobId; readonly state: JobState | undefined }> = []
    const named = filter.ids !== undefined
    const found = this.table.matching(
      filter,
      "oldest",
      named ? undefined : after,
      limit + 1,
      (job) => named || (fits(change._tag, job.state) && this.wouldChange(job, change))
    )
    for (const job of found.slice(0, limit)) {
      // By now an earlier change of this very call may have moved it, or made it go.
      const state = this.table.find(job.id) === undefined ? undefined : stateNames[job.state]
      if (state !== undefined && fits(change._tag, job.state) && this.make(job, change, now)) changed.push(job.id)
      else if (named) refused.push({ id: job.id, state })
    }
    this.life.settleChildren(now)
    // Those that an earlier change of this very call made go have been answered.
    const answered = new Set(found.map(({ id }) => id))
    for (const id of new Set(filter.ids)) {
      if (!answered.has(id) && this.table.find(id) === undefined) refused.push({ id, state: undefined })
    }
    return { changed, refused, more: found.length > limit }
  }

  /** Left out of a filter's answer: what is as asked already, or it would be met again by every further call. */
  private wouldChange(job: StoredJob, change: JobChange): boolean {
    switch (change._tag) {
      case "Cancel":
        return job.rare?.cancelReason === undefined
      case "Edit":
        return isEdit(this.editable(job), change)
      case "Retry":
        return job.rare?.unique === undefined || this.life.keys.isFree(job.rare.unique)
      case "Remove":
      case "Rank":
        return true
    }
  }

  private make(job: StoredJob, change: JobChange, now: number): boolean {
    switch (change._tag) {
      case "Cancel":
        this.life.cancel(job, change.reason, now)
        return true
      case "Retry":
        return this.life.revive(job, now, (revived) => {
          revived.rank = rankOfRetry(this.editable(revived), change.rankings, now) - this.table.epoch
        })
      case "Remove":
        this.life.remove(job, now)
        return true
      case "Edit":
        this.edit(job, change, now)
        return true
      case "Rank":
        this.rank(job, rankOf(this.editable(job), change.rankings) - this.table.epoch, now)
        return true
    }
  }

  private editable(job: StoredJob): Editable {
    const { due, lane, payload, priority, rare } = job
    const { epoch } = this.table
    return {
      task: lane.task,
      group: lane.group.name,
      payload,
      priority,
      due: due + epoch,
      rank: ownRankOf(job) + epoch,
      extra: rare?.extra
    }
  }

  private rank(job: StoredJob, rank: number, now: number): void {
    if (rank === ownRankOf(job)) return
    if (!isWaiting(job.state)) {
      if (job.rare?.admission !== undefined) job.rare.admission.ownRank = rank
      job.rank = rank
      return
    }
    this.life.unlist(job)
    job.rank = rank
    this.life.relist(job, now)
  }

  private edit(job: StoredJob, change: Extract<JobChange, { readonly _tag: "Edit" }>, now: number): void {
    const { due, extra, group, isMoved, payload, priority, rank } = edited(this.editable(job), change)
    job.payload = payload
    if (change.tags !== undefined) {
      rareOf(job).extra = extra
      this.table.relabel(job)
    }
    if (!isMoved) return
    this.life.unlist(job)
    if (group !== job.lane.group.name) this.table.regroup(job, group)
    job.priority = priority
    job.due = due - this.table.epoch
    if (extra !== job.rare?.extra) rareOf(job).extra = extra
    job.rank = rank - this.table.epoch
    this.life.relist(job, now)
  }
}
