/**
 * Which logs go: those whose jobs are gone, and the oldest of ended jobs where all together are larger than they may
 * be.
 */
import { Effect } from "effect"
import type { JobId } from "../Job.ts"
import { finishedStates } from "../Job.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { Outputs, type StoredOutput } from "../Outputs.ts"
import { Settings } from "../QueueSettings.ts"

/** Jobs looked up in one go. */
const pageSize = 500

/** Those that are to go: of ended jobs, the oldest first, until what stays is no larger than it may be. */
export const beyond = (
  stored: ReadonlyArray<StoredOutput>,
  isEnded: (job: JobId) => boolean,
  totalBytes: number
): ReadonlyArray<StoredOutput> => {
  let bytes = stored.reduce((sum, each) => sum + each.bytes, 0)
  const gone: Array<StoredOutput> = []
  for (const each of stored.toSorted((a, b) => a.changedAt - b.changedAt)) {
    if (bytes <= totalBytes) break
    if (!isEnded(each.job)) continue
    gone.push(each)
    bytes -= each.bytes
  }
  return gone
}

/** One pass; answers of how many jobs logs were removed. */
export const prune = Effect.gen(function* () {
  const outputs = yield* Outputs
  const store = yield* JobStore
  const { outputTotalBytes } = yield* Settings
  const stored = yield* outputs.stored
  const ended = new Set<JobId>()
  const there: Array<StoredOutput> = []
  let removed = 0
  const remove = ({ attempts, job }: StoredOutput) => {
    removed++
    return outputs.remove(job, attempts)
  }
  for (let from = 0; from < stored.length; from += pageSize) {
    const page = stored.slice(from, from + pageSize)
    const found = new Map((yield* store.get(page.map(({ job }) => job))).map((job) => [job.id, job]))
    for (const each of page) {
      const job = found.get(each.job)
      if (job === undefined) yield* remove(each)
      else {
        there.push(each)
        if (finishedStates.includes(job.state)) ended.add(job.id)
      }
    }
    yield* Effect.yieldNow
  }
  for (const each of beyond(there, (job) => ended.has(job), outputTotalBytes)) yield* remove(each)
  return removed
})
