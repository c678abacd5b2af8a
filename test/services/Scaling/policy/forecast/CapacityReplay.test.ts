import { assert, describe, it } from "@effect/vitest"
import { empty, Recorder } from "../../../../../src/services/Queue/policy/Histogram.ts"
import {
  type CapacityPolicy,
  fewestFixed,
  fixedAt,
  replay,
  type ReplaySettings,
  type ReplaySight
} from "../../../../../src/services/Scaling/policy/forecast/CapacityReplay.ts"
import { SeededRandom } from "../../../../support/SeededRandom.ts"
import { poisson } from "../../../../support/scaler/SyntheticLoad.ts"

const minute = 60_000

const always = (millis: number) => {
  const recorder = new Recorder()
  recorder.record(millis)
  return recorder.snapshot()
}

/** Service times of an exponential distribution. */
const exponential = (mean: number) => {
  const recorder = new Recorder()
  for (let i = 0; i < 2000; i++) recorder.record(-mean * Math.log(1 - (i + 0.5) / 2000))
  return recorder.snapshot()
}

const settings: ReplaySettings = {
  stepMs: minute,
  roundMs: minute / 4,
  startupMs: minute,
  service: always(1000),
  waitMs: 1000,
  slots: 5,
  minSlots: 1,
  maxSlots: 100
}

const steps = (n: number, count: number) => Array.from({ length: n }, () => count)

describe("a replay of capacity", () => {
  it("costs a fixed number of slots for as long as the past was", () => {
    const result = replay(steps(60, 30), fixedAt(5), settings)
    assert.strictEqual(result.jobs, 1800)
    assert.approximately(result.slotSeconds, 5 * 3600, 1e-6)
    assert.deepStrictEqual([result.meanSlots, result.mostSlots, result.changes], [5, 5, 0])
    assert.strictEqual(result.steps.length, 60)
  })

  it("lets jobs wait as the theory of queues says, M/M/c", () => {
    // 3.2 erlangs on 4 slots: 59.6 % wait (Erlang C), on the mean 0.745 service times.
    const random = new SeededRandom(5)
    const past = Array.from({ length: 1200 }, () => poisson(96, random))
    const result = replay(past, fixedAt(4), { ...settings, service: exponential(2000), slots: 4 })
    assert.approximately(result.wait.sum / result.jobs / 2000, 0.745, 0.08)
  })

  it("gives the same for the same past, and more slots never make more jobs late", () => {
    const past = Array.from({ length: 120 }, (_, i) => 60 + Math.round(40 * Math.sin(i / 10)))
    const late = [1, 2, 3, 4].map((slots) => replay(past, fixedAt(slots), { ...settings, slots }).late)
    assert.deepStrictEqual(
      late,
      [1, 2, 3, 4].map((slots) => replay(past, fixedAt(slots), { ...settings, slots }).late)
    )
    for (let i = 1; i < late.length; i++) assert.isAtMost(late[i]!, late[i - 1]!)
  })

  it("makes slots that were asked for wait until they have started, and pays for them meanwhile", () => {
    const policy: CapacityPolicy = ({ at }) => (at < 10 * minute ? 1 : 2)
    const result = replay(steps(20, 0), policy, { ...settings, slots: 1 })
    assert.approximately(result.slotSeconds, 10 * 60 + 10 * 120, 1e-6)
    const sights: Array<ReplaySight> = []
    replay(
      steps(20, 0),
      (seen) => {
        sights.push(seen)
        return policy(seen)
      },
      { ...settings, slots: 1 }
    )
    const asked = sights.find(({ starting }) => starting > 0)!
    assert.strictEqual(asked.at, 10 * minute + minute / 4)
    assert.strictEqual(sights.find(({ ready }) => ready === 2)!.at - 10 * minute, minute + minute / 4)
  })

  it("lets a slot that is taken away finish its job", () => {
    // Two jobs of ten minutes in two slots; after a minute one slot is wanted.
    const past = [2, ...steps(15, 0)]
    const result = replay(past, ({ at }) => (at < minute ? 2 : 1), {
      ...settings,
      service: always(10 * minute),
      slots: 2
    })
    assert.strictEqual(result.jobs, 2)
    assert.strictEqual(result.late, 0)
    // A slot for all of the time, the other for about the ten minutes of its job.
    assert.isAbove(result.slotSeconds, 16 * 60 + 9.9 * 60)
    assert.isBelow(result.slotSeconds, 16 * 60 + 11.1 * 60)
  })

  it("shows a policy only what has been, each ended step once", () => {
    const past = Array.from({ length: 30 }, (_, i) => i * 3)
    const ended: Array<number | undefined> = []
    let arrived = 0
    replay(
      past,
      (seen) => {
        ended.push(...seen.ended)
        arrived += seen.arrived
        assert.isAtMost(ended.length * minute, seen.at)
        assert.strictEqual(ended.length, Math.floor(seen.at / minute))
        return 3
      },
      settings
    )
    assert.deepStrictEqual(ended, past.slice(0, -1))
    assert.isBelow(
      arrived,
      past.reduce((sum, count) => sum + count, 0)
    )
  })

  it("keeps the bounds, whatever the policy wants", () => {
    const wild = replay(steps(30, 30), ({ at }) => (at % (2 * minute) === 0 ? -5 : 1e9), { ...settings, maxSlots: 7 })
    assert.strictEqual(wild.mostSlots, 7)
    for (const { slots } of wild.steps) assert.isTrue(slots >= 1 && slots <= 7)
  })

  it("counts jobs that never found a slot as waiting to the end", () => {
    const result = replay([60, ...steps(9, 0)], fixedAt(0), { ...settings, slots: 0, minSlots: 0 })
    assert.deepStrictEqual([result.jobs, result.late], [60, 1])
    assert.isAbove(result.wait.sum / result.jobs, 9 * minute)
  })

  it("finds the fewest slots that would have done, never changed", () => {
    const past = Array.from({ length: 120 }, (_, i) => 60 + Math.round(40 * Math.sin(i / 10)))
    const fewest = fewestFixed(past, settings, 0.05)!
    const late = (slots: number) => replay(past, fixedAt(slots), { ...settings, slots }).late
    assert.isAtMost(late(fewest), 0.05)
    assert.isAbove(late(fewest - 1), 0.05)
    assert.strictEqual(fewestFixed(steps(10, 600), { ...settings, maxSlots: 4 }, 0.05), undefined)
  })

  it("says nothing of waits where nothing came", () => {
    const result = replay(steps(3, 0), fixedAt(1), { ...settings, service: empty, slots: 1 })
    assert.deepStrictEqual([result.jobs, result.late], [0, 0])
    assert.isTrue(result.steps.every(({ waitP95 }) => waitP95 === undefined))
  })
})
