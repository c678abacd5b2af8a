/** Whether a task's jobs can start somewhere: the worker needs their handler, and a slot for their group. Pure. */
import { Option, Schema } from "effect"
import type { CounterRecord } from "../../Store/GroupRecord.ts"
import type { WorkerRecord } from "../../Store/WorkerRecord.ts"
import { laneOf } from "./Lane.ts"
import { SlotDecision } from "./SlotDecision.ts"

/** Of the workers that claim, those that have the task's handler. */
export const able = (task: string, workers: ReadonlyArray<WorkerRecord>): ReadonlyArray<WorkerRecord> =>
  workers.filter(({ draining, tasks }) => !draining && tasks.includes(task))

/** Slots that the workers have for the group, together. */
export const slotsOf = (group: string, workers: ReadonlyArray<WorkerRecord>): number =>
  workers.reduce((sum, { slots }) => sum + (slots[group] ?? 0), 0)

/** As it rests in a worker's record: what is no decision says nothing. */
const told = Schema.decodeUnknownOption(SlotDecision)

/** How many slots of all groups together a worker fills, and why, as it said last; undefined: it said nothing. */
export const totalOf = ({ load }: WorkerRecord): SlotDecision | undefined => Option.getOrUndefined(told(load?.total))

/** How many slots of the group a worker fills, and why, as it said last; undefined: it knows no such group. */
export const decisionOf = ({ load, slots }: WorkerRecord, group: string): SlotDecision | undefined => {
  const decided = Option.getOrUndefined(told(load?.decided?.[group]))
  const plain = slots[group]
  if (decided !== undefined || !Number.isSafeInteger(plain)) return decided
  const isDeclared = load?.declared?.[group] !== undefined || load?.declared?.["*"] !== undefined
  const asked = isDeclared
    ? ({ source: "declared", slots: plain, reason: "declared for this worker" } as const)
    : ({ source: "limit", slots: plain, reason: "the group's limit" } as const)
  return { slots: plain, by: asked, asked }
}

/** Slots in use of all groups together, as the worker said last. */
export const inUseOf = ({ load }: WorkerRecord): number =>
  Object.values(load?.busy ?? {}).reduce((sum, busy) => sum + busy, 0)

/** Whether a worker would fill another slot of the group, by what it said last. What it never told of has room. */
export const hasRoom = (worker: WorkerRecord, group: string): boolean => {
  const busy = worker.load?.busy[group] ?? 0
  const most = decisionOf(worker, group)?.slots ?? Number.POSITIVE_INFINITY
  return busy < most && inUseOf(worker) < (totalOf(worker)?.slots ?? Number.POSITIVE_INFINITY)
}

/** Slots of the group that the workers fill, together. */
export const filledOf = (group: string, workers: ReadonlyArray<WorkerRecord>): number =>
  workers.reduce((sum, worker) => sum + (decisionOf(worker, group)?.slots ?? 0), 0)

/**
 * Jobs that are due and wait in vain. `isKnown`: some worker has their handler, but none of those a slot for their
 * group.
 */
export interface Unserved {
  readonly task: string
  readonly group: string
  readonly jobs: number
  readonly isKnown: boolean
}

/**
 * Commands in a lane are left out: each lane has its own process, and a worker for commands takes over those of the
 * dead.
 */
export const unserved = (
  counters: ReadonlyArray<CounterRecord>,
  workers: ReadonlyArray<WorkerRecord>
): ReadonlyArray<Unserved> =>
  counters.flatMap(({ count, group, state, task }) => {
    if (state !== "pending" || count === 0 || laneOf(task) !== undefined) return []
    const knowing = able(task, workers)
    return slotsOf(group, knowing) > 0 ? [] : [{ task, group, jobs: count, isKnown: knowing.length > 0 }]
  })
