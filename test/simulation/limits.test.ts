import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import * as JobStoreMemory from "../../src/services/Store/memory/JobStoreMemory.ts"
import type { GroupPolicy, KeyRule } from "../../src/services/Limits/GroupPolicy.ts"
import type { Store } from "../../src/services/Store/Store.ts"
import { seeds } from "../support/SeededRandom.ts"
import { StoreDriver, storeTest } from "../support/store/StoreDriver.ts"
import { simulate } from "./LimitsSimulation.ts"

const test = storeTest(() => JobStoreMemory.layer())
const jobs = 1_500

describe("limits while workers die and policies change", () => {
  for (const seed of seeds(3)) {
    test(
      `hold for each key, and no key stands still (seed ${seed}, repeat with SLUICE_SEED=${seed})`,
      (driver) => Effect.map(simulate(driver, seed, jobs), (started) => assert.isAtLeast(started, jobs / 2)),
      { timeoutMs: 60_000 }
    )
  }
})

/** The store with other rules than it was given. */
const ruled = ({ jobs }: Store, change: (rule: KeyRule) => KeyRule): Store["jobs"] => {
  const policy = (given: GroupPolicy | null | undefined) => ({ keys: (given?.keys ?? []).map(change) })
  return {
    ...jobs,
    declareGroups: (groups) => jobs.declareGroups(groups.map((group) => ({ ...group, policy: policy(group.policy) }))),
    setGroup: (name, settings) => jobs.setGroup(name, { ...settings, policy: policy(settings.policy) })
  }
}

/** Stores that do not hold what they were told. */
const broken: ReadonlyArray<readonly [what: string, says: RegExp, spoil: (store: Store) => Store["jobs"]]> = [
  [
    "lets one too many run",
    /^plain-\d+ at .*expected 3 to be at most 2/,
    (store) =>
      ruled(store, (rule) => (rule.keys === "plain-*" ? { keys: rule.keys, policy: { concurrency: 3 } } : rule))
  ],
  [
    "knows no order of enqueue",
    /^fifo-\d+ starts in its order/,
    (store) => ruled(store, (rule) => (rule.keys === "fifo-*" ? { keys: rule.keys, policy: { concurrency: 1 } } : rule))
  ],
  [
    "knows no rates",
    /^rated-\d+ in \d+ ms/,
    (store) => ruled(store, (rule) => (rule.keys === "rated-*" ? { keys: rule.keys, policy: {} } : rule))
  ],
  [
    "knows no backlogs",
    /^bounded-\d+, where 3 wait/,
    (store) =>
      ruled(store, (rule) => (rule.keys === "bounded-*" ? { keys: rule.keys, policy: { concurrency: 1 } } : rule))
  ],
  [
    "lets a key stand still",
    /jobs are left/,
    ({ jobs }) => ({
      ...jobs,
      declareGroups: (groups) =>
        Effect.andThen(jobs.declareGroups(groups), jobs.setKey("group", "hog", { paused: true }))
    })
  ]
]

describe("the simulation of limits sees a store that", () => {
  for (const [what, says, spoil] of broken) {
    test(what, (driver) =>
      simulate(new StoreDriver({ ...driver.store, jobs: spoil(driver.store) }), 1, jobs).pipe(
        Effect.as("nothing was seen"),
        Effect.catchDefect((defect) => Effect.succeed((defect as Error).message)),
        Effect.map((seen) => assert.match(seen, says))
      )
    )
  }
})
