import { suite } from "../../../support/JobStoreSuite.ts"
import { emptyStore, withoutDiskWaits } from "./SqliteStores.ts"

suite("SQLite, on the caller's thread", (options) => emptyStore({ thread: false, ...withoutDiskWaits, ...options }))
