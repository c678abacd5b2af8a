import type { JobState } from "../Queue/Job.ts"

/** What the jobs of one task in one group and state take; sizes in bytes of JSON in UTF-8, without indexes. */
export interface UsageRecord {
  readonly group: string
  readonly task: string
  readonly state: JobState
  /** Exact. */
  readonly count: number
  /** How many of them the sizes are of: all of few, of many some at even distances by id. */
  readonly measured: number
  /** Payloads, with what travels along: tags, headers. */
  readonly payloadBytes: number
  /** Results, why jobs failed, and what durable steps made. */
  readonly resultBytes: number
  /** Lines that handlers logged. What commands wrote rests elsewhere: `Outputs`. */
  readonly logBytes: number
}
