import { assert, describe, it } from "@effect/vitest"
import type { ForecastSteps } from "../../../../../src/services/Scaling/policy/staffing/ForecastSteps.ts"
import { Staffing } from "../../../../../src/services/Scaling/policy/staffing/Staffing.ts"
import type { Observation } from "../../../../../src/services/Scaling/policy/staffing/StaffingDecision.ts"
import {
  type StaffingSettings,
  staffingDefaults
} from "../../../../../src/services/Scaling/policy/staffing/StaffingSettings.ts"
import { SeededRandom, seeds } from "../../../../support/SeededRandom.ts"

const minute = 60_000
const settings: StaffingSettings = { ...staffingDefaults, serviceMs: 30_000, startUpMs: 120_000 }

const idle: Observation = { at: 0, arrivals: 0, waiting: 0, running: 0, ready: 1, starting: 0 }

/** A forecast that says the same of every minute to come. */
const flat = (at: number, perMinute: number): Pick<Observation, "forecast" | "record"> => {
  const step = { mean: perMinute, expected: perMinute, p05: perMinute, p50: perMinute, p90: perMinute, p95: perMinute }
  const forecast: ForecastSteps = { from: at, stepMs: minute, steps: new Array(6).fill(step), last: perMinute }
  return { forecast, record: { measured: 1000, accuracy: 0.9, naiveAccuracy: 0.8, coverage: 0.9 } }
}

/** Minute by minute: a group whose slots follow the targets after the start-up time, jobs in whole numbers. */
const run = (
  minutes: number,
  arrivalsIn: (minute: number) => number,
  options: {
    readonly settings?: Partial<StaffingSettings>
    readonly staffing?: Staffing
    readonly from?: number
    readonly forecast?: (minute: number) => Pick<Observation, "forecast" | "record">
  } = {}
) => {
  const staffing = options.staffing ?? new Staffing()
  const given = { ...settings, ...options.settings }
  const first = options.from ?? 0
  const startUp = Math.ceil(given.startUpMs! / minute)
  const decisions: Array<ReturnType<Staffing["decide"]> & { readonly busy: number }> = []
  let jobs = 0
  let done = 0
  let ready = 1
  let coming: Array<number> = []
  for (let i = first; i < first + minutes; i++) {
    const arrivals = i === first ? 0 : arrivalsIn(i - 1)
    done += Math.min(jobs, ready) * (1 - Math.exp(-minute / given.serviceMs!))
    const ended = Math.min(jobs, Math.floor(done))
    done -= ended
    jobs += arrivals - ended
    ready += coming.shift() ?? 0
    const busy = Math.min(jobs, ready)
    const starting = coming.reduce((a, b) => a + b, 0)
    const at = i * minute
    const seen = options.forecast?.(i) ?? {}
    const decision = staffing.decide(
      { at, arrivals, waiting: jobs - busy, running: busy, ready, starting, ...seen },
      given
    )
    decisions.push({ ...decision, busy })
    const change = decision.target - ready - starting
    if (change > 0) {
      while (coming.length < startUp) coming.push(0)
      coming[startUp - 1]! += change
    } else {
      let fewer = -change
      coming = coming.map((each) => {
        const dropped = Math.min(fewer, each)
        fewer -= dropped
        return each - dropped
      })
      ready = Math.max(busy, ready - fewer)
    }
  }
  return { decisions, staffing }
}

describe("staffing", () => {
  it("keeps the same number of slots under the same load", () => {
    const { decisions } = run(900, () => 20)
    const late = new Set(decisions.slice(600).map(({ target }) => target))
    assert.isAtMost(Math.max(...late) - Math.min(...late), 1)
    // 20 jobs a minute of half a minute each are ten at a time.
    assert.isAtLeast(Math.min(...late), 10)
    assert.isAtMost(Math.max(...late), 25)
  })

  it("has no fewer slots for a larger load", () => {
    let before = 0
    for (const perMinute of [0, 1, 2, 5, 10, 30, 100, 300, 1000]) {
      const { decisions } = run(60, () => perMinute)
      const { target } = decisions.at(-1)!
      assert.isAtLeast(target, before)
      before = target
    }
  })

  it("asks for no fewer slots when more wait, run, or are forecast", () => {
    const { staffing } = run(120, () => 10, { forecast: (i) => flat(i * minute, 10) })
    const state = staffing.save()
    const at = 120 * minute
    const ask = (change: Partial<Observation>, perMinute = 10) =>
      Staffing.restore(state).decide(
        { ...idle, at, arrivals: 10, waiting: 0, running: 5, ready: 10, ...flat(at, perMinute), ...change },
        { ...settings, holdDownMs: 0 }
      ).needs
    const most = (needs: ReturnType<typeof ask>) => Math.max(needs.forecast ?? 0, needs.reactive, needs.backlog)
    const sizes = [0, 1, 3, 10, 30, 100]
    for (const [less, more] of sizes.slice(1).map((each, i) => [sizes[i]!, each] as const)) {
      assert.isAtLeast(most(ask({ waiting: more })), most(ask({ waiting: less })))
      assert.isAtLeast(most(ask({ running: more })), most(ask({ running: less })))
      assert.isAtLeast(most(ask({}, more)), most(ask({}, less)))
    }
  })

  it("has slots ready when a rise that was forecast arrives, and only then without a forecast", () => {
    const load = (i: number) => (i < 100 ? 5 : 60)
    const knowing = (i: number) => {
      const at = i * minute
      const steps = Array.from({ length: 6 }, (_, ahead) => {
        const count = load(i + ahead)
        return { mean: count, expected: count, p05: count, p50: count, p90: count, p95: count }
      })
      const forecast: ForecastSteps = { from: at, stepMs: minute, steps, last: load(i - 1) }
      return { forecast, record: { measured: 1000, accuracy: 0.9, naiveAccuracy: 0.5, coverage: 0.9 } }
    }
    const ahead = run(110, load, { forecast: knowing }).decisions
    const behind = run(110, load).decisions
    assert.isAbove(ahead[99]!.target, 1.5 * behind[99]!.target)
    assert.isTrue(ahead.slice(95, 100).some(({ reason }) => reason === "forecast"))
  })

  it("never has fewer slots than jobs run, whatever comes", () => {
    for (const seed of seeds(12)) {
      const random = new SeededRandom(seed)
      const { decisions } = run(150, () => Math.floor(40 * random.next() ** 4 * (1 + random.next() * 5)))
      for (const { busy, target } of decisions) assert.isAtLeast(target, busy)
    }
  })

  it("keeps the bounds, and says when they hold it back", () => {
    const { decisions } = run(60, (i) => (i < 30 ? 200 : 0), { settings: { minSlots: 3, maxSlots: 20 } })
    for (const { target } of decisions) {
      assert.isAtLeast(target, 3)
      assert.isAtMost(target, 20)
    }
    assert.strictEqual(decisions[25]!.reason, "bounds")
    assert.isAbove(decisions[25]!.wanted, 20)
  })

  it("drains when the most falls below what runs", () => {
    const decision = new Staffing().decide({ ...idle, running: 8, ready: 8 }, { ...settings, maxSlots: 3 })
    assert.strictEqual(decision.target, 3)
    assert.isTrue(decision.draining)
  })

  it("goes to zero only when that is allowed, nothing runs or waits, and nothing is expected", () => {
    const quiet = (i: number) => (i < 60 ? 2 : 0)
    const allowed = run(600, quiet, { settings: { minSlots: 0 } }).decisions
    assert.strictEqual(allowed.at(-1)!.target, 0)
    for (const { busy, expected, target } of allowed.slice(1))
      if (target === 0) {
        assert.strictEqual(busy, 0)
        assert.isAtMost(expected, settings.lateShare)
      }
    assert.isAtLeast(allowed[62]!.target, 1)
    assert.strictEqual(run(600, quiet).decisions.at(-1)!.target, 1)
    const announced = run(600, quiet, {
      settings: { minSlots: 0 },
      forecast: (i) => flat(i * minute, i < 595 ? quiet(i) : 3)
    }).decisions
    assert.strictEqual(announced.at(-10)!.target, 0)
    assert.isAtLeast(announced.at(-1)!.target, 1)
  })

  it("leaves out a forecast that is worse than the naive one, badly covered, stale, cold or missing", () => {
    const at = 100 * minute
    const good = flat(at, 50)
    const { staffing } = run(100, () => 5)
    const state = staffing.save()
    const with_ = (change: Partial<Observation>) =>
      Staffing.restore(state).decide({ ...idle, at, arrivals: 5, ...good, ...change }, settings)
    assert.isUndefined(with_({}).distrust)
    assert.isAbove(with_({}).needs.forecast!, 0)
    const record = good.record!
    const poor = [
      [{ record: { ...record, accuracy: 0.5 } }, "worse than naive"],
      [{ record: { ...record, accuracy: Number.NaN } }, "worse than naive"],
      [{ record: { ...record, coverage: 0.4 } }, "badly covered"],
      [{ record: { ...record, measured: 10 } }, "cold"],
      [{ record: undefined }, "cold"],
      [flat(at - 10 * minute, 50), "stale"],
      [{ forecast: undefined }, "cold"]
    ] as const
    for (const [change, distrust] of poor) {
      const decision = with_(change)
      assert.strictEqual(decision.distrust, distrust)
      assert.isUndefined(decision.needs.forecast)
      assert.strictEqual(decision.forecastWeight, 0)
    }
  })

  it("sees what arrives again after a look that could not", () => {
    const { staffing } = run(100, () => 5)
    staffing.decide({ ...idle, at: 100 * minute, arrivals: undefined }, settings)
    const { decisions } = run(10, () => 60, { staffing, from: 101 })
    assert.isAtLeast(decisions.at(-1)!.expected, 100)
  })

  it("leaves out the best of forecasts when the settings say so", () => {
    const at = 100 * minute
    const { staffing } = run(100, () => 5)
    const decision = staffing.decide({ ...idle, at, arrivals: 5, ...flat(at, 50) }, { ...settings, forecast: false })
    assert.strictEqual(decision.distrust, "set aside")
    assert.isUndefined(decision.needs.forecast)
    assert.strictEqual(decision.forecastWeight, 0)
  })

  it("is as careful as the load needs: bursts out of nothing are met with slots in reserve, steady load without", () => {
    const random = new SeededRandom(3)
    const bursts = run(3000, () => (random.next() < 0.02 ? 30 : 1)).decisions.at(-1)!
    const steady = run(3000, () => 8).decisions.at(-1)!
    assert.strictEqual(bursts.riskFrom, "learned")
    assert.strictEqual(steady.riskFrom, "learned")
    const reserve = ({ target, expected, serviceMs }: typeof bursts) => target / ((expected / 3) * (serviceMs / minute))
    assert.isAbove(reserve(bursts), 1.5 * reserve(steady))
  })

  it("learns how long jobs run and slots take", () => {
    const staffing = new Staffing()
    let decision = staffing.decide(idle, staffingDefaults)
    assert.strictEqual(decision.serviceMs, 1000)
    for (let i = 1; i < 50; i++)
      decision = staffing.decide(
        { ...idle, at: i * minute, served: [{ ms: 20_000, jobs: 10 }], startUps: [i % 4 === 0 ? 90_000 : 60_000] },
        staffingDefaults
      )
    assert.closeTo(decision.serviceMs, 20_000, 1000)
    assert.strictEqual(decision.startUpMs, 90_000)
  })

  it("counts what runs by how long it has run, where jobs of a kind take a fixed time", () => {
    const staffing = new Staffing()
    const given = { ...settings, serviceMs: undefined, startUpMs: 60_000 }
    staffing.decide({ ...idle, served: [{ ms: 300_000, jobs: 500 }] }, given)
    const ask = (elapsed: number) =>
      Staffing.restore(staffing.save()).decide(
        { ...idle, at: 1, running: 40, ready: 40, elapsedMs: new Array(40).fill(elapsed) },
        given
      ).needs.reactive
    assert.isAbove(ask(10_000), 39)
    assert.isBelow(ask(290_000), 5)
  })

  it("goes on after save and restore exactly as it would have", () => {
    for (const seed of seeds(4)) {
      const random = new SeededRandom(seed)
      const load = Array.from({ length: 400 }, () => Math.floor(20 * random.next() ** 3))
      const given = { forecast: (i: number) => flat(i * minute, load[i] ?? 0) }
      const { staffing } = run(300, (i) => load[i]!, given)
      const restored = Staffing.restore(JSON.parse(JSON.stringify(staffing.save())))
      const after = { ...given, from: 300 }
      assert.deepStrictEqual(
        run(100, (i) => load[i]!, { ...after, staffing: restored }).decisions,
        run(100, (i) => load[i]!, { ...after, staffing }).decisions
      )
      assert.deepStrictEqual(restored.save(), staffing.save())
    }
  })

  it("learns from the past what it would have learned from living through it", () => {
    const random = new SeededRandom(5)
    const load = Array.from({ length: 1500 }, () => (random.next() < 0.03 ? 25 : 1))
    const staffing = new Staffing()
    load.forEach((count, i) =>
      staffing.learn(
        {
          from: i * minute,
          stepMs: minute,
          count,
          before: load[i - 1],
          after: load[i + 1],
          forecast: undefined,
          record: undefined
        },
        settings
      )
    )
    const { decisions } = run(1500, (i) => load[i]!)
    const learned = staffing.decide({ ...idle, at: 1500 * minute }, settings)
    assert.strictEqual(learned.riskFrom, "learned")
    assert.closeTo(learned.target, decisions.at(-1)!.target, 3)
  })

  it("answers with a finite number whatever it is told", () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, -5, 0, 1e15, 3]
    for (const seed of seeds(40)) {
      const random = new SeededRandom(seed)
      const any = () => odd[Math.floor(random.next() * odd.length)]!
      const staffing = new Staffing()
      for (let i = 0; i < 40; i++) {
        const step = { mean: any(), expected: any(), p05: any(), p50: any(), p90: any(), p95: any() }
        const decision = staffing.decide(
          {
            at: random.next() < 0.2 ? any() : i * minute,
            arrivals: random.next() < 0.2 ? undefined : any(),
            waiting: any(),
            running: any(),
            ready: any(),
            starting: any(),
            elapsedMs: random.next() < 0.5 ? undefined : [any(), any()],
            served: [{ ms: any(), jobs: any() }],
            startUps: [any()],
            forecast: { from: any(), stepMs: minute, steps: [step, step, step, step], last: any() },
            record: { measured: any(), accuracy: any(), naiveAccuracy: any(), coverage: any() }
          },
          { ...staffingDefaults, maxSlots: 500 }
        )
        assert.isTrue(Number.isSafeInteger(decision.target), `seed ${seed}: ${decision.target}`)
        assert.isAtLeast(decision.target, 1)
        assert.isAtMost(decision.target, 500)
      }
    }
  })

  it("goes on after a clock that jumped and after a silence", () => {
    const { staffing } = run(200, () => 20)
    const ask = (at: number) =>
      staffing.decide({ at, arrivals: 20, waiting: 0, running: 10, ready: 14, starting: 0 }, settings)
    for (const at of [200, 100, 101, 102, 5000, 5001, 5002]) {
      const { target } = ask(at * minute)
      assert.isAtLeast(target, 10)
      assert.isAtMost(target, 60)
    }
  })

  it("takes arrivals that are told when a step has been read for no bursts, however rounds fall on steps", () => {
    const tickMs = 10_000
    for (const [roundMs, settleMs] of [
      [3000, 1000],
      [7000, 0],
      [15_000, 5000]
    ] as const) {
      const staffing = new Staffing()
      const given = { ...settings, tickMs, serviceMs: 2000, startUpMs: 60_000 }
      let told = 0
      let decision: ReturnType<Staffing["decide"]> | undefined
      for (let at = 0; at < 3_600_000; at += roundMs) {
        const arrivalsTo = Math.max(0, Math.floor((at - settleMs) / tickMs) * tickMs)
        const arrivals = ((arrivalsTo - told) / tickMs) * 400
        told = arrivalsTo
        decision = staffing.decide(
          { at, arrivals, arrivalsTo, waiting: 0, running: 80, ready: 90, starting: 0 },
          { ...given, quantile: 0.95 }
        )
      }
      const { atQuantile, expected } = decision!
      assert.closeTo(expected / 7, 400, 4, `rounds of ${roundMs} ms`)
      assert.isBelow(atQuantile / expected, 1.02, `rounds of ${roundMs} ms`)
    }
  })
})
