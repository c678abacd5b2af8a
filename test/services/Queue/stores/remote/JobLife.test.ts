import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as JobStoreMemory from "../../../../../src/services/Queue/stores/JobStoreMemory.ts"
import { lostAtEach, ways } from "../../../../support/store/JobLife.ts"

/** In each way a connection can be lost by turns; the long suite takes all ways at every message, on both stores. */
describe("a job whose connection is lost at the n-th message", () => {
  it.live(
    "is stored, run and settled once, for every n",
    () =>
      Effect.map(
        lostAtEach(JobStoreMemory.layer({ remembersCalls: true }), (lost) => ways[lost % ways.length]!),
        (messages) => assert.isAbove(messages, 30)
      ),
    60_000
  )
})
