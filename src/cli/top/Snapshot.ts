/** The store at one moment, as far as `sluice top` shows it. Texts are as they rest: the frame makes them safe. */
import type { JobId, JobState, SlotBounder } from "../../services/Queue/index.ts"
import type { workerState } from "../../api/WorkerShape.ts"

export interface ShownGroup {
  readonly name: string
  readonly limit: number
  readonly paused: boolean
  readonly running: number
  readonly waiting: number
  readonly failed: number
  /** Attempts that ended, per second, of late. */
  readonly perSecond: number
  /** The same for each of the last ten minutes, oldest first. */
  readonly byMinute: ReadonlyArray<number>
  /** Of the last ten minutes, in milliseconds; undefined: nothing started. */
  readonly waitP95: number | undefined
  /** Jobs that will arrive within the next hour; undefined without a forecast. */
  readonly nextHour: { readonly expected: number; readonly p05: number; readonly p95: number } | undefined
}

export interface ShownJob {
  readonly id: JobId
  readonly state: JobState
  readonly group: string
  readonly what: string
  /** When it began to be what it is: started, enqueued, ended. Milliseconds since 1970. */
  readonly since: number
  /** Its last word: progress and the last line of its output while it runs, what it waits for, or why it failed. */
  readonly said: string
}

export interface ShownWorker {
  readonly session: number
  readonly name: string
  readonly state: ReturnType<typeof workerState>
  readonly busy: number
  /** Those that it fills. */
  readonly slots: number
  /** What holds it to fewer than were asked for. */
  readonly heldBy: ReadonlyArray<SlotBounder>
  /** Of one core, 0 to the number of cores. */
  readonly cpu: number | undefined
  readonly rssBytes: number | undefined
  readonly lastBeat: number
}

export interface ShownAlert {
  readonly critical: boolean
  readonly rule: string
  readonly about: string
  readonly text: string
  readonly since: number
}

/** A job that is looked at by itself, and what it has written. */
export interface Followed {
  readonly job: ShownJob
  /** The newest thousand. */
  readonly lines: ReadonlyArray<string>
  /** How many there ever were. */
  readonly total: number
}

export interface Snapshot {
  readonly at: number
  readonly store: string
  /** The whole queue. */
  readonly paused: boolean
  readonly counts: Readonly<Record<JobState, number>>
  readonly groups: ReadonlyArray<ShownGroup>
  readonly workers: ReadonlyArray<ShownWorker>
  /** Those that fire and are not silenced, the worst first. */
  readonly alerts: ReadonlyArray<ShownAlert>
  /** Running, waiting, scheduled, failed: of each the first that were read. */
  readonly jobs: ReadonlyArray<ShownJob>
  /** Jobs of these states beyond those. */
  readonly unread: number
  readonly followed: Followed | undefined
}
