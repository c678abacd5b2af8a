import * as JobStoreMemory from "../../../../src/services/Queue/stores/JobStoreMemory.ts"
import { suite } from "../../../support/JobStoreSuite.ts"
import { disturbed, served } from "../../../support/store/Served.ts"
import { emptyStore, withoutDiskWaits } from "./sqlite/SqliteStores.ts"

const options = { wakesLate: true, modelRuns: { count: 1, steps: 150 } }

suite(
  "memory, served to two clients through proxies",
  served((options) => JobStoreMemory.layer({ remembersCalls: true, ...options }), disturbed),
  options
)
suite(
  "SQLite, served to two clients through proxies",
  served((options) => emptyStore({ thread: false, remembersCalls: true, ...withoutDiskWaits, ...options }), disturbed),
  options
)
