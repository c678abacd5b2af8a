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

const stores: Readonly<Record<string, StoreLayer>> = {
  memory: memory(false),
  SQLite: sqlite(false),
  "memory, served to two clients": served(memory(true), disturbed),
  "SQLite, served to two clients": served(sqlite(true), disturbed)
}
const count = process.env.SLUICE_LONG === "reduced" ? 10 : 200

for (const [name, layer] of Object.entries(stores)) describe(name, () => runs(storeTest(layer), count, 2000))
