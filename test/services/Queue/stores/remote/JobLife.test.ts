/**
 * A job's life over a connection that is lost at one of its messages, for every message, in each way a connection can be
 * lost by turns; the long suite takes all ways at every message, on both stores.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as JobStoreMemory from "../../../../../src/services/Queue/stores/JobStoreMemory.ts"
import { liveWithout } from "../../../../support/store/JobLife.ts"

const ways = ["before", "within", "after", "late"] as const

describe("a job whose connection is lost at the n-th message", () => {
  it.live(
    "is stored, run and settled once, for every n",
    () =>
      Effect.gen(function* () {
        let lost = 1
        for (; ; lost++) {
          const messages = yield* liveWithout(lost, ways[lost % ways.length]!).pipe(
            Effect.provide(JobStoreMemory.layer({ remembersCalls: true }))
          )
          if (messages < lost) break
        }
        assert.isAbove(lost, 30)
      }),
    60_000
  )
})
