import { suite } from "../../support/JobStoreSuite.ts"
import { emptyStore, withoutDiskWaits } from "./sqlite/SqliteStores.ts"

suite("SQLite, on a thread of its own", (options) => emptyStore({ ...withoutDiskWaits, ...options }))
