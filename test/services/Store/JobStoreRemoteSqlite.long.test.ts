import { rememberingSuite, suite } from "../../support/JobStoreSuite.ts"
import { disturbed, served } from "../../support/store/Served.ts"
import type { StoreLayer } from "../../support/store/StoreDriver.ts"
import { emptyStore, withoutDiskWaits } from "./sqlite/SqliteStores.ts"

const sqlite =
  (thread: boolean): StoreLayer =>
  (options) =>
    emptyStore({ thread, remembersCalls: true, ...withoutDiskWaits, ...options })

const options = { wakesLate: true, modelRuns: { count: 2, steps: 200 } }

suite("SQLite, served to two clients through proxies", served(sqlite(false), disturbed), options)
suite("SQLite on a thread of its own, served to two clients", served(sqlite(true), disturbed, 2), options)
rememberingSuite("SQLite on a thread of its own", sqlite(true))
