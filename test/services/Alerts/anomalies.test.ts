import { assert, describe, it } from "@effect/vitest"
import { CountAnomaly } from "../../../src/services/Alerts/policy/CountAnomaly.ts"
import { GroupCourse, type GroupStep } from "../../../src/services/Alerts/policy/GroupCourse.ts"
import { LatencyAnomaly } from "../../../src/services/Alerts/policy/LatencyAnomaly.ts"
import { ShareAnomaly } from "../../../src/services/Alerts/policy/ShareAnomaly.ts"
import * as Suspicion from "../../../src/services/Alerts/policy/Suspicion.ts"
import { Recorder } from "../../../src/services/Queue/policy/Histogram.ts"
import { judge } from "../../support/alerts/Judging.ts"
import { plantedSeries, poisson, stepMs } from "../../support/alerts/PlantedSeries.ts"
import { SeededRandom } from "../../support/SeededRandom.ts"

const stepsPerDay = 288
const week = 7 * stepsPerDay

const middle = (step: number) => step * stepMs + stepMs / 2

/** A detector of counts that has seen so many weeks of the same rate. */
const learned = (perStep: number, weeks = 2) => {
  const random = new SeededRandom(5)
  const detector = new CountAnomaly()
  let step = 0
  const take = (count: number | undefined) => detector.step(middle(step++), count)
  for (let i = 0; i < weeks * week; i++) take(poisson(random, perStep))
  return { detector, take, random }
}

describe("planted incidents", () => {
  // The whole table: node scripts/evaluate/anomalies.ts, and the long suite.
  const options = { weeks: 5, quietWeeks: 2, dispersion: 0.05, incidents: true }

  it("are found, with few alarms beside", () => {
    for (const perStep of [30, 1000]) {
      const { falsePerWeek, planted, precision, recall } = judge(1, 2, { ...options, perStep })
      assert.isAtLeast(planted, 15)
      assert.isAtLeast(recall, 0.85)
      assert.isAtLeast(precision, 0.85)
      assert.isAtMost(falsePerWeek, 1)
    }
  })
})

describe("arrivals", () => {
  it("that stop are an alarm within a quarter of an hour, and none when they are back", () => {
    const { take } = learned(40)
    const alarms = [0, 0, 0].map(() => take(0).direction)
    assert.deepStrictEqual(alarms, ["none", "none", "below"])
    for (let i = 0; i < 3; i++) take(40)
    assert.strictEqual(take(40).direction, "none")
  })

  it("are no alarm for a lone step, however wild, nor for two", () => {
    const { take } = learned(40)
    assert.strictEqual(take(1e6).direction, "none")
    assert.strictEqual(take(0).direction, "none")
    const other = learned(40)
    assert.deepStrictEqual([other.take(1e6).direction, other.take(1e6).direction], ["none", "none"])
  })

  it("that were not measured are no arrivals of zero", () => {
    const { take } = learned(40)
    for (let i = 0; i < 100; i++) assert.isUndefined(take(undefined).direction)
    assert.strictEqual(take(40).direction, "none")
  })

  it("of a new level are the usual after a day", () => {
    const { random, take } = learned(40)
    const directions = Array.from({ length: 3 * stepsPerDay }, () => take(poisson(random, 160)).direction)
    assert.strictEqual(directions[10], "above")
    assert.strictEqual(directions[stepsPerDay - 10], "above")
    assert.isTrue(directions.slice(stepsPerDay + 20).every((direction) => direction === "none"))
    // And going back would be news again.
    for (let i = 0; i < 6; i++) take(40)
    assert.strictEqual(take(40).direction, "below")
  })

  it("of somebody who runs a batch now and then have no course to leave", () => {
    const random = new SeededRandom(3)
    const detector = new CountAnomaly()
    for (let i = 0; i < 2 * week; i++) {
      const count = random.chance(0.005) ? 1000 : 0
      assert.notInclude(["above", "below"], detector.step(middle(i), count).direction)
    }
  })

  it("say nothing in the first week", () => {
    const detector = new CountAnomaly()
    for (let i = 0; i < week; i++) assert.isUndefined(detector.step(middle(i), i % 2 === 0 ? 0 : 1000).direction)
  })

  it("expect the hour of the week", () => {
    const detector = new CountAnomaly()
    const busy = (step: number) =>
      step % stepsPerDay >= 96 && step % stepsPerDay < 192 && Math.floor(step / stepsPerDay) % 7 < 5
    for (let i = 0; i < 4 * week; i++) detector.step(middle(i), busy(i) ? 100 : 10)
    const noon = 4 * week + 144
    assert.approximately(detector.expect(middle(noon)).mean, 100, 15)
    assert.approximately(detector.expect(middle(noon + 5 * stepsPerDay)).mean, 10, 5)
    assert.approximately(detector.expect(middle(noon - 100)).mean, 10, 3)
  })
})

describe("failures", () => {
  it("in a burst are an alarm; a few more than usual are not", () => {
    const detector = new ShareAnomaly()
    for (let i = 0; i < 500; i++) detector.step(100, i % 2)
    for (let i = 0; i < 100; i++) assert.isFalse(detector.step(100, 1 + (i % 2)).alarm)
    const alarms = [0, 0, 0].map(() => detector.step(100, 40).alarm)
    assert.deepStrictEqual(alarms, [false, false, true])
    // Nothing is tried: nothing is known to be better.
    assert.isTrue(detector.step(0, 0).alarm)
  })

  it("say nothing before enough was tried", () => {
    const detector = new ShareAnomaly()
    for (let i = 0; i < 19; i++) assert.isTrue(detector.step(10, 10).learning)
  })
})

describe("latencies", () => {
  const taught = () => {
    const random = new SeededRandom(7)
    const detector = new LatencyAnomaly(10)
    let step = 0
    const take = (ms: number | undefined) => detector.step(middle(step++), ms, 100)
    for (let i = 0; i < 7 * stepsPerDay; i++) take(200 * (0.9 + 0.2 * random.next()))
    return take
  }

  it("that grow slowly are an alarm before they have doubled", () => {
    const take = taught()
    let ms = 200
    while (!take(ms).alarm) {
      ms *= 1.01
      assert.isBelow(ms, 400)
    }
  })

  it("that fall, or that nobody can notice, are none", () => {
    const take = taught()
    for (let i = 0; i < 50; i++) assert.isFalse(take(20).alarm)
    const small = new LatencyAnomaly(500)
    for (let i = 0; i < 3 * stepsPerDay; i++) small.step(middle(i), 2, 100)
    for (let i = 0; i < 50; i++) assert.isFalse(small.step(middle(i), 60, 100).alarm)
  })
})

describe("a group's course", () => {
  const stepOf = (count: number, ms: number): GroupStep => {
    const run = new Recorder()
    if (count > 0) run.record(ms, count)
    const times = run.snapshot()
    return { arrivals: count, completed: count, failed: 0, run: times, wait: times }
  }

  it("goes on from what was saved as if it had never stopped", () => {
    const { steps } = plantedSeries(new SeededRandom(11), {
      weeks: 1,
      quietWeeks: 0,
      perStep: 50,
      dispersion: 0.05,
      incidents: true
    })
    const kept = new GroupCourse(0)
    let restored = new GroupCourse(0)
    steps.forEach(({ arrivals, runMs }, i) => {
      kept.step(stepOf(arrivals, runMs ?? 0), 0)
      restored.step(stepOf(arrivals, runMs ?? 0), 0)
      // Between hours, so that no times wait for company.
      if (i % 1000 === 999) restored = new GroupCourse(JSON.parse(JSON.stringify(restored.save())))
      assert.deepStrictEqual(
        restored.unusual().map(({ score }) => score >= 1),
        i % 1000 === 999 ? [] : kept.unusual().map(({ score }) => score >= 1)
      )
    })
  })

  it("is at most 10 KB at rest", () => {
    const course = new GroupCourse(0)
    const random = new SeededRandom(1)
    for (let i = 0; i < 2 * week; i++) course.step(stepOf(poisson(random, 500), 123.456), 0)
    assert.isBelow(JSON.stringify(course.save()).length, 10_000)
  })
})

describe("suspicion", () => {
  it("needs three steps at least, and lets go within a few", () => {
    let suspicion = Suspicion.none
    let steps = 0
    while (!suspicion.alarm) {
      suspicion = Suspicion.next(suspicion, Number.POSITIVE_INFINITY)
      steps++
    }
    assert.strictEqual(steps, 3)
    for (let i = 0; i < 10; i++) suspicion = Suspicion.next(suspicion, 100)
    for (steps = 0; suspicion.alarm; steps++) suspicion = Suspicion.next(suspicion, -100)
    assert.isAtMost(steps, 3)
  })

  it("weighs counts as Poisson's law where there is no dispersion, and less where there is", () => {
    assert.approximately(Suspicion.countRatio(20, 10, 0, 2), 20 * Math.LN2 - 10, 1e-9)
    assert.approximately(Suspicion.countRatio(20, 10, 1e-8, 2), 20 * Math.LN2 - 10, 1e-5)
    assert.isBelow(Suspicion.countRatio(20, 10, 0.5, 2), Suspicion.countRatio(20, 10, 0, 2))
  })
})
