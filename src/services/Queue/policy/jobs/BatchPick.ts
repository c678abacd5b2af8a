/**
 * Which pending jobs of a batch task start together now. A batch is ripe when it is full, or when one of its jobs has
 * been due for the task's waiting time. A job that was lost with its worker goes alone, so that what took the worker
 * down takes no company along. It needs three figures of each candidate, so that a store may read those first and
 * claim what was picked if it is still pending.
 */
import type { BatchClaim } from "../../../Store/Turn.ts"

/** Pending jobs of one lane that are looked at for jobs of the same key: enough for twenty batches of fifty. */
export const keyedWindow = 1000

/** A pending job, as much of it as the choice needs. */
export interface Candidate {
  readonly due: number
  readonly partitionKey: string | undefined
  /** Attempts lost with their worker. */
  readonly lost: number
}

export interface Pick {
  /** Ripe batches as indexes into the candidates, in the order of their first jobs. */
  readonly batches: ReadonlyArray<ReadonlyArray<number>>
  /** When the next batch is ripe by its time, in milliseconds since 1970. */
  readonly ripeAt: number | undefined
  /** At least so many more jobs make another batch full. */
  readonly lacking: number
}

/** How many candidates to look at for up to `room` batches. */
export const windowOf = (rule: BatchClaim, room: number): number =>
  rule.keyed ? Math.max(keyedWindow, rule.size * room) : rule.size * room

interface Open {
  readonly jobs: Array<number>
  firstDue: number
}

/** `candidates` in order of rank. Cost: linear in them. */
export const pickBatches = (candidates: ReadonlyArray<Candidate>, rule: BatchClaim, now: number): Pick => {
  const ripe: Array<ReadonlyArray<number>> = []
  const open = new Map<string | undefined, Open>()
  for (let i = 0; i < candidates.length; i++) {
    const { due, lost, partitionKey } = candidates[i]!
    if (lost > 0) {
      ripe.push([i])
      continue
    }
    const key = rule.keyed ? partitionKey : undefined
    let batch = open.get(key)
    if (batch === undefined) {
      batch = { jobs: [], firstDue: due }
      open.set(key, batch)
    }
    batch.jobs.push(i)
    if (due < batch.firstDue) batch.firstDue = due
    if (batch.jobs.length >= rule.size) {
      ripe.push(batch.jobs)
      open.delete(key)
    }
  }
  let ripeAt: number | undefined
  let lacking = rule.size
  for (const { firstDue, jobs } of open.values()) {
    const at = firstDue + rule.waitMs
    if (at <= now) ripe.push(jobs)
    else {
      if (ripeAt === undefined || at < ripeAt) ripeAt = at
      lacking = Math.min(lacking, rule.size - jobs.length)
    }
  }
  return { batches: ripe.sort((a, b) => a[0]! - b[0]!), ripeAt, lacking }
}
