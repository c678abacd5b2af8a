/** How a group is staffed: what may be set, with defaults and reasons. Times in milliseconds. */
import type { Limits } from "./Bounds.ts"

export interface StaffingSettings extends Limits {
  /** Arrivals are counted by ticks of this length. Default a minute: shorter ones are noise for most groups. */
  readonly tickMs: number
  /** How long a job may wait. Undefined: a tenth of the mean service time, at least a second. */
  readonly waitMs: number | undefined
  /** Part of the jobs that may wait longer. Default 0.05. */
  readonly lateShare: number
  /** Whether forecasts decide; false: none is trusted. Default true. */
  readonly forecast: boolean
  /** Of the coming arrivals. Default undefined: learned by trial. */
  readonly quantile: number | undefined
  /** Within which what waits is worked off. Default a minute: those behind it wait as long. */
  readonly drainMs: number
  /**
   * What jobs late beyond the share cost: 1 % of them so many per cent of the slots. Default 10: a group that misses
   * its objective may have twice the slots to bring 10 % of its jobs on time.
   */
  readonly latePrice: number
  /**
   * Mean service time until one is learned, and start-up time likewise; known ones take the place of what is learned.
   */
  readonly serviceMs: number | undefined
  readonly startUpMs: number | undefined
}

export const staffingDefaults: StaffingSettings = {
  minSlots: 1,
  maxSlots: 1_000_000,
  holdDownMs: 300_000,
  changesPerHour: 17,
  mostUp: Number.POSITIVE_INFINITY,
  mostDown: Number.POSITIVE_INFINITY,
  tickMs: 60_000,
  waitMs: undefined,
  lateShare: 0.05,
  forecast: true,
  quantile: undefined,
  drainMs: 60_000,
  latePrice: 10,
  serviceMs: undefined,
  startUpMs: undefined
}
