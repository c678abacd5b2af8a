/** The settings of the profiler, with their units, defaults and reasons. */
import { Context, Duration, type Effect } from "effect"
import { checkedBy } from "../Queue/InvalidSetting.ts"
import * as Bounds from "../Queue/policy/Bounds.ts"
import * as Durations from "../Queue/policy/Durations.ts"

export interface ProfilerSettings {
  /** Whether anything is recorded. Default true. */
  readonly enabled: boolean
  /**
   * An attempt that runs longer is told in its log (at most one a minute and task) and as a `SlowTask` event. Default
   * 500 ms: what a person notices. `Infinity`: never.
   */
  readonly slowTask: Duration.Duration
  /**
   * For tasks by name, instead of `slowTask`. Default: commands (`shell`) never, since their length is their own
   * business.
   */
  readonly slowTasks: Readonly<Record<string, Duration.Duration>>
  /**
   * Distance of the CPU profile's samples, 50 µs to 1 s. Default 500 µs: 2,000 a second cost about 2 % of the profiled
   * time.
   */
  readonly sampleInterval: Duration.Duration
  /** Mean distance of the allocation samples, in bytes, 1 KiB to 1 GiB. Default 64 KiB. */
  readonly allocationInterval: number
}

export const defaults: ProfilerSettings = {
  enabled: true,
  slowTask: Duration.millis(500),
  slowTasks: { shell: Duration.infinity },
  sampleInterval: Duration.micros(500n),
  allocationInterval: 64 * 1024
}

const names: ReadonlySet<string> = new Set(Object.keys(defaults))
const leastSampleMs = 0.05
const mostSampleMs = 1000
const leastAllocation = 1024
const mostAllocation = 1024 ** 3

/** The settings, each within its range. Throws `OutOfBounds`. */
export const check = (settings: ProfilerSettings): ProfilerSettings => {
  Bounds.fields("settings", settings, names)
  Bounds.boolean("enabled", settings.enabled)
  Durations.limit("slowTask", settings.slowTask)
  for (const [task, slow] of Bounds.entries("slowTasks", settings.slowTasks)) {
    Bounds.name("a task's name in slowTasks", task)
    Durations.limit(`slowTasks of ${task}`, slow)
  }
  Durations.duration("sampleInterval", settings.sampleInterval, leastSampleMs, mostSampleMs)
  Bounds.whole("allocationInterval", settings.allocationInterval, leastAllocation, mostAllocation)
  return settings
}

/** The settings in force; provide another value to change them. */
export const Settings = Context.Reference<ProfilerSettings>("sluice/services/Profiling/ProfilerSettings", {
  defaultValue: () => defaults
})

/** The settings in force, checked; dies of `InvalidSetting`. */
export const checkedSettings: Effect.Effect<ProfilerSettings> = checkedBy("Profiler setting", Settings, check)
