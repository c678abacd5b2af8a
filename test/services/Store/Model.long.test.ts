/**
 * Every store against the model, for long: 200 runs of 2,000 random steps each, after each of which all records,
 * messages, counters and roll-ups are those of the model. Repeat one with `SLUICE_SEED`.
 */
import { describe } from "@effect/vitest"
import * as JobStoreMemory from "../../../src/services/Store/memory/JobStoreMemory.ts"
import { disturbed, served } from "../../support/store/Served.ts"
import { runs } from "../../support/store/ModelRun.ts"
import { type StoreLayer, storeTest } from "../../support/store/StoreDriver.ts"
import { emptyStore, withoutDiskWaits } from "./sqlite/SqliteStores.ts"

const memory =
  (remembersCalls: boolean): StoreLayer =>
  (options) =>
    JobStoreMemory.layer({ remembersCalls, ...options })
const sqlite =
  (remembersCalls: boolean): StoreLayer =>
  (options) =>
    emptyStore({ thread: false, remembersCalls, ...withoutDiskWaits, ...options })

/** A served store takes some 15 s a run, one of this process 2. */
const stores: Readonly<Record<string, readonly [layer: StoreLayer, reduced: number]>> = {
  memory: [memory(false), 10],
  SQLite: [sqlite(false), 10],
  "memory, served to two clients": [served(memory(true), disturbed), 2],
  "SQLite, served to two clients": [served(sqlite(true), disturbed), 2]
}

for (const [name, [layer, reduced]] of Object.entries(stores)) {
  const count = process.env.SLUICE_LONG === "reduced" ? reduced : 200
  describe(name, () => runs(storeTest(layer), count, 2000))
}
