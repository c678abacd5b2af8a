/** What workers tell of themselves when they join and with each heartbeat. */
import type { JobId } from "../Queue/Job.ts"
import type { PressureLevel } from "../Memory/policy/MemoryPressure.ts"
import type { SlotDecision } from "../Queue/policy/SlotDecision.ts"
import type { BatchClaim } from "./Turn.ts"

/** A worker process as it announces itself. */
export interface WorkerInfo {
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly version: string
  /** By group: as many as were asked for, within the worker's total. `WorkerLoad.decided` says what is filled. */
  readonly slots: Readonly<Record<string, number>>
  /** Tasks it has handlers for; only their jobs are claimed for it. Kept current by `beat`. */
  readonly tasks: ReadonlyArray<string>
  /** By task: milliseconds for which its process may stand still and keep the jobs. Absent tasks: 0. */
  readonly suspendedForMs?: Readonly<Record<string, number>>
}

/** What a worker has seen of the batches of one task. */
export interface BatchCurve {
  /** `closures:` and the group for batches of closures. */
  readonly task: string
  readonly group: string
  readonly maxBatchSize: number
  /** What a call may take; undefined: only its cost counts. */
  readonly latencyMs?: number | undefined
  /** Calls that answered, the items in them, and calls that failed as a whole and were run again in parts. */
  readonly calls: number
  readonly items: number
  readonly splits: number
  /** The size that costs least per item, as far as is known. */
  readonly best: number
  /** The fitted cost of a call for n items, in milliseconds: `fixedMs + itemMs n + growthMs n²`. */
  readonly fixedMs: number
  readonly itemMs: number
  readonly growthMs: number
  /** Calls by size, half a doubling wide: how many, and recent means of size and milliseconds. Smallest first. */
  readonly seen: ReadonlyArray<{ readonly size: number; readonly calls: number; readonly ms: number }>
}

export interface WorkerLoad {
  /** Slots in use per group: running jobs, a batch as one. */
  readonly busy: Readonly<Record<string, number>>
  /** Of one core, 0 to the number of cores, since the last beat. */
  readonly cpu: number
  readonly rssBytes: number
  readonly heapBytes: number
  /**
   * How late the event loop was at most since the last beat, in milliseconds, of a look each half second (two seconds
   * while nothing runs).
   */
  readonly loopDelayMs: number
  /** Since the worker began; absent for a worker without batches. */
  readonly batches?: ReadonlyArray<BatchCurve>
  /** How it collects the jobs of batch tasks at present; absent for a worker without them. */
  readonly collects?: ReadonlyArray<BatchClaim>
  /** What may live in its heap. Not told by older workers. */
  readonly heapLimitBytes?: number
  readonly pressure?: PressureLevel
  /**
   * Slots that were declared for this worker, by group or `*`: the most the scaler gives it. 0 where it gives none:
   * closed, or between bounds of the worker's own. Absent when nothing was declared.
   */
  readonly declared?: Readonly<Record<string, number>>
  /** How many slots of all groups together it fills, and why. Read by `totalOf` of `policy/Served.ts`. */
  readonly total?: SlotDecision
  /** The same by group where it is not simply as declared or as the group's limit says. Read by `decisionOf`. */
  readonly decided?: Readonly<Record<string, SlotDecision>>
}

export interface WorkerRecord extends Omit<WorkerInfo, "suspendedForMs"> {
  readonly session: number
  readonly startedAt: number
  readonly lastBeat: number
  /** By the clock of who asks. */
  readonly leaseUntil: number
  /**
   * Its process stands still, or was continued a moment ago; `since` its last beat. Its lease may have run out and be
   * spared.
   */
  readonly suspended?: { readonly since: number } | undefined
  /** Its process is no more: its lease counts for nothing. */
  readonly gone?: boolean
  readonly draining: boolean
  readonly load: WorkerLoad | undefined
  /** Set while its event loop does not answer: since when, and the jobs running then. */
  readonly blocked: { readonly since: number; readonly jobs: ReadonlyArray<JobId> } | undefined
}

/** Whether it can do something now. One that is suspended cannot, and is not gone. */
export const isWorkerAlive = (worker: Pick<WorkerRecord, "leaseUntil" | "suspended" | "gone">, now: number): boolean =>
  worker.leaseUntil > now && worker.suspended === undefined && worker.gone !== true

/** Whether it will be there again, or is: what it holds is not free. */
export const isWorkerThere = (worker: Pick<WorkerRecord, "leaseUntil" | "suspended" | "gone">, now: number): boolean =>
  worker.gone !== true && (worker.leaseUntil > now || worker.suspended !== undefined)
