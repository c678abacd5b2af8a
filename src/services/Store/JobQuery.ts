/** Which jobs of a store, and how many of them at a time. */
import { type JobId, JobState, type JobRecord } from "../Queue/Job.ts"
import * as Bounds from "../Queue/policy/Bounds.ts"
import { millisOf, type TimeInput } from "../Queue/policy/Times.ts"

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
  /** Running, claimed by this session of a worker. */
  readonly session?: number
  /** Enqueued at or after, in milliseconds since 1970. */
  readonly from?: number
  /** Enqueued before. */
  readonly to?: number
}

/** A filter as programs give it, with times of any kind. */
export interface JobSelection extends Omit<JobFilter, "from" | "to"> {
  /** Enqueued at or after. */
  readonly from?: TimeInput
  /** Enqueued before. */
  readonly to?: TimeInput
}

const states: ReadonlyArray<JobState> = JobState.literals

export const checkStates = (what: string, value: unknown): ReadonlyArray<JobState> => Bounds.someOf(what, value, states)

/** Names in one filter. */
const mostNamed = 100_000
const names = (what: string, value: unknown) => Bounds.names(what, value, mostNamed)
/** A filter may go back further than 1970: `now − 100 years`. Jobs are enqueued at whole milliseconds. */
const moment = (what: string, value: unknown) =>
  Math.ceil(Bounds.real(what, millisOf(value), -Bounds.lastTime, Bounds.lastTime)) + 0

const filterFields: { readonly [K in keyof Required<JobFilter>]: (what: string, value: unknown) => unknown } = {
  ids: (what, value) => Bounds.jobIds(what, value, mostNamed),
  tasks: names,
  groups: names,
  states: checkStates,
  owner: Bounds.label,
  team: Bounds.label,
  tag: Bounds.label,
  partitionKey: Bounds.label,
  batchKey: Bounds.label,
  session: (what, value) => Bounds.whole(what, value, 1, Number.MAX_SAFE_INTEGER),
  from: moment,
  to: moment
}
const filterNames: ReadonlySet<string> = new Set(Object.keys(filterFields))

/**
 * The filter in whole milliseconds, if each of its fields is one and within its bounds: a misspelt one would be passed
 * over, and a bulk change reach every job. Throws `OutOfBounds`.
 */
export const checkFilter = (filter: JobSelection): JobFilter => {
  Bounds.fields("filter", filter, filterNames)
  return Object.fromEntries(
    Object.entries(filter).flatMap(([field, value]) =>
      value === undefined ? [] : [[field, filterFields[field as keyof JobFilter](`filter.${field}`, value)]]
    )
  )
}

export interface PageRequest {
  /** 1 to 1,000. */
  readonly limit: number
  /** Newest first, or oldest first; by id. */
  readonly order: "newest" | "oldest"
  /** Continue after this id; from `Page.next`. */
  readonly cursor?: JobId
}

const pageNames: ReadonlySet<string> = new Set<keyof PageRequest>(["limit", "order", "cursor"])

/** A whole request: by default the newest hundred. Throws `OutOfBounds`. */
export const checkPage = (page: Partial<PageRequest> = {}): PageRequest => {
  Bounds.fields("page", page, pageNames)
  const { cursor, limit = 100, order = "newest" } = page
  return {
    limit: Bounds.whole("page.limit", limit, 1, 1000),
    order: Bounds.oneOf("page.order", order, ["newest", "oldest"]),
    ...(cursor !== undefined && { cursor: Bounds.jobId("page.cursor", cursor) })
  }
}

export interface Page {
  readonly jobs: ReadonlyArray<JobRecord>
  /** Set when there may be more. */
  readonly next: JobId | undefined
}

/** Steps of time: `count` of them, the first from `from` on, in milliseconds since 1970. */
export interface Steps {
  readonly from: number
  readonly stepMs: number
  readonly count: number
}

/** Jobs of a task that become due in a step. */
export interface DueCount {
  readonly group: string
  readonly task: string
  /** From 0. What is overdue is in the first. */
  readonly step: number
  readonly jobs: number
}

export interface Count {
  readonly count: number
  /** False when counting stopped at the bound (10,000): there are at least `count`. */
  readonly exact: boolean
}
