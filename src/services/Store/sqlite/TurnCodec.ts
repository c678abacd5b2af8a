/**
 * A turn and its answer as flat arrays of strings and numbers for the way between threads: structured cloning of an
 * object per job costs two to three times as much.
 */
import { claimedJobFields, newJobFields, settleFields, type Turn } from "../Turn.ts"
import type { ClaimedJob, NewJob, Settle } from "../Turn.ts"
import type { EngineTurnResult } from "./Engine.ts"
import { listCodec } from "../Fields.ts"

export interface EncodedTurn extends Omit<Turn, "settle" | "enqueue"> {
  readonly settle: ReadonlyArray<unknown>
  readonly enqueue: ReadonlyArray<unknown>
}

export interface EncodedTurnResult extends Omit<EngineTurnResult, "jobs" | "batches"> {
  readonly jobs: ReadonlyArray<unknown>
  readonly batches?: ReadonlyArray<ReadonlyArray<unknown>> | undefined
}

const newJobs = listCodec<NewJob>(newJobFields)
const settles = listCodec<Settle>(settleFields)
const claimed = listCodec<ClaimedJob>(claimedJobFields)

export const encodeTurn = (turn: Turn): EncodedTurn => ({
  ...turn,
  settle: settles.encode(turn.settle),
  enqueue: newJobs.encode(turn.enqueue)
})

export const decodeTurn = (turn: EncodedTurn): Turn => ({
  ...turn,
  settle: settles.decode(turn.settle),
  enqueue: newJobs.decode(turn.enqueue)
})

export const encodeTurnResult = (result: EngineTurnResult): EncodedTurnResult => ({
  ...result,
  jobs: claimed.encode(result.jobs),
  batches: result.batches?.map(claimed.encode)
})

export const decodeTurnResult = (result: EncodedTurnResult): EngineTurnResult => ({
  ...result,
  jobs: claimed.decode(result.jobs),
  batches: result.batches?.map(claimed.decode)
})
