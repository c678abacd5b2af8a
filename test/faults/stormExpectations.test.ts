/** What a storm is held against, held against itself: an expectation that excuses too much would let any storm pass. */
import { assert, describe, it } from "@effect/vitest"
import { EnqueueError, QueueOverloaded, StoreError, StoreUnavailable } from "../../src/services/Queue/index.ts"
import { busyTimeoutMs } from "../../src/services/Store/sqlite/Database.ts"
import type { Refusal, StormReport } from "../support/faults/Storm.ts"
import { expectNothingLost } from "../support/faults/StormExpectations.ts"
import { lengthOf, type Stretch, without } from "../support/faults/Stretch.ts"
import { SeededRandom, seeds } from "../support/SeededRandom.ts"

const calm: StormReport = {
  acknowledged: 10,
  lost: [],
  stuck: [],
  acceptedTwice: [],
  repeated: 0,
  unexplained: [],
  failed: 0,
  orphans: 0,
  recoveryMaxMs: 0,
  slowest: "",
  outages: [],
  refused: [],
  faults: 3,
  gentleStopMaxMs: 0,
  badExits: []
}

const begun = 1_000_000

/** That enqueues found the file locked, so long after the outage began. */
const locked = (afterMs: number): Refusal => ({
  at: begun + afterMs,
  error: new StoreError({ operation: "turn", reason: new StoreUnavailable({ message: "whatever it says" }) })
})

const overloaded: Refusal = {
  at: begun + busyTimeoutMs,
  error: new EnqueueError({
    reason: new QueueOverloaded({
      message: "It stayed locked by another process",
      of: "store",
      limit: 1,
      retryAfterMs: 1
    })
  })
}

const outage = { from: begun, to: begun + 2 * busyTimeoutMs }

describe("a storm", () => {
  it("passes when nothing went wrong", () => expectNothingLost("calm", calm))

  it("may refuse while the file is held up for at least as long as an enqueue waits", () =>
    expectNothingLost("held up", { ...calm, outages: [outage], refused: [locked(busyTimeoutMs), locked(15_000)] }))

  it.each<[string, Partial<StormReport>]>([
    ["without an outage", { refused: [locked(busyTimeoutMs)] }],
    ["before the file was held up for that long", { outages: [outage], refused: [locked(busyTimeoutMs - 1000)] }],
    [
      "in an outage that was shorter",
      { outages: [{ from: begun, to: begun + 8000 }], refused: [locked(busyTimeoutMs)] }
    ],
    [
      "after two that were shorter",
      {
        outages: [
          { from: begun, to: begun + 6000 },
          { from: begun + 6000, to: begun + 12_000 }
        ],
        refused: [locked(11_000)]
      }
    ],
    ["when the outage was over", { outages: [outage], refused: [locked(2 * busyTimeoutMs + 1)] }],
    ["for another reason, whatever its words", { outages: [outage], refused: [overloaded] }]
  ])("may not refuse %s", (_, what) => {
    assert.throws(() => expectNothingLost("refused", { ...calm, ...what }), /refused|deep/i)
  })

  it.each(["lost", "stuck", "acceptedTwice", "unexplained", "badExits"] as const)("fails by what is %s", (kind) => {
    assert.throws(() => expectNothingLost(kind, { ...calm, [kind]: ["1: gone"] }))
  })

  it("fails by a recovery or a gentle stop beyond its bound", () => {
    assert.throws(() => expectNothingLost("late", { ...calm, recoveryMaxMs: 60_000 }))
    assert.throws(() => expectNothingLost("late", { ...calm, gentleStopMaxMs: 60_000 }))
  })
})

describe("the time that counts for recovery", () => {
  it.each(seeds(20))("is what no excuse covers, however they overlap (seed %i)", (seed) => {
    const random = new SeededRandom(seed)
    const stretch = () => {
      const from = random.below(50)
      return { from, to: from + random.below(20) }
    }
    const whole = stretch()
    const excuses = Array.from({ length: random.below(6) }, stretch)
    const covers =
      (at: number) =>
      ({ from, to }: Stretch) =>
        from <= at && at < to
    const counted = Array.from({ length: 80 }, (_, at) => at).filter(
      (at) => covers(at)(whole) && !excuses.some(covers(at))
    )
    assert.strictEqual(lengthOf(without(whole, excuses)), counted.length)
  })
})
