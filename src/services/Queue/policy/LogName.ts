/** What the files of an attempt's log are called: by job, attempt and part, `0123456789a.1.0`. */
import type { JobId } from "../Job.ts"
import { formatJobId } from "./JobIds.ts"

export const nameOf = (job: JobId, attempt: number, file: number): string => `${formatJobId(job)}.${attempt}.${file}`

/** What the log is called: the name of its first file. */
export const logName = (job: JobId, attempt: number): string => nameOf(job, attempt, 0)
