import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { rememberingSuite, suite } from "../../../support/JobStoreSuite.ts"
import { disturbed, served } from "../../../support/store/Served.ts"
import type { StoreLayer } from "../../../support/store/StoreDriver.ts"
import { emptyStore, withoutDiskWaits } from "../sqlite/SqliteStores.ts"

const memory: StoreLayer = (options) => JobStoreMemory.layer({ remembersCalls: true, ...options })
const sqlite: StoreLayer = (options) =>
  emptyStore({ thread: false, remembersCalls: true, ...withoutDiskWaits, ...options })

suite("memory, served to two clients through proxies", served(memory, disturbed), {
  wakesLate: true,
  modelRuns: { count: 1, steps: 100 }
})

rememberingSuite("memory", memory)
rememberingSuite("SQLite", sqlite)
rememberingSuite("SQLite, served to two clients through proxies", served(sqlite, disturbed))
