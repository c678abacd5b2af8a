/** What jobs take in the heap, as they would as JSON: told by the counters and the sizes of some. */
import { measuredOf, sampled } from "../../Queue/policy/jobs/Sampling.ts"
import { stateNames } from "../../Queue/policy/jobs/States.ts"
import type { UsageRecord } from "../UsageRecord.ts"
import type { JobTable } from "./JobTable.ts"
import type { StoredJob } from "./StoredJob.ts"

const jsonBytes = (value: unknown): number => (value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value) ?? ""))

/** Lines of a log in one answer: all that are kept. */
const allLines = Number.MAX_SAFE_INTEGER

const sizesOf = ({ payload, rare, result }: StoredJob, maxLogLines: number) => {
  const lines = rare?.log?.read(0, allLines, maxLogLines).lines ?? []
  const steps = [...(rare?.steps?.values() ?? [])]
  return {
    payloadBytes: jsonBytes(payload) + jsonBytes(rare?.extra),
    resultBytes:
      jsonBytes(result) +
      jsonBytes(rare?.failure) +
      jsonBytes(rare?.attempts) +
      steps.reduce((sum, step) => sum + Buffer.byteLength(step), 0),
    logBytes: lines.reduce((sum, { message }) => sum + Buffer.byteLength(message), 0)
  }
}

export const usageOf = (table: JobTable, maxLogLines: number): ReadonlyArray<UsageRecord> => {
  const cells = [...table.groups.values()].flatMap((group) =>
    [...group.lanes.values()].flatMap((lane) =>
      stateNames.flatMap((state, code) => {
        const count = lane.jobs.count([code])
        return count === 0 ? [] : [{ group: group.name, task: lane.task, state, count }]
      })
    )
  )
  const most = measuredOf(cells.map(({ count }) => count))
  return cells.map((cell, i) => {
    const filter = { groups: [cell.group], tasks: [cell.task], states: [cell.state] }
    const ids = sampled(
      most[i]!,
      cell.count,
      (after, limit) => table.matching(filter, "oldest", after as never, limit).map(({ id }) => id),
      () => table.matching(filter, "newest", undefined, 1)[0]?.id
    )
    const sum = { measured: ids.length, payloadBytes: 0, resultBytes: 0, logBytes: 0 }
    for (const id of ids) {
      const sizes = sizesOf(table.find(id)!, maxLogLines)
      sum.payloadBytes += sizes.payloadBytes
      sum.resultBytes += sizes.resultBytes
      sum.logBytes += sizes.logBytes
    }
    return { ...cell, ...sum }
  })
}
