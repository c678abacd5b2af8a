import { assert, describe, it } from "@effect/vitest"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import { jobIdFloor } from "../../../../src/services/Queue/Job.ts"
import { rank } from "../../../../src/services/Queue/policy/Rank.ts"
import {
  admittedRank,
  fitsWindow,
  holdsWhileWaiting,
  isForgettable,
  type KeyState,
  mayBeReady,
  mayStart,
  newKey,
  nextAt,
  windowOf
} from "../../../../src/services/Limits/policy/KeyAdmission.ts"

const now = Date.UTC(2026, 0, 5, 12)
const state = (fields: Partial<KeyState>): KeyState => ({ ...newKey, ...fields })
const rate = { limit: 1, perMs: 1_000, burst: 1 }

describe("the admission of a key's jobs", () => {
  it("has a window of its concurrency; one of a line in order; all of a fair group's slots; else none", () => {
    assert.strictEqual(windowOf({}, { concurrency: 4 }, 2), 4)
    assert.strictEqual(windowOf({}, { order: "fifo" }, 9), 1)
    assert.strictEqual(windowOf({}, { order: "fifo", concurrency: 3 }, 9), 3)
    assert.strictEqual(windowOf({ fair: true }, {}, 9), 9)
    assert.strictEqual(windowOf({ fair: true }, {}, 0), 1, "of a group without slots one waits ready")
    assert.strictEqual(windowOf({ fair: true }, {}, Number.MAX_SAFE_INTEGER), 1_000)
    assert.strictEqual(windowOf({}, {}, 9), Number.POSITIVE_INFINITY)
  })

  it("lets what fits be ready, and what fits nowhere run alone", () => {
    const cases: ReadonlyArray<readonly [window: number, held: number, slots: number, fits: boolean]> = [
      [3, 0, 3, true],
      [3, 1, 2, true],
      [3, 1, 3, false],
      [3, 0, 7, true],
      [3, 7, 1, false],
      [Number.POSITIVE_INFINITY, 1e9, 1e5, true]
    ]
    for (const [window, held, slots, fits] of cases) assert.strictEqual(fitsWindow(window, held, slots), fits)
  })

  it("keeps a paused key and one that is held back", () => {
    assert.isTrue(mayBeReady(newKey, 1, 1, now))
    assert.isFalse(mayBeReady(state({ paused: true }), 1, 1, now))
    assert.isFalse(mayBeReady(state({ heldBackUntil: now + 1 }), 1, 1, now))
    assert.isTrue(mayBeReady(state({ heldBackUntil: now }), 1, 1, now))
    assert.isFalse(mayStart(state({ tat: now + 1_000 }), { rate }, 1, 1, 1, now))
    assert.isTrue(mayStart(state({ tat: now }), { rate }, 1, 1, 1, now))
  })

  it("says when time alone lets the next start, and nothing where something else has to happen", () => {
    const waiting = state({ waiting: 1, tat: now + 1_000 })
    assert.strictEqual(nextAt(waiting, { rate }, 1, 1, 1), now + 1_000)
    assert.strictEqual(nextAt({ ...waiting, heldBackUntil: now + 5_000 }, { rate }, 1, 1, 1), now + 5_000)
    assert.strictEqual(nextAt({ ...waiting, heldBackUntil: now + 5_000 }, {}, 1, 1, 1), now + 5_000)
    for (const other of [{ waiting: 0 }, { paused: true }, { held: 1 }])
      assert.isUndefined(nextAt({ ...waiting, ...other }, { rate }, 1, 1, 1))
  })

  it("forgets a key only when nothing would be other without it", () => {
    assert.isTrue(isForgettable(state({ tat: now, time: 3, heldBackUntil: now }), 3, now))
    for (const kept of [
      { held: 1 },
      { waiting: 1 },
      { tat: now + 1 },
      { heldBackUntil: now + 1 },
      { paused: true },
      { time: 4 }
    ])
      assert.isFalse(isForgettable(state(kept), 3, now), JSON.stringify(kept))
  })

  it("holds the place of a job that waits for its time only in a line in order, unless that says otherwise", () => {
    assert.isTrue(holdsWhileWaiting({ order: "fifo" }))
    assert.isFalse(holdsWhileWaiting({ order: "fifo", holds: false }))
    assert.isFalse(holdsWhileWaiting({ concurrency: 1 }))
  })

  it("ranks a ready job by its tag, by its own rank, or in a line in order as one due when it was enqueued", () => {
    const id = (jobIdFloor(now) + 7) as JobId
    assert.strictEqual(admittedRank(id, 12, 0.5, { order: "fifo" }), 0.5)
    assert.strictEqual(admittedRank(id, 12, undefined, {}), 12)
    assert.strictEqual(admittedRank(id, 12, undefined, { order: "fifo" }), rank(now, 5, 30_000))
  })
})
