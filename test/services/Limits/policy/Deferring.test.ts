import { assert, describe, it } from "@effect/vitest"
import {
  addRun,
  type Deferral,
  type LoadOutlook,
  placesOf,
  staleSteps,
  withScheduled
} from "../../../../src/services/Limits/policy/Deferring.ts"
import { gridOf, outlookOf, outlookStepMs } from "../../../../src/services/Limits/policy/OutlookOfLoad.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const minute = 60_000
const hour = 60 * minute
const from = Date.UTC(2026, 6, 1)
const steps = 96

const flat = (value: number) => Array.from({ length: steps }, () => value)

/** A day with its trough at four o'clock. */
const day = (least: number, most: number): ReadonlyArray<number> =>
  Array.from(
    { length: steps },
    (_, i) => least + ((most - least) * (1 - Math.cos((2 * Math.PI * (i - 16)) / steps))) / 2
  )

const outlook = (given: Partial<LoadOutlook> & Pick<LoadOutlook, "busy">): LoadOutlook => ({
  from,
  stepMs: outlookStepMs,
  busyAtMost: given.busy.map((busy) => busy * 1.3),
  scheduled: flat(0),
  slots: flat(1000),
  backlogMs: 0,
  ...given
})

const deferral = (given: Partial<Deferral>): Deferral => ({
  now: from,
  deadline: from + 24 * hour,
  run: { meanMs: minute, mostMs: 5 * minute },
  jobs: 1,
  phase: 0.5,
  ...given
})

const randomOutlook = (random: SeededRandom): LoadOutlook => {
  const slots = 1 + random.below(40)
  const closed = random.chance(0.3) ? random.below(60) : steps
  const [least, most] = [random.next() * slots * 0.6, random.next() * slots * 1.2]
  const busy = day(least, most).map((value) => value * (0.7 + 0.6 * random.next()))
  return outlook({
    busy,
    busyAtMost: busy.map((value) => value * (1 + random.next())),
    scheduled: flat(0).map(() => (random.chance(0.2) ? random.next() * slots * 0.3 : 0)),
    slots: flat(slots).map((value, i) => (i >= closed && i < closed + 20 ? 0 : value)),
    backlogMs: random.chance(0.3) ? random.next() * slots * hour : 0
  })
}

/**
 * When the work that is there by a time has been begun, when all comes that may, first come first served: a walk in
 * steps of a minute that knows nothing of how places are chosen.
 */
const begunBy = ({ backlogMs, busyAtMost, scheduled, slots, stepMs }: LoadOutlook, due: number): number => {
  const at = (of: ReadonlyArray<number>, minutes: number) =>
    of[Math.min(of.length - 1, Math.floor((minutes * minute) / stepMs))]!
  let queue = backlogMs
  for (let minutes = 0; ; minutes++) {
    const now = from + minutes * minute
    if (now >= due && queue <= 1e-6) return Math.max(due, now)
    if (now >= from + 2 * steps * stepMs) return Number.POSITIVE_INFINITY
    const comes = now < due ? at(busyAtMost, minutes) + at(scheduled, minutes) : 0
    queue = Math.max(0, queue + (comes - at(slots, minutes)) * minute)
  }
}

describe("deferring", () => {
  for (const seed of seeds(3)) {
    it(`never places a job where it could be late, nor makes one late that was placed before (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      let placed = 0
      for (let i = 0; i < 60; i++) {
        let current = randomOutlook(random)
        const kept: Array<{ due: number; deadline: number; mostMs: number }> = []
        for (let call = 0; call < 8; call++) {
          const meanMs = random.pick([1, 10, 60, 3600]) * 1000 * (0.5 + random.next())
          const asked = deferral({
            now: from + random.below(staleSteps * outlookStepMs),
            deadline: from + random.below(30 * hour) - 2 * hour,
            run: { meanMs, mostMs: meanMs * (1 + 4 * random.next()) },
            jobs: 1 + random.below(50),
            phase: random.next()
          })
          const dues = placesOf(current, asked)
          if (dues === undefined) continue
          assert.strictEqual(dues.length, asked.jobs)
          assert.deepStrictEqual(
            [...dues].sort((a, b) => a - b),
            dues
          )
          for (const due of dues) {
            assert.isAtLeast(due, asked.now)
            kept.push({ due, deadline: asked.deadline, mostMs: asked.run.mostMs })
          }
          current = withScheduled(current, dues, meanMs)
        }
        // The walk begins where the outlook does: it is asked of jobs placed from then on.
        for (const { deadline, due, mostMs } of kept) {
          const stepEnd = from + (Math.floor((due - from) / outlookStepMs) + 1) * outlookStepMs
          assert.isAtMost(Math.min(begunBy(current, stepEnd), begunBy(current, due)) + mostMs, deadline + minute)
          placed++
        }
      }
      assert.isAbove(placed, 500)
    })

    it(`makes no new peak, together or one by one (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let i = 0; i < 20; i++) {
        const busy = day(5 + 10 * random.next(), 50 + 50 * random.next())
        const room = busy.reduce((sum, each) => sum + Math.max(...busy) - each, 0)
        const jobs = Math.floor((room * outlookStepMs * 0.8) / minute)
        const together = withScheduled(outlook({ busy }), placesOf(outlook({ busy }), deferral({ jobs }))!, minute)
        let oneByOne = outlook({ busy })
        for (let left = 40; left > 0; left--) {
          const dues = placesOf(oneByOne, deferral({ jobs: Math.floor(jobs / 40), phase: random.next() }))!
          oneByOne = withScheduled(oneByOne, dues, minute)
        }
        for (const { scheduled } of [together, oneByOne])
          assert.isAtMost(Math.max(...scheduled.map((each, step) => each + busy[step]!)), Math.max(...busy) * 1.02)
      }
    })

    it(`fills the lowest steps to one height (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const run = { meanMs: minute / 10, mostMs: minute }
      for (let i = 0; i < 20; i++) {
        const before = outlook({ busy: day(1, 10).map((each) => each * (0.8 + 0.4 * random.next())) })
        const jobs = 15_000 + random.below(35_000)
        const { busy, scheduled } = withScheduled(before, placesOf(before, deferral({ jobs, run }))!, run.meanMs)
        // The last step ends too late for a run.
        const heights = busy.map((each, step) => each + scheduled[step]!).slice(0, -1)
        const filled = heights.filter((_, step) => scheduled[step]! > 0.1)
        const left = heights.filter((_, step) => scheduled[step]! <= 0.1)
        assert.isAtMost(Math.max(...filled) - Math.min(...filled), 0.1)
        assert.isAtLeast(Math.min(...left, Number.POSITIVE_INFINITY), Math.max(...filled) - 0.1)
      }
    })
  }

  it("puts a job where the load is lowest before its deadline", () => {
    const busy = day(10, 100)
    const hourOf = (given: Partial<Deferral>) => {
      const [due] = placesOf(outlook({ busy }), deferral(given))!
      return new Date(due!).getUTCHours()
    }
    for (const phase of [0.01, 0.25, 0.5, 0.75, 0.99]) assert.isTrue([1, 2, 3, 4, 5, 6, 7].includes(hourOf({ phase })))
    assert.strictEqual(hourOf({ deadline: from + 2 * hour, phase: 0.99 }), 1)
  })

  it("counts what is scheduled as load", () => {
    const busy = day(10, 100)
    const scheduled = flat(0).map((_, i) => (i >= 12 && i < 20 ? 60 : 0))
    for (const phase of [0.01, 0.3, 0.6, 0.99]) {
      const [due] = placesOf(outlook({ busy, scheduled }), deferral({ phase }))!
      const step = Math.floor((due! - from) / outlookStepMs)
      assert.isTrue(step < 12 || step >= 20)
    }
  })

  const busy = day(10, 100)
  for (const [why, given, asked] of [
    ["the deadline has passed", {}, { deadline: from - 1 }],
    ["the deadline is nearer than a step and a run", {}, { deadline: from + outlookStepMs + 4 * minute }],
    ["the outlook is old", {}, { now: from + staleSteps * outlookStepMs }],
    ["the clock has gone back", {}, { now: from - 1 }],
    ["the group claims nothing", { slots: flat(0) }, {}],
    ["a queue is left all day", { slots: flat(10) }, {}],
    ["what waits already takes the day", { slots: flat(200), backlogMs: 200 * 24 * hour }, {}],
    ["they are more than the slots can do in time", { slots: flat(140) }, { jobs: 1_000_000 }],
    ["a run may last longer than the time there is", {}, { run: { meanMs: minute, mostMs: 24 * hour } }]
  ] as const)
    it(`starts at once when ${why}`, () => {
      assert.isUndefined(placesOf(outlook({ busy, ...given }), deferral(asked)))
    })

  it("leaves out hours in which the group is closed", () => {
    const slots = flat(1000).map((each, i) => (i < 32 ? 0 : each))
    for (const phase of [0, 0.5, 0.99]) {
      const [due] = placesOf(outlook({ busy: flat(10), slots }), deferral({ phase }))!
      assert.isAtLeast(due!, from + 32 * outlookStepMs)
    }
  })

  it("a run is load in each step it lies in", () => {
    const slots = [0, 0, 0, 0]
    addRun(slots, 0.5, 2)
    assert.deepStrictEqual(slots, [0.5, 1, 0.5, 0])
    addRun(slots, -1, 1.5, 2)
    assert.deepStrictEqual(slots, [1.5, 1, 0.5, 0])
    addRun(slots, 3.5, 100)
    assert.deepStrictEqual(slots, [1.5, 1, 0.5, 0.5])
  })
})

describe("the outlook of a load", () => {
  const made = (works: ReadonlyArray<number>, meanMs: number) => {
    const grid = gridOf(from, minute, works.length)
    return outlookOf(grid, {
      work: works.map((expected) => ({ expected, atMost: 2 * expected })),
      workStepMs: minute,
      meanMs,
      slotsAt: (at) => (at < from + outlookStepMs ? 0 : 7),
      scheduled: Array.from({ length: grid.count }, () => 3),
      backlogMs: 5
    })
  }

  it("is the work of the steps, in slots", () => {
    const works = Array.from({ length: 50 }, (_, i) => (i < 15 ? 60 : i < 30 ? 120 : 0))
    const { busy, busyAtMost, ...rest } = made(works, 1000)
    assert.deepStrictEqual(busy, [1, 2, 0])
    assert.deepStrictEqual(busyAtMost, [2, 4, 0])
    assert.deepStrictEqual(rest, { from, stepMs: outlookStepMs, scheduled: [3, 3, 3], slots: [0, 7, 7], backlogMs: 5 })
  })

  it("spreads work over the length of its runs", () => {
    const works = Array.from({ length: 120 }, (_, i) => (i >= 15 && i < 30 ? 60 : 0))
    const { busy } = made(works, 30 * minute)
    assert.closeTo(
      busy.reduce((sum, each) => sum + each, 0),
      1,
      0.05
    )
    assert.closeTo(busy[2]!, 0.5, 0.05)
    assert.closeTo(busy[5]!, 0, 1e-9)
  })

  it("of hours has steps of an hour, of a few minutes none", () => {
    assert.deepStrictEqual(gridOf(from, hour, 24), { from, stepMs: hour, count: 24 })
    assert.deepStrictEqual(gridOf(from, minute, 14), { from, stepMs: outlookStepMs, count: 0 })
  })
})
