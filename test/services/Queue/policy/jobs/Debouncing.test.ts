import { assert, describe, it } from "@effect/vitest"
import { dueOfPushed, type Pushed } from "../../../../../src/services/Queue/policy/jobs/Debouncing.ts"
import type { NewJob } from "../../../../../src/services/Store/Turn.ts"
import { SeededRandom } from "../../../../support/SeededRandom.ts"

const call = (
  due: number,
  maxDelayMs: number | undefined,
  onConflict: "debounce" | "replace" = "debounce"
): NewJob => ({
  task: "t",
  group: "g",
  priority: 5,
  due,
  rank: due,
  maxAttempts: 1,
  version: 0,
  payload: 0,
  partitionKey: undefined,
  expiresAt: undefined,
  unique: { key: "k", onConflict, windowMs: 0, ...(maxDelayMs !== undefined && { maxDelayMs }) },
  after: undefined,
  extra: undefined
})

describe("a waiting job that takes over calls", () => {
  it("is due as the last call says, where nothing limits that", () => {
    const pushed: Pushed = { due: 5, enqueued: 0, started: undefined }
    assert.strictEqual(dueOfPushed(call(1e6, undefined), pushed, 10), 1e6)
    assert.strictEqual(dueOfPushed(call(1e6, 100, "replace"), pushed, 10), 1e6)
  })

  it("is due within its longest delay of its first call, whenever calls come and however far they push", () => {
    const random = new SeededRandom(3)
    for (let run = 0; run < 2_000; run++) {
      const maxDelay = random.below(1000)
      let now = random.below(100)
      const enqueued = now
      let due = now + random.below(maxDelay + 1)
      for (let i = 0; i < 30; i++) {
        now += random.below(200)
        due = dueOfPushed(call(now + random.below(maxDelay + 1), maxDelay), { due, enqueued, started: undefined }, now)
        assert.isAtMost(due, enqueued + maxDelay)
        if (now >= enqueued + maxDelay) assert.strictEqual(due, enqueued + maxDelay, "late, it keeps its place")
      }
    }
  })

  it("is never made due before now, but stays so when it was", () => {
    const random = new SeededRandom(4)
    for (let run = 0; run < 2_000; run++) {
      const now = 1_000 + random.below(5_000)
      const pushed = { due: random.below(9_000), enqueued: random.below(now), started: undefined }
      const due = dueOfPushed(call(now + random.below(500), random.below(3_000)), pushed, now)
      assert.isAtLeast(due, Math.min(now, pushed.due))
    }
  })

  it("counts anew from its last start", () => {
    const pushed: Pushed = { due: 90_000, enqueued: 0, started: 50_000 }
    assert.strictEqual(dueOfPushed(call(60_500, 10_000), pushed, 59_500), 60_000)
    assert.strictEqual(dueOfPushed(call(70_500, 10_000), pushed, 69_500), 69_500)
  })
})
