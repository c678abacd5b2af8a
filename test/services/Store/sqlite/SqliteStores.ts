/** Store files for the tests beside this one: folders that go with their scope, and stores over them. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { Effect, Layer, type Scope } from "effect"
import type { StoreError } from "../../../../src/services/Store/StoreError.ts"
import * as JobStoreSqlite from "../../../../src/services/Store/sqlite/JobStoreSqlite.ts"
import { StoreDriver } from "../../../support/store/StoreDriver.ts"
import { type StoreServices, store as wholeStore } from "../../../../src/services/Store/Store.ts"

/** A folder that goes with its scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** The path of a store that is not there yet. */
export const newFile: Effect.Effect<string, never, Scope.Scope> = Effect.map(folder, (folder) =>
  path.join(folder, "queue.db")
)

/** Opens the store on the caller's thread, for the length of `body`. */
export const withStore = <A, E>(
  options: JobStoreSqlite.Options,
  body: (driver: StoreDriver) => Effect.Effect<A, E>
): Effect.Effect<A, E | StoreError> =>
  Effect.flatMap(wholeStore, (store) => body(new StoreDriver(store))).pipe(
    Effect.provide(JobStoreSqlite.layer({ thread: false, ...options }))
  )

/** A store of its own for each build of the layer. */
export const emptyStore = (options?: Partial<JobStoreSqlite.Options>): Layer.Layer<StoreServices, StoreError> =>
  Layer.unwrap(Effect.map(newFile, (path) => JobStoreSqlite.layer({ path, ...options })))

/** For what does not depend on the disk: no commit waits for it, nothing is reserved. */
export const withoutDiskWaits = { durability: "relaxed", reserveBytes: 0 } as const
