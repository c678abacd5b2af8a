/** What jobs take, by group and state, as `queue du` shows it. */
import * as Schema from "effect/Schema"
import { Job, type JobState, type UsageRecord } from "../services/Queue/index.ts"

/** Sizes in bytes. */
export const UsageShape = Schema.Struct({
  group: Schema.String,
  /** Null where all tasks of the group are together. */
  task: Schema.NullOr(Schema.String),
  state: Job.JobState,
  jobs: Schema.Int,
  payloadBytes: Schema.Finite,
  /** Results, why jobs failed, and what durable steps made. */
  resultBytes: Schema.Finite,
  logBytes: Schema.Finite,
  /** What commands wrote, as far as it is known whose it is. */
  outputBytes: Schema.Finite,
  /** Payloads, results and logs follow from those of some jobs. */
  estimated: Schema.Boolean
})

export type Usage = typeof UsageShape.Type

/** Logs of commands that rest beside the store. */
export interface OutputUsage {
  readonly group: string
  readonly task: string
  readonly state: JobState
  readonly bytes: number
}

export const totalBytes = ({ logBytes, outputBytes, payloadBytes, resultBytes }: Usage): number =>
  payloadBytes + resultBytes + logBytes + outputBytes

type Sizes = Pick<UsageRecord, "payloadBytes" | "resultBytes" | "logBytes">

/** Mean sizes of those measured; zeros where none was. */
const meansOf = (records: ReadonlyArray<UsageRecord>): Sizes => {
  const measured = Math.max(
    1,
    records.reduce((sum, record) => sum + record.measured, 0)
  )
  const mean = (size: keyof Sizes) => records.reduce((sum, record) => sum + record[size], 0) / measured
  return { payloadBytes: mean("payloadBytes"), resultBytes: mean("resultBytes"), logBytes: mean("logBytes") }
}

/**
 * A row per group, task with `byTask`, and state, the largest first. Of a cell in which some jobs were measured, the
 * others take what those do; of one in which none was, what all do.
 */
export const usageRows = (
  records: ReadonlyArray<UsageRecord>,
  outputs: ReadonlyArray<OutputUsage>,
  byTask: boolean
): ReadonlyArray<Usage> => {
  const overall = meansOf(records)
  const keyOf = (of: { readonly group: string; readonly task: string; readonly state: JobState }): string =>
    JSON.stringify([of.group, byTask ? of.task : null, of.state])
  const rows = new Map<string, Usage>()
  for (const record of records) {
    const { count, group, measured, state, task } = record
    const means = measured === 0 ? overall : meansOf([record])
    const key = keyOf(record)
    const before = rows.get(key)
    rows.set(key, {
      group,
      task: byTask ? task : null,
      state,
      jobs: (before?.jobs ?? 0) + count,
      payloadBytes: (before?.payloadBytes ?? 0) + Math.round(count * means.payloadBytes),
      resultBytes: (before?.resultBytes ?? 0) + Math.round(count * means.resultBytes),
      logBytes: (before?.logBytes ?? 0) + Math.round(count * means.logBytes),
      outputBytes: 0,
      estimated: before?.estimated === true || measured < count
    })
  }
  for (const output of outputs) {
    const row = rows.get(keyOf(output))
    if (row !== undefined) rows.set(keyOf(output), { ...row, outputBytes: row.outputBytes + output.bytes })
  }
  return [...rows.values()].sort((a, b) => totalBytes(b) - totalBytes(a))
}
