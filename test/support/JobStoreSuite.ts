/**
 * What every `JobStore` does, whatever it rests on: each store's test calls `suite` with a layer that makes a new,
 * empty store each time it is built. All on the virtual clock. Durability is shown elsewhere, by killing processes.
 */
import { describe } from "@effect/vitest"
import * as Batching from "./store/Batching.ts"
import * as Changing from "./store/Changing.ts"
import * as Claiming from "./store/Claiming.ts"
import * as Documenting from "./store/Documenting.ts"
import * as Enqueueing from "./store/Enqueueing.ts"
import * as FairShares from "./store/FairShares.ts"
import * as Fencing from "./store/Fencing.ts"
import * as Following from "./store/Following.ts"
import * as FollowUps from "./store/FollowUps.ts"
import * as GroupHours from "./store/GroupHours.ts"
import * as Grouping from "./store/Grouping.ts"
import * as KeyLimits from "./store/KeyLimits.ts"
import * as LimitChanges from "./store/LimitChanges.ts"
import * as Looking from "./store/Looking.ts"
import * as ModelRun from "./store/ModelRun.ts"
import * as Ordering from "./store/Ordering.ts"
import * as RateLimits from "./store/RateLimits.ts"
import * as Recording from "./store/Recording.ts"
import * as Remembering from "./store/Remembering.ts"
import * as Retaining from "./store/Retaining.ts"
import * as Settling from "./store/Settling.ts"
import * as Stepping from "./store/Stepping.ts"
import { type StoreLayer, storeTest } from "./store/StoreDriver.ts"
import * as UniqueKeys from "./store/UniqueKeys.ts"
import * as Upkeep from "./store/Upkeep.ts"

export interface SuiteOptions {
  /** Wakes may come after the answer of the call that brought them about, and more than once. */
  readonly wakesLate?: boolean
  /** Runs against the model, and steps of each; default 10 of 300. */
  readonly modelRuns?: { readonly count: number; readonly steps: number }
}

/** What a store does beside the above when it is told to remember calls. */
export const rememberingSuite = (name: string, layer: StoreLayer): void => {
  describe(`JobStore (${name}, remembering calls)`, () => Remembering.clauses(storeTest(layer)))
}

export const suite = (
  name: string,
  layer: StoreLayer,
  { modelRuns = { count: 10, steps: 300 }, wakesLate = false }: SuiteOptions = {}
): void => {
  const test = storeTest(layer, wakesLate)
  describe(`JobStore (${name})`, () => {
    describe("enqueue", () => Enqueueing.clauses(test))
    describe("claim", () => Claiming.clauses(test))
    describe("batches", () => Batching.clauses(test))
    describe("settle", () => Settling.clauses(test))
    describe("fencing", () => Fencing.clauses(test))
    describe("unique keys", () => UniqueKeys.clauses(test))
    describe("after", () => Following.clauses(test))
    describe("follow-ups", () => FollowUps.clauses(test))
    describe("steps", () => Stepping.clauses(test))
    describe("groups", () => Grouping.clauses(test))
    describe("hours of groups", () => GroupHours.clauses(test))
    describe("limits of keys", () => KeyLimits.clauses(test))
    describe("rates", () => RateLimits.clauses(test))
    describe("fair shares", () => FairShares.clauses(test))
    describe("limits that change", () => LimitChanges.clauses(test))
    describe("documents", () => Documenting.clauses(test))
    describe("look-up", () => Looking.clauses(test))
    describe("change", () => Changing.clauses(test))
    describe("order", () => Ordering.clauses(test))
    describe("upkeep", () => Upkeep.clauses(test))
    describe("retention of one's own", () => Retaining.clauses(test))
    describe("roll-ups", () => Recording.clauses(test))
    describe("against a model", () => ModelRun.runs(test, modelRuns.count, modelRuns.steps))
  })
}
