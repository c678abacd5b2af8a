/**
 * Where the tasks of this store belong by what was measured of them. Workers measure, decide and keep it in the store;
 * producers and workers of all processes read it there, so that they agree within ten seconds.
 *
 * New jobs of a task whose definition names no group go to the group it was placed in, else to `computation`. An
 * enqueue's own `group` comes first, and a job that is stored keeps the group it has.
 */
import { Context, Duration, type Effect } from "effect"
import { checkedBy } from "./InvalidSetting.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import type { Placement } from "./policy/Placement.ts"
import type { StoreError } from "../Store/StoreError.ts"
import type { AnyTask } from "./Task.ts"

export type { Evidence, Fit, Placement } from "./policy/Placement.ts"

export interface PlacementSettings {
  /**
   * `on` (default): tasks without a group are placed. `advise`: nothing is placed; what would be is shown (`sluice
   * doctor`). `off`: nothing is measured either. Of this process: a producer with `advise` or `off` enqueues as the
   * definition says.
   */
  readonly mode: "on" | "advise" | "off"
  /**
   * How often a few attempts of each task are measured, and its place considered; at least 100 ms. Default 30 s: twice
   * that, at the least, until a task is placed, and measuring costs nothing to speak of.
   */
  readonly every: Duration.Duration
}

export const placementDefaults: PlacementSettings = { mode: "on", every: Duration.seconds(30) }

/** The settings in force; provide another value to change them. */
export const PlacementSettings = Context.Reference<PlacementSettings>("sluice/services/Queue/Placements/Settings", {
  defaultValue: () => placementDefaults
})

const settingNames: ReadonlySet<string> = new Set(Object.keys(placementDefaults))
const modes = ["on", "advise", "off"] as const
const leastEveryMs = 100

/** The settings, each within its range. Throws `OutOfBounds`. */
export const checkPlacementSettings = (settings: PlacementSettings): PlacementSettings => {
  Bounds.fields("settings", settings, settingNames)
  Bounds.oneOf("mode", settings.mode, modes)
  Durations.duration("every", settings.every, leastEveryMs)
  return settings
}

/** The settings in force, checked; dies of `InvalidSetting`. */
export const checkedPlacementSettings: Effect.Effect<PlacementSettings> = checkedBy(
  "Placement setting",
  PlacementSettings,
  checkPlacementSettings
)

/** What decides whether a task may be placed. */
export type PlaceableTask = Pick<AnyTask, "name" | "group" | "isGroupDeclared" | "unique">

export class Placements extends Context.Service<
  Placements,
  {
    /** The group of a new job of the task that names none itself. A look-up in memory. */
    readonly groupOf: (task: PlaceableTask) => string
    /** Whether a task is to run in a thread, where its handler can run in either. */
    readonly computes: (task: string) => boolean
    /** Reads the store again if what is known is old; undefined when it is not. A failure leaves what was known. */
    readonly reread: (now: number) => Effect.Effect<void> | undefined
    /** Grows when what is known has changed. */
    readonly version: () => number
    /** All that is known, from the store. */
    readonly all: Effect.Effect<ReadonlyArray<Placement>, StoreError>
    /** Keeps what was decided unless another process was faster; answers whether it did. */
    readonly keep: (placement: Placement, seen: Placement | undefined) => Effect.Effect<boolean, StoreError>
  }
>()("sluice/services/Queue/Placements") {}
