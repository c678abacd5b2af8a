/** What operators change, by ids or by filter. */
import type { JobId, JobState } from "../../Job.ts"
import { type ChangeResult, editedDue, type JobChange } from "../../JobChange.ts"
import type { JobFilter } from "../../JobQuery.ts"
import { rankIn, type Rankings } from "../../policy/Order.ts"
import { failureOf, type JobLife, withDeadline } from "./JobLife.ts"
import type { JobTable } from "./JobTable.ts"
import type { Sessions } from "./Sessions.ts"
import { isFinished, isLive, isWaiting, rareOf, running, stateNames, type StoredJob } from "./StoredJob.ts"

export class JobChanges {
  private readonly table: JobTable
  private readonly life: JobLife
  private readonly sessions: Sessions

  constructor(table: JobTable, life: JobLife, sessions: Sessions) {
    this.table = table
    this.life = life
    this.sessions = sessions
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
      (job) => named || (allows(job, change) && this.wouldChange(job, change))
    )
    for (const job of found.slice(0, limit)) {
      // By now an earlier change of this very call may have moved it.
      const state = stateNames[job.state]
      if (allows(job, change) && this.make(job, change, now)) changed.push(job.id)
      else if (named) refused.push({ id: job.id, state })
      this.life.settleChildren(now)
    }
    for (const id of new Set(filter.ids)) {
      if (this.table.find(id) === undefined && !changed.includes(id)) refused.push({ id, state: undefined })
    }
    return { changed, refused, more: found.length > limit }
  }

  /** Left out of a filter's answer: what is as asked already, or it would be met again by every further call. */
  private wouldChange(job: StoredJob, change: JobChange): boolean {
    switch (change._tag) {
      case "Cancel":
        return job.rare?.cancelReason === undefined
      case "Edit":
        return (
          (change.payload !== undefined && change.payload !== job.payload) ||
          (change.priority !== undefined && change.priority !== job.priority) ||
          this.dueOf(job, change) !== job.due ||
          (change.deadline !== undefined && change.deadline !== job.rare?.extra?.deadline)
        )
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
        if (job.state === running) this.signal(job, change.reason)
        else this.life.cancelWaiting(job, failureOf(job, "Cancelled", change.reason, now), now)
        return true
      case "Retry":
        return this.life.revive(job, now, (revived) => {
          if (change.rankings !== undefined) revived.rank = this.rankOf(revived, change.rankings)
        })
      case "Remove":
        this.life.remove(job, now)
        return true
      case "Edit":
        this.edit(job, change, now)
        return true
      case "Rank":
        this.rank(job, this.rankOf(job, change.rankings), now)
        return true
    }
  }

  private rankOf(job: StoredJob, rankings: Rankings): number {
    const { epoch } = this.table
    const { lane, rare } = job
    return rankIn(rankings, lane.group.name, lane.task, job.due + epoch, job.priority, rare?.extra?.deadline) - epoch
  }

  private dueOf(job: StoredJob, change: Extract<JobChange, { readonly _tag: "Edit" }>): number {
    const due = editedDue(change, job.due + this.table.epoch)
    return due === undefined ? job.due : due - this.table.epoch
  }

  private rank(job: StoredJob, rank: number, now: number): void {
    if (rank === job.rank) return
    if (!isWaiting(job)) {
      job.rank = rank
      return
    }
    this.life.unlist(job)
    job.rank = rank
    this.life.relist(job, now)
  }

  private signal(job: StoredJob, reason: string): void {
    rareOf(job).cancelReason = reason
    const session = this.sessions.get(job.session)
    if (session !== undefined && !session.signals.some(({ id }) => id === job.id)) {
      session.signals = [...session.signals, { id: job.id, kind: "cancel", reason }]
    }
    this.life.wakes.control = true
  }

  private edit(job: StoredJob, change: Extract<JobChange, { readonly _tag: "Edit" }>, now: number): void {
    if (change.payload !== undefined) job.payload = change.payload
    const due = this.dueOf(job, change)
    if (change.priority === undefined && due === job.due && change.deadline === undefined) return
    this.life.unlist(job)
    if (change.priority !== undefined) job.priority = change.priority
    job.due = due
    if (change.deadline !== undefined) {
      const rare = rareOf(job)
      rare.extra = withDeadline(rare.extra, change.deadline)
    }
    job.rank = this.rankOf(job, change.rankings)
    this.life.relist(job, now)
  }
}

const allows = (job: StoredJob, change: JobChange): boolean => {
  switch (change._tag) {
    case "Cancel":
    case "Rank":
      return isLive(job)
    case "Retry":
      return isFinished(job)
    case "Remove":
      return isWaiting(job) || isFinished(job)
    case "Edit":
      return isWaiting(job)
  }
}
