import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { lostAtEach, ways } from "../../../support/store/JobLife.ts"

/** Every third message, in each way by turns; the long suite takes all ways at every message, on both stores. */
describe("a job whose connection is lost at the n-th message", () => {
  it.live(
    "is stored, run and settled once, for every third n",
    () =>
      Effect.map(
        lostAtEach(JobStoreMemory.layer({ remembersCalls: true }), (lost) => ways[lost % ways.length]!, 3),
        (messages) => assert.isAbove(messages, 30)
      ),
    60_000
  )
})
