import { assert, describe, it } from "@effect/vitest"
import { tagNext, timeAfterClaim, timeAfterReturn } from "../../../../src/services/Limits/policy/FairShare.ts"

interface Key {
  readonly weight: number
  time: number
  /** Tags of its ready jobs. */
  ready: Array<number>
  started: number
}

/** A group whose keys always have a backlog, each with up to `window` jobs ready, started `batch` at a time. */
class Group {
  readonly keys: ReadonlyArray<Key>
  readonly window: number
  time = 0

  constructor(weights: ReadonlyArray<number>, window: number) {
    this.keys = weights.map((weight) => ({ weight, time: 0, ready: [], started: 0 }))
    this.window = window
  }

  start(batch: number, active: (key: number) => boolean): void {
    this.keys.forEach((key, i) => {
      while (active(i) && key.ready.length < this.window) {
        const { keyTime, tag } = tagNext(this.time, key.time, key.weight, 1)
        key.time = keyTime
        key.ready.push(tag)
      }
    })
    for (let i = 0; i < batch; i++) {
      const first = this.keys
        .filter(({ ready }) => ready.length > 0)
        .reduce((a, b) => (b.ready[0]! < a.ready[0]! ? b : a))
      this.time = timeAfterClaim(this.time, first.ready.shift()!)
      first.started++
    }
  }

  get started(): ReadonlyArray<number> {
    return this.keys.map(({ started }) => started)
  }
}

const weights = [1, 2, 4, 1]

describe("start tags", () => {
  for (const window of [1, 2, 10, 50]) {
    for (const batch of [1, 4, 10]) {
      if (batch > window * weights.length) continue
      // Of a window that a batch drains, only the jobs that are ready can start.
      if (batch > window) continue
      it(`share 2,400 starts within one job of the weights (${window} ready, ${batch} at a time)`, () => {
        const group = new Group(weights, window)
        for (let i = 0; i < 2_400 / batch; i++) group.start(batch, () => true)
        weights.forEach((weight, i) => assert.closeTo(group.started[i]!, (2_400 * weight) / 8, 1))
      })
    }
  }

  it("give a key that was idle no credit, and one that comes back no debt", () => {
    const group = new Group([1, 1], 2)
    for (let i = 0; i < 100; i++) group.start(1, (key) => key === 0)
    const before = group.started[0]!
    for (let i = 0; i < 100; i++) group.start(1, () => true)
    assert.closeTo(group.started[1]!, 50, 2)
    assert.closeTo(group.started[0]! - before, 50, 2)
  })

  it("share slots, not jobs: one that takes three counts for three", () => {
    const wide = tagNext(0, 0, 2, 3)
    assert.deepStrictEqual(wide, { tag: 0, keyTime: 1.5 })
  })

  it("cost nothing where the job goes back unstarted", () => {
    const { keyTime, tag } = tagNext(5, 3, 4, 1)
    assert.strictEqual(timeAfterReturn(keyTime, tag), tag)
    assert.strictEqual(timeAfterReturn(2, 7), 2)
  })
})
