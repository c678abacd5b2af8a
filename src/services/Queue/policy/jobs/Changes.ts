/** Which change of an operator fits which state, and what it makes of a job. */
import type { JobExtra } from "../../Job.ts"
import type { JobChange } from "../../../Store/JobChange.ts"
import { laneOf } from "../Lane.ts"
import { rankIn, type Rankings } from "../Order.ts"
import { isFinished, isLive, isWaiting, stateNames } from "./States.ts"

type Edit = Extract<JobChange, { readonly _tag: "Edit" }>

/** What is edited of a job, and what it is ranked by. Times in milliseconds since 1970. */
export interface Editable {
  readonly task: string
  readonly group: string
  readonly payload: unknown
  readonly priority: number
  readonly due: number
  readonly rank: number
  readonly extra: JobExtra | undefined
}

export const fits = (change: JobChange["_tag"], state: number): boolean => {
  switch (change) {
    case "Cancel":
    case "Rank":
      return isLive(state)
    case "Retry":
      return isFinished(state)
    case "Remove":
      return isWaiting(state) || isFinished(state)
    case "Edit":
      return isWaiting(state)
  }
}

/** The states that a change fits. */
export const statesFor = (change: JobChange["_tag"]) => stateNames.filter((_, state) => fits(change, state))

export const rankOf = (job: Omit<Editable, "payload" | "rank">, rankings: Rankings): number =>
  rankIn(rankings, job.group, job.task, job.due, job.priority, job.extra?.deadline)

/** When an edited job is due; undefined: the edit does not say. */
const editedDue = ({ due, notBefore }: Edit, before: number): number | undefined =>
  notBefore === undefined ? due : Math.max(due ?? before, notBefore)

/** Whoever runs the jobs of a lane of its own has slots in one group. */
const editedGroup = ({ group, task }: Editable, change: Edit): string =>
  laneOf(task) === undefined ? (change.group ?? group) : group

/** The job as an edit makes it. A new group, priority, due time or deadline moves it. */
export const edited = (job: Editable, change: Edit): Editable & { readonly isMoved: boolean } => {
  const due = editedDue(change, job.due)
  const group = editedGroup(job, change)
  const isMoved =
    group !== job.group || change.priority !== undefined || due !== undefined || change.deadline !== undefined
  const after = {
    ...job,
    group,
    payload: change.payload === undefined ? job.payload : change.payload,
    priority: change.priority ?? job.priority,
    due: due ?? job.due,
    extra: editedExtra(job.extra, change),
    isMoved
  }
  return isMoved ? { ...after, rank: rankOf(after, change.rankings) } : after
}

/** Whether an edit would make the job another than it is; one by a filter passes over the others. */
export const isEdit = (job: Editable, change: Edit): boolean => {
  const after = edited(job, change)
  return (
    after.payload !== job.payload ||
    after.group !== job.group ||
    after.priority !== job.priority ||
    after.due !== job.due ||
    after.extra?.deadline !== job.extra?.deadline ||
    (after.extra?.tags ?? []).join("\n") !== (job.extra?.tags ?? []).join("\n")
  )
}

/** The rank of a job that is retried at `now`: by the order of its group, or with the head start it had. */
export const rankOfRetry = (job: Editable, rankings: Rankings | undefined, now: number): number =>
  rankings === undefined ? now + (job.rank - job.due) : rankOf({ ...job, due: now }, rankings)

/** What else a job carries, with another deadline. */
export const withDeadline = (extra: JobExtra | undefined, deadline: number | undefined): JobExtra => {
  const { deadline: _, ...rest } = extra ?? {}
  return deadline === undefined ? rest : { ...rest, deadline }
}

const withTags = (extra: JobExtra | undefined, tags: ReadonlyArray<string>): JobExtra => {
  const { tags: _, ...rest } = extra ?? {}
  return tags.length === 0 ? rest : { ...rest, tags }
}

const editedExtra = (extra: JobExtra | undefined, { deadline, tags }: Edit): JobExtra | undefined => {
  const dated = deadline === undefined ? extra : withDeadline(extra, deadline)
  return tags === undefined ? dated : withTags(dated, tags)
}
