/** The settings of a queue, with their units, defaults and reasons. */
import { Context, Duration } from "effect"
import type { RetentionPolicy } from "./JobStore.ts"
import { defaultAgeingStepMs } from "./policy/Rank.ts"
import type { PressureThresholds } from "./policy/MemoryPressure.ts"
import { standard, type RetryPolicy } from "./policy/RetryDelay.ts"

export interface MemorySettings {
  /**
   * Shares of the nearest limit (old generation of the heap, container, machine) at which pressure rises. Defaults 0.55, 0.65, 0.75: V8 gives
   * a process up when what lives fills more than 0.8, and what is on its way when the door shuts needs room too. See
   * `policy/MemoryPressure.ts`.
   */
  readonly thresholds: PressureThresholds
  /** Whether an enqueue is refused (`MemoryShort`) at `critical`. Default true: better than to end as out of memory. */
  readonly refuse: boolean
  /**
   * Whether the queue collects garbage by itself: before it refuses, at most a fifth of the time; and in an idle worker from `elevated` on, where much may
   * be garbage, at most a tenth. Default true: garbage is no reason to refuse, nor to slow down.
   */
  readonly collect: boolean
}

export interface QueueSettings {
  /** L: how long a worker keeps its jobs without a sign of life. Default 30 s: a crash is healed within a minute, a pause of the machine forgiven. */
  readonly lease: Duration.Duration
  /** R: how often expired leases are looked for. Default 5 s; at most L/2. */
  readonly sweepInterval: Duration.Duration
  /** P: how often a worker looks without being woken, the net under notifications. Default 1 s. */
  readonly pollInterval: Duration.Duration
  /** How long a graceful stop waits for running jobs before it interrupts and hands them back. Default 10 s, below what service managers allow (systemd 90 s, Kubernetes 30 s). */
  readonly grace: Duration.Duration
  /**
   * Waiting that lifts a job by one priority, in milliseconds, in groups that go by priority without a bound of their own. Default 30,000; see
   * `policy/Rank.ts` for the bound.
   */
  readonly ageingStepMs: number
  /** For tasks that state none. Default: three retries, 1 s × 2, cap 5 min. */
  readonly retry: RetryPolicy
  /** After which a handler is told to finish, for tasks that state none. Default 25 min. Commands state that they have none. */
  readonly softLimit: Duration.Duration
  /** After which a handler is stopped, for tasks that state none. Default 30 min. Commands state that they have none. */
  readonly hardLimit: Duration.Duration
  /** Largest payload and result, in bytes of JSON. Default 1 MiB: larger things belong in a file or object store, their name in the payload. */
  readonly maxPayloadBytes: number
  /** How long finished jobs stay: completed and cancelled 7 days, at most 100,000 of each; failed 30 days, at most 100,000. */
  readonly retention: RetentionPolicy
  /** When memory is short, and what is done then. */
  readonly memory: MemorySettings
}

const day = 24 * 3600 * 1000

export const defaults: QueueSettings = {
  lease: Duration.seconds(30),
  sweepInterval: Duration.seconds(5),
  pollInterval: Duration.seconds(1),
  grace: Duration.seconds(10),
  ageingStepMs: defaultAgeingStepMs,
  retry: standard,
  softLimit: Duration.minutes(25),
  hardLimit: Duration.minutes(30),
  maxPayloadBytes: 1024 * 1024,
  retention: {
    completed: { ageMs: 7 * day, count: 100_000 },
    failed: { ageMs: 30 * day, count: 100_000 },
    cancelled: { ageMs: 7 * day, count: 100_000 }
  },
  memory: { thresholds: { elevated: 0.55, high: 0.65, critical: 0.75 }, refuse: true, collect: true }
}

/** The settings in force; provide another value to change them, e.g. `{ ...defaults, lease: Duration.seconds(3) }`. */
export const Settings = Context.Reference<QueueSettings>("sluice/services/Queue/QueueSettings", {
  defaultValue: () => defaults
})
