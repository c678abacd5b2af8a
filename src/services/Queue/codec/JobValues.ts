/**
 * Payload, result and progress of a job as `TaskQueue` answers them, the same whichever way the store keeps them: JSON
 * decoded with the schemas of the task where this process has a handler for it, else as it is.
 */
import { Context } from "effect"
import type { JobRecord } from "../Job.ts"
import type { AnyTask } from "../Task.ts"
import { type PayloadForm, taskCodec, type ValuesAtRest } from "./TaskCodec.ts"

/**
 * How the look-ups of `TaskQueue` answer a job's values. `"decoded"`, the default: with the schemas of its task where
 * the process has a handler for it (a `Date`, a class); JSON where it has none, or where a value does not fit the
 * schema. `"json"`: JSON of every job, for who passes jobs on or shows them. Read at each look-up.
 */
export const JobValues = Context.Reference<"decoded" | "json">("sluice/JobValues", { defaultValue: () => "decoded" })

/** Text that is no JSON stays text: what a damaged row holds is shown as it is. */
const jsonOf = (stored: unknown, form: PayloadForm): unknown => {
  if (form === "value" || typeof stored !== "string") return stored
  try {
    return JSON.parse(stored)
  } catch {
    return stored
  }
}

/** The record of a store with its values decoded by `task`; as JSON without one, or where they do not fit it. */
export const withValues = (record: JobRecord, store: ValuesAtRest, task: AnyTask | undefined): JobRecord => {
  const codec = task && taskCodec(task, store)
  const value = (stored: unknown, edge: "payload" | "success" | "progress"): unknown => {
    if (stored === undefined) return undefined
    const json = jsonOf(stored, store.payloads)
    if (codec === undefined) return json
    try {
      return codec[edge].decodeJson(json)
    } catch {
      return json
    }
  }
  return {
    ...record,
    payload: value(record.payload, "payload"),
    result: value(record.result, "success"),
    progress: value(record.progress, "progress")
  }
}
