/** Which jobs of a store, and how many of them at a time. */
import type { JobId, JobRecord, JobState } from "./Job.ts"

/** Which jobs. Fields are joined by "and"; an empty filter is every job. */
export interface JobFilter {
  readonly ids?: ReadonlyArray<JobId>
  readonly tasks?: ReadonlyArray<string>
  readonly groups?: ReadonlyArray<string>
  readonly states?: ReadonlyArray<JobState>
  readonly owner?: string
  readonly team?: string
  readonly tag?: string
  readonly partitionKey?: string
  readonly batchKey?: string
  /** Enqueued at or after, in milliseconds since 1970. */
  readonly from?: number
  /** Enqueued before. */
  readonly to?: number
}

export interface PageRequest {
  /** 1 to 1,000. */
  readonly limit: number
  /** Newest first, or oldest first; by id. */
  readonly order: "newest" | "oldest"
  /** Continue after this id; from `Page.next`. */
  readonly cursor?: JobId
}

export interface Page {
  readonly jobs: ReadonlyArray<JobRecord>
  /** Set when there may be more. */
  readonly next: JobId | undefined
}

export interface Count {
  readonly count: number
  /** False when counting stopped at the bound (10,000): there are at least `count`. */
  readonly exact: boolean
}
