/**
 * How the scaler treats a group: its settings with units, defaults and reasons. They rest in the store as documents of
 * kind `scale-settings`, one for every group (key `*`) and one for each group that differs, and are read anew with each
 * round: a change reaches every process within one round.
 */
import { Context, Duration, type Effect, Schema } from "effect"
import { checkedBy } from "../Queue/InvalidSetting.ts"
import * as Bounds from "../Queue/policy/Bounds.ts"
import * as Durations from "../Queue/policy/Durations.ts"

/**
 * `off`: not looked at. `shadow`: looked at, forecast, decided and logged, nothing moved. `on`: moved.
 */
export const ScaleMode = Schema.Literals(["off", "shadow", "on"])
export type ScaleMode = typeof ScaleMode.Type

/** Width of a step of the forecast, in milliseconds: one of those of the store's roll-ups. */
export const StepWidth = Schema.Literals([10_000, 60_000, 3_600_000])
export type StepWidth = typeof StepWidth.Type

const slots = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
const millis = (most: number) => Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: most }))
const hour = 3_600_000
const day = 24 * hour

/** What can be set for a group. Times in milliseconds. */
export const ScaleSettings = Schema.Struct({
  /** Default `shadow`: decisions are there to be looked at before anything moves. */
  mode: ScaleMode,
  /** The fewest slots over all workers. Default 1: a group at zero waits for a start-up with its first job. */
  minSlots: slots,
  /** The most. Default `null`: the group's limit in the store, which stays the upper bound in any case. */
  maxSlots: Schema.NullOr(slots),
  /**
   * Whether forecasts decide. Default true. False: what arrives, runs and waits alone, as while a forecast is not
   * trusted; for a group whose backtest shows that reacting does as well.
   */
  forecast: Schema.Boolean,
  /**
   * The part of arrivals within the start-up time that slots are kept for, as a quantile of what may come. Default
   * `null`: learned by trying quantiles on paper against the arrivals that came.
   */
  quantile: Schema.NullOr(Schema.Finite.check(Schema.isBetween({ minimum: 0.5, maximum: 0.99 }))),
  /**
   * From a decision to slots that run jobs. Default `null`: learned from how long targets took to be met, 15 s until
   * something is known.
   */
  startupMs: Schema.NullOr(millis(hour)),
  /** How long a job may wait for a slot. Default `null`: a tenth of its service time, at least 1 s. */
  waitMs: Schema.NullOr(millis(day)),
  /** The part of jobs that may wait longer. Default 0.05. */
  lateShare: Schema.Finite.check(Schema.isBetween({ minimum: 0.001, maximum: 0.5 })),
  /**
   * For so long fewer slots must suffice before they are fewer. Default 5 minutes: shorter dips are followed by what
   * was there before.
   */
  holdDownMs: millis(day),
  /** Within which a backlog is worked off. Default one minute: those behind it wait as long. */
  drainMs: Schema.Finite.check(Schema.isBetween({ minimum: 1000, maximum: day })),
  /** The most slots that one decision adds. Default `null`: any number. */
  mostUp: Schema.NullOr(slots),
  /** The most that one takes away. Default `null`: any number. */
  mostDown: Schema.NullOr(slots),
  /** Default one minute: finer ones are noise for most groups, coarser ones late. */
  stepMs: StepWidth,
  /** IANA name of the zone whose days and weeks the load follows. Default UTC. */
  timeZone: Schema.String
})
export type ScaleSettings = typeof ScaleSettings.Type

/** Some of the settings: what a document holds. */
export const ScaleSettingsPatch = Schema.Struct({
  mode: Schema.optionalKey(ScaleSettings.fields.mode),
  minSlots: Schema.optionalKey(ScaleSettings.fields.minSlots),
  maxSlots: Schema.optionalKey(ScaleSettings.fields.maxSlots),
  forecast: Schema.optionalKey(ScaleSettings.fields.forecast),
  quantile: Schema.optionalKey(ScaleSettings.fields.quantile),
  startupMs: Schema.optionalKey(ScaleSettings.fields.startupMs),
  waitMs: Schema.optionalKey(ScaleSettings.fields.waitMs),
  lateShare: Schema.optionalKey(ScaleSettings.fields.lateShare),
  holdDownMs: Schema.optionalKey(ScaleSettings.fields.holdDownMs),
  drainMs: Schema.optionalKey(ScaleSettings.fields.drainMs),
  mostUp: Schema.optionalKey(ScaleSettings.fields.mostUp),
  mostDown: Schema.optionalKey(ScaleSettings.fields.mostDown),
  stepMs: Schema.optionalKey(ScaleSettings.fields.stepMs),
  timeZone: Schema.optionalKey(ScaleSettings.fields.timeZone)
})
export type ScaleSettingsPatch = typeof ScaleSettingsPatch.Type

export const defaults: ScaleSettings = {
  mode: "shadow",
  minSlots: 1,
  maxSlots: null,
  forecast: true,
  quantile: null,
  startupMs: null,
  waitMs: null,
  lateShare: 0.05,
  holdDownMs: 5 * 60_000,
  drainMs: 60_000,
  mostUp: null,
  mostDown: null,
  stepMs: 60_000,
  timeZone: "UTC"
}

/** The key of the document for every group. */
export const everyGroup = "*"

/** Settings of the process that scales, rather than of a group. */
export interface ScalerSettings {
  /**
   * Whether this process takes its turn at leading. Default true. One that does not still takes its share of the slots
   * that are decided.
   */
  readonly leads: boolean
  /**
   * Between two rounds. Default 15 s: a backlog is seen within it, and a round of a thousand groups takes a fraction of
   * it.
   */
  readonly round: Duration.Duration
  /** Between two looks of a worker at its targets. Default 5 s. */
  readonly carry: Duration.Duration
  /** Each round ends by then; what has not been decided holds. Default 10 s, the bound of a store call. */
  readonly roundMost: Duration.Duration
  /** How long after its end a step is read: stores write roll-ups within a second or two. Default 5 s. */
  readonly settle: Duration.Duration
  /**
   * Between two saves of a group's forecast, about half a megabyte. Default 30 minutes: what came since is read again
   * from the roll-ups, 30 steps in 10 ms.
   */
  readonly save: Duration.Duration
  /** Decisions kept for each group. Default 500. */
  readonly decisionsKept: number
  /** Of the process's time, the part in which history is read after a start without a saved forecast. Default 0.1. */
  readonly rebuildShare: number
}

export const scalerDefaults: ScalerSettings = {
  leads: true,
  round: Duration.seconds(15),
  carry: Duration.seconds(5),
  roundMost: Duration.seconds(10),
  settle: Duration.seconds(5),
  save: Duration.minutes(30),
  decisionsKept: 500,
  rebuildShare: 0.1
}

const scalerNames: ReadonlySet<string> = new Set(Object.keys(scalerDefaults))
const leastRoundMs = 10
const mostDecisionsKept = 1_000_000

/** The settings, each within its range. Throws `OutOfBounds`. */
export const checkScaler = (settings: ScalerSettings): ScalerSettings => {
  Bounds.fields("settings", settings, scalerNames)
  Bounds.boolean("leads", settings.leads)
  for (const name of ["round", "carry", "roundMost"] as const) Durations.duration(name, settings[name], leastRoundMs)
  for (const name of ["settle", "save"] as const) Durations.duration(name, settings[name])
  Bounds.whole("decisionsKept", settings.decisionsKept, 1, mostDecisionsKept)
  Bounds.real("rebuildShare", settings.rebuildShare, 0.001, 1)
  return settings
}

/** The settings in force in this process; provide another value to change them. */
export const Scaler = Context.Reference<ScalerSettings>("sluice/services/Scaling/ScaleSettings/Scaler", {
  defaultValue: () => scalerDefaults
})

/** The settings in force in this process, checked; dies of `InvalidSetting`. */
export const checkedScaler: Effect.Effect<ScalerSettings> = checkedBy("Scaler setting", Scaler, checkScaler)
