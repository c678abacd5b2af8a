/**
 * Why a job has not started: one reason, decided from what the store shows. Pure; the first that applies is the answer.
 */
import { opensAt } from "../../Limits/policy/Holding.ts"
import type { JobRecord } from "../Job.ts"
import type { GroupRecord } from "../../Store/GroupRecord.ts"
import type { BatchClaim } from "../../Store/Turn.ts"
import type { KeyRecord } from "../../Store/KeyRecord.ts"
import { type LimitReason, whyGroupWaits, whyKeyWaits } from "../../Limits/policy/WhyLimited.ts"
import type { WorkerRecord } from "../../Store/WorkerRecord.ts"
import { laneOf } from "./Lane.ts"
import { able, decisionOf, filledOf, inUseOf, slotsOf, totalOf } from "./Served.ts"
import { isHeld, type SlotDecision } from "./SlotDecision.ts"

export type Reason =
  | { readonly _tag: "Finished"; readonly state: "completed" | "failed" | "cancelled" }
  | { readonly _tag: "Running"; readonly session: number | undefined; readonly since: number | undefined }
  /** `deferredTo`: the deadline of a job that was put off within it. */
  | { readonly _tag: "NotDue"; readonly due: number; readonly deferredTo?: number }
  | {
      readonly _tag: "WaitingForRetry"
      readonly due: number
      readonly attempt: number
      readonly lastError: string | undefined
    }
  | { readonly _tag: "WaitingForJobs"; readonly jobs: JobRecord["waitingFor"] }
  | { readonly _tag: "HeldByKey"; readonly key: string }
  | LimitReason
  | { readonly _tag: "QueuePaused" }
  | { readonly _tag: "GroupPaused"; readonly group: string }
  /** Outside the hours of its group, which opens then. */
  | { readonly _tag: "GroupClosed"; readonly group: string; readonly opensAt: number }
  | { readonly _tag: "NoWorker" }
  | { readonly _tag: "NoWorkerForTask"; readonly task: string }
  | { readonly _tag: "NoSlotsForGroup"; readonly group: string }
  | { readonly _tag: "GroupFull"; readonly group: string; readonly running: number; readonly limit: number }
  /** `held`: workers that fill fewer slots of the group than was asked for; absent where there are none. */
  | {
      readonly _tag: "WorkersBusy"
      readonly group: string
      readonly running: number
      readonly slots: number
      readonly held?: ReadonlyArray<HeldSlots>
    }
  /** Slots of its group are free, but the workers that have them fill no more slots of all groups together. */
  | {
      readonly _tag: "TotalUsed"
      readonly group: string
      readonly running: number
      readonly totals: ReadonlyArray<HeldSlots>
    }
  /**
   * A slot is free, and `jobs` of the `size` that its batch may hold are there: it starts with the last of them, or at
   * `until`.
   */
  | { readonly _tag: "WaitingForBatch"; readonly jobs: number; readonly size: number; readonly until: number }
  /** A slot is free: it starts with the next turn of a worker. */
  | { readonly _tag: "Next" }

/** What a worker fills, and why. */
export interface HeldSlots {
  readonly worker: string
  readonly decision: SlotDecision
}

export interface Situation {
  readonly job: JobRecord
  readonly now: number
  readonly queuePaused: boolean
  readonly group: GroupRecord
  /** Its key, where that is limited. */
  readonly key: KeyRecord | undefined
  /** Workers whose lease holds. */
  readonly workers: ReadonlyArray<WorkerRecord>
  /** Slots in use of all groups together, by session; absent: as many as the worker said last. */
  readonly inUse: ReadonlyMap<number, number>
  /**
   * When the pending jobs that would share its batch became due, itself among them; undefined where its task has no
   * batches.
   */
  readonly batch: { readonly rule: BatchClaim; readonly dues: ReadonlyArray<number> } | undefined
}

/**
 * How the job's task is collected: by the living worker that is content with the fewest jobs. Undefined: not in
 * batches, as far as workers have told.
 */
export const batchRule = (task: string, workers: ReadonlyArray<WorkerRecord>): BatchClaim | undefined =>
  workers
    .flatMap(({ load }) => load?.collects?.filter((rule) => rule.task === task) ?? [])
    .reduce<BatchClaim | undefined>(
      (least, rule) => (least === undefined || rule.size < least.size ? rule : least),
      undefined
    )

const deferredTo = ({ extra }: JobRecord): { readonly deferredTo?: number } =>
  extra?.deferredFrom === undefined || extra.deadline === undefined ? {} : { deferredTo: extra.deadline }

/** Workers with free slots of the group that fill no more of all groups together; undefined: one of them would. */
const totalsUsed = (
  group: string,
  workers: ReadonlyArray<WorkerRecord>,
  inUse: Situation["inUse"]
): Extract<Reason, { readonly _tag: "TotalUsed" }> | undefined => {
  let running = 0
  const totals: Array<HeldSlots> = []
  for (const worker of workers) {
    if (!((worker.slots[group] ?? 0) > 0)) continue
    const decision = totalOf(worker)
    const used = inUse.get(worker.session) ?? inUseOf(worker)
    if (decision === undefined || used < decision.slots) return undefined
    running += used
    totals.push({ worker: worker.name, decision })
  }
  return { _tag: "TotalUsed", group, running, totals }
}

/** Why a group starts nothing, whatever waits in it, workers and slots apart; undefined: it may. */
export const whyKept = (group: GroupRecord, now: number): Reason | undefined =>
  whyShut(group, now) ?? whyGroupWaits(group, undefined, now)

const whyShut = (group: GroupRecord, now: number): Reason | undefined => {
  if (group.paused) return { _tag: "GroupPaused", group: group.name }
  const opens = opensAt(group.policy, now)
  return opens > now ? { _tag: "GroupClosed", group: group.name, opensAt: opens } : undefined
}

export const explain = ({ batch, group, inUse, job, key, now, queuePaused, workers }: Situation): Reason => {
  switch (job.state) {
    case "completed":
    case "failed":
    case "cancelled":
      return { _tag: "Finished", state: job.state }
    case "running":
      return { _tag: "Running", session: job.session, since: job.startedAt }
    case "scheduled":
      if (job.waitReason === "parents") return { _tag: "WaitingForJobs", jobs: job.waitingFor }
      if (job.waitReason === "key") return { _tag: "HeldByKey", key: job.uniqueKey ?? "" }
      if (job.waitReason === "limit") {
        return key === undefined
          ? { _tag: "InLine", group: job.group, key: job.partitionKey ?? "", waiting: 1 }
          : whyKeyWaits(group, key, job.extra, now)
      }
      if (job.due > now) {
        const refused = [key, group].find((of) => of?.heldBackUntil === job.due)
        if (refused !== undefined && job.waitReason === "time") {
          const of = { group: job.group, key: refused === group ? undefined : job.partitionKey }
          return { _tag: "HeldBack", ...of, until: job.due }
        }
        return job.waitReason === "retry"
          ? { _tag: "WaitingForRetry", due: job.due, attempt: job.attempt, lastError: job.failure?.message }
          : { _tag: "NotDue", due: job.due, ...deferredTo(job) }
      }
  }
  if (queuePaused) return { _tag: "QueuePaused" }
  const shut = whyShut(group, now)
  if (shut !== undefined) return shut
  const limited = whyGroupWaits(group, job.extra, now)
  if (limited !== undefined && limited._tag !== "RateSpent") return limited
  // Of a command whose run or map has ended that is the reason, whoever else is there.
  if (laneOf(job.task) === undefined && workers.every(({ draining }) => draining)) return { _tag: "NoWorker" }
  const knowing = able(job.task, workers)
  if (knowing.length === 0) return { _tag: "NoWorkerForTask", task: job.task }
  if (slotsOf(group.name, knowing) === 0) return { _tag: "NoSlotsForGroup", group: group.name }
  if (group.busy >= group.limit)
    return { _tag: "GroupFull", group: group.name, running: group.busy, limit: group.limit }
  const slots = filledOf(group.name, knowing)
  if (group.busy >= slots) {
    const held = knowing.flatMap((worker) => {
      const decision = decisionOf(worker, group.name)
      return decision !== undefined && isHeld(decision) ? [{ worker: worker.name, decision }] : []
    })
    return {
      _tag: "WorkersBusy",
      group: group.name,
      running: group.busy,
      slots,
      ...(held.length > 0 && { held })
    }
  }
  const total = totalsUsed(group.name, knowing, inUse)
  if (total !== undefined) return total
  if (limited !== undefined) return limited
  if (batch !== undefined && batch.dues.length > 0 && batch.dues.length < batch.rule.size) {
    const until = Math.min(...batch.dues) + batch.rule.waitMs
    if (until > now) return { _tag: "WaitingForBatch", jobs: batch.dues.length, size: batch.rule.size, until }
  }
  return { _tag: "Next" }
}
