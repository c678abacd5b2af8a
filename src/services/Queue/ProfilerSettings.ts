/** The settings of the profiler, with their units, defaults and reasons. */
import { Context, Duration } from "effect"

export interface ProfilerSettings {
  /** Whether anything is recorded. Default true. */
  readonly enabled: boolean
  /**
   * An attempt that runs longer is told in its log (at most one a minute and task) and as a `SlowTask` event. Default 500 ms: what a person
   * notices. `Infinity`: never.
   */
  readonly slowTask: Duration.Duration
  /** For tasks by name, instead of `slowTask`. Default: commands (`shell`) never, since their length is their own business. */
  readonly slowTasks: Readonly<Record<string, Duration.Duration>>
  /** Distance of the CPU profile's samples. Default 500 µs: 2,000 a second cost about 2 % of the profiled time. */
  readonly sampleInterval: Duration.Duration
  /** Mean distance of the allocation samples, in bytes. Default 64 KiB. */
  readonly allocationInterval: number
}

export const defaults: ProfilerSettings = {
  enabled: true,
  slowTask: Duration.millis(500),
  slowTasks: { shell: Duration.infinity },
  sampleInterval: Duration.micros(500n),
  allocationInterval: 64 * 1024
}

/** The settings in force; provide another value to change them. */
export const Settings = Context.Reference<ProfilerSettings>("sluice/services/Queue/ProfilerSettings", {
  defaultValue: () => defaults
})
