/** The settings of a queue, with their units, defaults and reasons. */
import { Context, Duration, type Effect } from "effect"
import { checkedBy } from "./InvalidSetting.ts"
import type { RetentionPolicy } from "../Store/JobStore.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import { durationText } from "./policy/DurationText.ts"
import { defaultAgeingStepMs } from "./policy/Rank.ts"
import { computation } from "./ResourceGroup.ts"
import type { PressureThresholds } from "../Memory/policy/MemoryPressure.ts"
import { checkRetry, standard, type RetryPolicy } from "./policy/RetryDelay.ts"

export interface MemorySettings {
  /**
   * Shares of the nearest limit (old generation of the heap, container, machine) at which pressure rises. Defaults
   * 0.55, 0.65, 0.75: V8 gives a process up when what lives fills more than 0.8, and what is on its way when the door
   * shuts needs room too. See `Memory/policy/MemoryPressure.ts`.
   */
  readonly thresholds: PressureThresholds
  /** Whether an enqueue is refused (`MemoryShort`) at `critical`. Default true: better than to end as out of memory. */
  readonly refuse: boolean
  /**
   * Whether the queue collects garbage by itself: before it refuses, at most a fifth of the time; and in an idle worker
   * from `elevated` on, where much may be garbage, at most a tenth. Default true: garbage is no reason to refuse, nor
   * to slow down.
   */
  readonly collect: boolean
}

export interface QueueSettings {
  /**
   * L: how long a worker keeps its jobs without a sign of life. At least 1 s, several beats. Default 30 s: a crash is
   * healed within a minute, a pause of the machine forgiven.
   */
  readonly lease: Duration.Duration
  /** R: how often expired leases are looked for. 100 ms to L/2. Default 5 s, or L/2 where that is less. */
  readonly sweepInterval: Duration.Duration
  /**
   * P: how often a worker looks without being woken, the net under notifications. At least 10 ms: less keeps a core
   * busy. Default 1 s.
   */
  readonly pollInterval: Duration.Duration
  /**
   * How long a graceful stop waits for running jobs before it interrupts and hands them back. Default 10 s, below what
   * service managers allow (systemd 90 s, Kubernetes 30 s).
   */
  readonly grace: Duration.Duration
  /**
   * Waiting that lifts a job by one priority, in milliseconds, in groups that go by priority without a bound of their
   * own. Default 30,000; see `policy/Rank.ts` for the bound.
   */
  readonly ageingStepMs: number
  /** For tasks that state none. Default: three retries, 1 s × 2, cap 5 min. */
  readonly retry: RetryPolicy
  /**
   * After which a handler is told to finish, for tasks that state none; infinite: never. Default 25 min. Commands state
   * that they have none.
   */
  readonly softLimit: Duration.Duration
  /**
   * After which a handler is stopped, for tasks that state none; infinite: never. Default 30 min. Commands state that
   * they have none.
   */
  readonly hardLimit: Duration.Duration
  /**
   * Largest payload, result and durable step, in bytes of JSON, on every store. At most 1 GB. Default 1 MiB: larger
   * things belong in a file or object store, their name in the payload.
   */
  readonly maxPayloadBytes: number
  /**
   * Largest log of what an attempt of a command wrote, in bytes; of a longer one beginning and end are kept. At least
   * 16 KiB. Default 64 MiB: whole but for what is data rather than a log.
   */
  readonly outputLimitBytes: number
  /**
   * Largest sum of all those logs, in bytes; beyond it the oldest of what has ended go before their jobs do. Default 8
   * GiB: what a hundred attempts can write, and a small part of a disk.
   */
  readonly outputTotalBytes: number
  /**
   * Jobs of group `computation` at a time, over all workers, where no operator set it. 1 to 1,000,000. Default 3, a
   * little above the cores of a small machine; at the command line the cores.
   */
  readonly computationLimit: number
  /**
   * How long finished jobs stay: completed and cancelled 7 days, at most 100,000 of each; failed 30 days, at most
   * 100,000.
   */
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
  outputLimitBytes: 64 * 1024 * 1024,
  outputTotalBytes: 8 * 1024 * 1024 * 1024,
  computationLimit: computation.limit,
  retention: {
    completed: { ageMs: 7 * day, count: 100_000 },
    failed: { ageMs: 30 * day, count: 100_000 },
    cancelled: { ageMs: 7 * day, count: 100_000 }
  },
  memory: { thresholds: { elevated: 0.55, high: 0.65, critical: 0.75 }, refuse: true, collect: true }
}

export { InvalidSetting } from "./InvalidSetting.ts"

const names: ReadonlySet<string> = new Set(Object.keys(defaults))
const memoryNames: ReadonlySet<string> = new Set(Object.keys(defaults.memory))
const thresholdNames: ReadonlySet<string> = new Set(Object.keys(defaults.memory.thresholds))
const retentionNames: ReadonlySet<string> = new Set(Object.keys(defaults.retention))
const keptNames: ReadonlySet<string> = new Set(["ageMs", "count"])

const leastLeaseMs = 1000
const leastSweepMs = 100
const leastPollMs = 10
/** SQLite's longest text. */
const leastOutputLimit = 16 * 1024
const largestPayload = 1_000_000_000
const longestAgeingStepMs = 86_400_000

const checkMemory = ({ collect, refuse, thresholds }: MemorySettings): void => {
  Bounds.boolean("memory.refuse", refuse)
  Bounds.boolean("memory.collect", collect)
  Bounds.fields("memory.thresholds", thresholds, thresholdNames)
  const { critical, elevated, high } = thresholds
  Bounds.real("memory.thresholds.elevated", elevated, 0, 1)
  Bounds.real("memory.thresholds.high", high, elevated, 1)
  Bounds.real("memory.thresholds.critical", critical, high, 1)
}

/** The settings, each within its range. Throws `OutOfBounds`. */
export const check = (settings: QueueSettings): QueueSettings => {
  Bounds.fields("settings", settings, names)
  const leaseMs = Durations.duration("lease", settings.lease, leastLeaseMs)
  const sweepMs = Durations.duration("sweepInterval", settings.sweepInterval, leastSweepMs)
  if (sweepMs > leaseMs / 2 && sweepMs !== Duration.toMillis(defaults.sweepInterval))
    throw new Bounds.OutOfBounds(
      `sweepInterval is ${durationText(sweepMs)}; expected at most half of the lease of ${durationText(leaseMs)}`
    )
  Durations.duration("pollInterval", settings.pollInterval, leastPollMs)
  Durations.duration("grace", settings.grace)
  Bounds.real("ageingStepMs", settings.ageingStepMs, 0, longestAgeingStepMs)
  checkRetry("retry", settings.retry)
  Durations.limit("softLimit", settings.softLimit)
  Durations.limit("hardLimit", settings.hardLimit)
  Bounds.whole("maxPayloadBytes", settings.maxPayloadBytes, 1, largestPayload)
  Bounds.whole("outputLimitBytes", settings.outputLimitBytes, leastOutputLimit, Number.MAX_SAFE_INTEGER)
  Bounds.whole("outputTotalBytes", settings.outputTotalBytes, 0, Number.MAX_SAFE_INTEGER)
  Bounds.whole("computationLimit", settings.computationLimit, 1, Bounds.mostSlots)
  Bounds.fields("retention", settings.retention, retentionNames)
  for (const state of ["completed", "failed", "cancelled"] as const) {
    Bounds.fields(`retention.${state}`, settings.retention[state], keptNames)
    const { ageMs, count } = settings.retention[state]
    Bounds.real(`retention.${state}.ageMs`, ageMs, 0, Number.MAX_SAFE_INTEGER)
    Bounds.whole(`retention.${state}.count`, count, 0, Number.MAX_SAFE_INTEGER)
  }
  Bounds.fields("memory", settings.memory, memoryNames)
  checkMemory(settings.memory)
  return settings
}

/** The settings in force; provide another value to change them, e.g. `{ ...defaults, lease: Duration.seconds(3) }`. */
export const Settings = Context.Reference<QueueSettings>("sluice/services/Queue/QueueSettings", {
  defaultValue: () => defaults
})

/** The settings in force, checked; dies of `InvalidSetting`. */
export const checkedSettings: Effect.Effect<QueueSettings> = checkedBy("Queue setting", Settings, check)
