import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { lostAtEach, ways } from "../../../support/store/JobLife.ts"
import type { StoreLayer } from "../../../support/store/StoreDriver.ts"
import { emptyStore, withoutDiskWaits } from "../sqlite/SqliteStores.ts"

const stores: Readonly<Record<string, StoreLayer>> = {
  memory: () => JobStoreMemory.layer({ remembersCalls: true }),
  SQLite: () => emptyStore({ thread: false, remembersCalls: true, ...withoutDiskWaits })
}
const asked = process.env.SLUICE_LONG === "reduced" ? ways.slice(2, 3) : ways

for (const [name, layer] of Object.entries(stores)) {
  describe(`a job on ${name} whose connection is lost at the n-th message`, () => {
    for (const way of asked) {
      it.live(
        `is stored, run and settled once, for every n (${way})`,
        () =>
          Effect.map(
            lostAtEach(layer({}), () => way),
            (messages) => assert.isAbove(messages, 30)
          ),
        300_000
      )
    }
  })
}
