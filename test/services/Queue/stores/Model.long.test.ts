/**
 * Every store against the model, for long: 200 runs of 2,000 random steps each, after each of which all records,
 * messages, counters and roll-ups are those of the model. Repeat one with `SLUICE_SEED`.
 */
import { describe } from "@effect/vitest"
import * as JobStoreMemory from "../../../../src/services/Queue/stores/JobStoreMemory.ts"
import { runs } from "../../../support/store/ModelRun.ts"
import { type StoreLayer, storeTest } from "../../../support/store/StoreDriver.ts"
import { emptyStore, withoutDiskWaits } from "./sqlite/SqliteStores.ts"

const stores: Readonly<Record<string, StoreLayer>> = {
  memory: (options) => JobStoreMemory.layer(options),
  SQLite: (options) => emptyStore({ thread: false, ...withoutDiskWaits, ...options })
}
const count = process.env.SLUICE_LONG === "reduced" ? 10 : 200

for (const [name, layer] of Object.entries(stores)) describe(name, () => runs(storeTest(layer), count, 2000))
