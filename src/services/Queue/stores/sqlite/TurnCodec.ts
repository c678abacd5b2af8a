/**
 * A turn and its answer as flat arrays of strings and numbers for the way between threads: structured cloning of an object per
 * job costs two to three times as much.
 */
import type { JobExtra, JobId } from "../../Job.ts"
import type { After, ClaimedJob, FollowUp, NewJob, Settle, Turn, Unique } from "../../Turn.ts"
import type { EngineTurnResult } from "./Engine.ts"

type Rare<A> = A | undefined

export interface EncodedTurn extends Omit<Turn, "settle" | "enqueue"> {
  readonly settle: ReadonlyArray<unknown>
  readonly enqueue: ReadonlyArray<unknown>
}

export interface EncodedTurnResult extends Omit<EngineTurnResult, "jobs" | "batches"> {
  readonly jobs: ReadonlyArray<unknown>
  readonly batches?: ReadonlyArray<ReadonlyArray<unknown>> | undefined
}

const none: ReadonlyArray<never> = []
const newJobFields = 12
const settleFields = 9
const claimedFields = 12

export const encodeTurn = (turn: Turn): EncodedTurn => {
  const enqueue: Array<unknown> = []
  for (const job of turn.enqueue) {
    enqueue.push(
      job.task,
      job.group,
      job.priority,
      job.due,
      job.rank,
      job.maxAttempts,
      job.payload,
      job.partitionKey,
      job.expiresAt,
      job.unique,
      job.after,
      job.extra
    )
  }
  const settle: Array<unknown> = []
  for (const each of turn.settle) {
    settle.push(
      each.id,
      each.attempt,
      each.outcome,
      each.result,
      each.failure,
      each.due,
      each.rank,
      each.runMs,
      each.followUp
    )
  }
  return { ...turn, settle, enqueue }
}

export const decodeTurn = (turn: EncodedTurn): Turn => {
  const enqueue: Array<NewJob> = []
  for (let i = 0; i < turn.enqueue.length; i += newJobFields) {
    enqueue.push({
      task: turn.enqueue[i] as string,
      group: turn.enqueue[i + 1] as string,
      priority: turn.enqueue[i + 2] as number,
      due: turn.enqueue[i + 3] as number,
      rank: turn.enqueue[i + 4] as number,
      maxAttempts: turn.enqueue[i + 5] as number,
      payload: turn.enqueue[i + 6],
      partitionKey: turn.enqueue[i + 7] as Rare<string>,
      expiresAt: turn.enqueue[i + 8] as Rare<number>,
      unique: turn.enqueue[i + 9] as Rare<Unique>,
      after: turn.enqueue[i + 10] as Rare<After>,
      extra: turn.enqueue[i + 11] as Rare<JobExtra>
    })
  }
  const settle: Array<Settle> = []
  for (let i = 0; i < turn.settle.length; i += settleFields) {
    settle.push({
      id: turn.settle[i] as JobId,
      attempt: turn.settle[i + 1] as number,
      outcome: turn.settle[i + 2] as Settle["outcome"],
      result: turn.settle[i + 3],
      failure: turn.settle[i + 4] as Settle["failure"],
      due: turn.settle[i + 5] as number,
      rank: turn.settle[i + 6] as number,
      runMs: turn.settle[i + 7] as number,
      followUp: turn.settle[i + 8] as Rare<FollowUp>
    })
  }
  return { ...turn, settle, enqueue }
}

export const encodeTurnResult = (result: EngineTurnResult): EncodedTurnResult => ({
  ...result,
  jobs: encodeClaimed(result.jobs),
  batches: result.batches?.map(encodeClaimed)
})

export const decodeTurnResult = (result: EncodedTurnResult): EngineTurnResult => ({
  ...result,
  jobs: decodeClaimed(result.jobs),
  batches: result.batches?.map(decodeClaimed)
})

const encodeClaimed = (claimed: ReadonlyArray<ClaimedJob>): ReadonlyArray<unknown> => {
  if (claimed.length === 0) return none
  const flat: Array<unknown> = []
  for (const job of claimed) {
    flat.push(
      job.id,
      job.task,
      job.group,
      job.priority,
      job.due,
      job.attempt,
      job.maxAttempts,
      job.payload,
      job.partitionKey,
      job.expiresAt,
      job.extra,
      job.lost
    )
  }
  return flat
}

const decodeClaimed = (flat: ReadonlyArray<unknown>): ReadonlyArray<ClaimedJob> => {
  const claimed: Array<ClaimedJob> = []
  for (let i = 0; i < flat.length; i += claimedFields) {
    claimed.push({
      id: flat[i] as JobId,
      task: flat[i + 1] as string,
      group: flat[i + 2] as string,
      priority: flat[i + 3] as number,
      due: flat[i + 4] as number,
      attempt: flat[i + 5] as number,
      maxAttempts: flat[i + 6] as number,
      payload: flat[i + 7],
      partitionKey: flat[i + 8] as Rare<string>,
      expiresAt: flat[i + 9] as Rare<number>,
      extra: flat[i + 10] as Rare<JobExtra>,
      lost: flat[i + 11] as number
    })
  }
  return claimed
}
