/**
 * A turn and its answer as values for a message: the jobs in them as flat lists of the fields that the contract names,
 * whatever else the objects that carry them hold.
 */
import { Schema } from "effect"
import { StoreReason } from "../StoreError.ts"
import {
  type ClaimedJob,
  claimedJobFields,
  type EnqueueNote,
  type NewJob,
  newJobFields,
  type Settle,
  settleFields,
  type Turn,
  type TurnResult
} from "../Turn.ts"
import { listCodec } from "../Fields.ts"

const newJobs = listCodec<NewJob>(newJobFields)
const settles = listCodec<Settle>(settleFields)
const claimed = listCodec<ClaimedJob>(claimedJobFields)

type Values = ReadonlyArray<unknown>

/** What comes with the end of an attempt is rare, and its jobs a list within the list. */
const followed = <A>(settle: Settle, change: (jobs: ReadonlyArray<NewJob>) => A): Settle =>
  settle.followUp === undefined
    ? settle
    : { ...settle, followUp: { ...settle.followUp, jobs: change(settle.followUp.jobs) as ReadonlyArray<NewJob> } }

export const turnToValue = (turn: Turn): unknown => ({
  ...turn,
  settle: settles.encode(turn.settle.map((settle) => followed(settle, newJobs.encode))),
  enqueue: newJobs.encode(turn.enqueue)
})

export const turnFromValue = (value: unknown): Turn => {
  const turn = value as Omit<Turn, "settle" | "enqueue"> & { readonly settle: Values; readonly enqueue: Values }
  return {
    ...turn,
    settle: settles.decode(turn.settle).map((settle) => followed(settle, newJobs.decode)),
    enqueue: newJobs.decode(turn.enqueue)
  }
}

const encodeReason = Schema.encodeSync(StoreReason)
const decodeReason = Schema.decodeUnknownSync(StoreReason)

/** Causes stay where they arose. */
export const reasonToValue = (reason: StoreReason): unknown => {
  const { cause: _, ...plain } = encodeReason(reason) as Readonly<Record<string, unknown>>
  return plain
}
export const reasonFromValue = (value: unknown): StoreReason => decodeReason(value)

type Notes = TurnResult["notes"]

const withReasons = <A>(notes: Notes, change: (reason: StoreReason) => A): Notes =>
  notes === undefined
    ? notes
    : new Map(
        [...notes].map(([index, note]) => [
          index,
          note._tag === "NotStored" ? ({ ...note, reason: change(note.reason) } as EnqueueNote) : note
        ])
      )

export const resultToValue = (result: TurnResult): unknown => ({
  ...result,
  notes: withReasons(result.notes, reasonToValue),
  jobs: claimed.encode(result.jobs),
  batches: result.batches?.map(claimed.encode)
})

export const resultFromValue = (value: unknown): TurnResult => {
  const result = value as Omit<TurnResult, "jobs" | "batches"> & {
    readonly jobs: Values
    readonly batches: ReadonlyArray<Values> | undefined
  }
  return {
    ...result,
    notes: withReasons(result.notes, reasonFromValue),
    jobs: claimed.decode(result.jobs),
    batches: result.batches?.map(claimed.decode)
  }
}
