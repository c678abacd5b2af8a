import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import v8 from "node:v8"
import { heapBound } from "../../../../src/services/Streams/run/HeapBound.ts"

const oldBytes = () => v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")!.space_used_size

it.live("collects the old garbage of more than three tenths of the limit, and leaves less alone", () =>
  Effect.gen(function* () {
    const look = heapBound(100_000_000)
    const before = oldBytes()
    let kept: Array<ReadonlyArray<number>> = []
    while (oldBytes() - before < 40_000_000) for (let i = 0; i < 10_000; i++) kept.push([i, i, i])
    const grown = oldBytes()
    kept = []
    yield* look
    assert.isBelow(oldBytes(), grown - 20_000_000)
    const left = oldBytes()
    yield* look
    assert.isAtLeast(oldBytes(), left)
  })
)
