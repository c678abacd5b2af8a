/** A job that waits for those stored with it: their ids are known only as they are stored. */
import type { JobId } from "../Job.ts"
import type { NewJob } from "../../Store/Turn.ts"

/** The job with the siblings it waits for named: `ids` from `start` on, but for refused ones. */
export const withSiblings = (job: NewJob, ids: ReadonlyArray<JobId>, start: number, end: number): NewJob => {
  if (job.after?.siblings !== true) return job
  const { jobs, onParentFailure } = job.after
  return { ...job, after: { jobs: [...jobs, ...ids.slice(start, end).filter((id) => id !== 0)], onParentFailure } }
}
