import { assert, describe, it } from "@effect/vitest"
import { concurrency, type ConcurrencyState } from "../../../../src/services/Queue/policy/Concurrency.ts"
import type { SlotBounds } from "../../../../src/services/Queue/policy/PoolSize.ts"
import * as Contention from "../../../support/queue/Contention.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const bounds: SlotBounds = { min: 1, max: 60, tune: true }
const hour = 3600

const outcomes = (
  contention: (second: number) => Contention.Contention,
  options: { readonly seconds: number; readonly workers?: number; readonly runs?: number }
) => seeds(options.runs ?? 8).map((seed) => Contention.simulate(contention, { bounds, seed, ...options }))

const worst = (runs: ReadonlyArray<Contention.Simulated>) => Math.min(...runs.map(({ ratio }) => ratio))

const sample = { elapsedMs: 1000, busy: 0, waiting: 0, finished: 0, succeeded: 0, elsewhere: 0 }

describe("the concurrency of handlers that contend", () => {
  for (const [name, contention] of [
    ["a lock that waiters slow down", Contention.lock],
    ["thrashing beyond a peak", Contention.thrashing],
    ["a pool of connections with time-outs beyond it", Contention.connections(13)],
    ["no contention", Contention.free]
  ] as const) {
    it(`completes within a tenth of what the best fixed number would in the first hour, the search included: ${name}`, () => {
      assert.isAtLeast(worst(outcomes(() => contention, { seconds: hour })), 0.9)
    })
  }

  it("is calm: under a constant load it makes less than one change a minute once it has settled", () => {
    for (const contention of [Contention.lock, Contention.thrashing, Contention.connections(13)]) {
      const changes = outcomes(() => contention, { seconds: 3 * hour, runs: 4 }).map(({ hourly }) => hourly.at(-1)!)
      assert.isBelow(changes.reduce((sum, count) => sum + count, 0) / changes.length, 60)
    }
  })

  it("follows when the best number moves, up and down", () => {
    for (const [before, after] of [
      [8, 30],
      [30, 8]
    ] as const) {
      const [early, late] = [Contention.connections(before), Contention.connections(after)]
      const runs = outcomes((second) => (second < hour ? early : late), { seconds: 3 * hour, runs: 4 })
      for (const { slots } of runs) {
        assert.isAtLeast(slots[0]!, after * 0.7)
        assert.isAtMost(slots[0]!, after * 1.3)
      }
    }
  })

  it("leaves the others their part: two workers on one thing do not drive each other beyond its peak", () => {
    for (const contention of [Contention.thrashing, Contention.connections(13)]) {
      assert.isAtLeast(worst(outcomes(() => contention, { seconds: 2 * hour, workers: 2, runs: 4 })), 0.85)
    }
  })

  it("grows to its maximum with jobs of a minute that do not contend", () => {
    const contention = { rate: (n: number) => n / 60, failing: () => 0 }
    const { slots } = Contention.simulate(() => contention, {
      bounds: { min: 2, max: 20, tune: true },
      seconds: 2 * hour,
      seed: 1
    })
    assert.isAtLeast(slots[0]!, 15)
  })

  it("stays where it is while there is too little work, and calls a trial off", () => {
    let state: ConcurrencyState = concurrency.initial(bounds)
    while (state.stage !== "beside")
      state = concurrency.next(state, bounds, { ...sample, busy: state.slots, waiting: 9, finished: 50, succeeded: 50 })
    const { centre } = state
    for (let second = 0; second < 600; second++) state = concurrency.next(state, bounds, sample)
    assert.strictEqual(state.slots, centre)
    assert.strictEqual(state.stage, "centre")
  })

  for (const seed of seeds(10)) {
    it(`is always within its bounds, whatever it sees (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const min = random.below(5)
      const limits = { min, max: Math.max(1, min) + random.below(40), tune: true }
      let state = concurrency.initial(limits)
      for (let i = 0; i < 2000; i++) {
        const finished = random.chance(0.2) ? 0 : random.below(300)
        state = concurrency.next(state, limits, {
          elapsedMs: 500 + random.below(2500),
          busy: random.chance(0.9) ? state.slots : random.below(state.slots + 1),
          waiting: random.chance(0.9) ? 5 : 0,
          finished,
          succeeded: random.chance(0.1) ? 0 : random.below(finished + 1),
          elsewhere: random.chance(0.5) ? 0 : random.below(50)
        })
        const { noise, slots } = state
        const isSound =
          Number.isInteger(slots) &&
          slots >= Math.max(1, limits.min) &&
          slots <= limits.max &&
          Number.isFinite(noise.dispersion + noise.drift)
        if (!isSound) assert.fail(`${slots} slots between ${limits.min} and ${limits.max}, ${JSON.stringify(noise)}`)
      }
    })
  }
})
