import { assert, describe, it } from "@effect/vitest"
import { completeTo, stepsOf } from "../../../../src/services/Scaling/policy/ArrivalSteps.ts"
import { Recorder } from "../../../../src/services/Queue/policy/Histogram.ts"
import { afterStep, figuresOf, noService } from "../../../../src/services/Scaling/policy/ServiceMoments.ts"
import type { ResourceRollUp, RollUp } from "../../../../src/services/Queue/index.ts"

const minuteMs = 60_000

const cell = (
  start: number,
  group: string,
  task: string,
  arrivals: number,
  runsMs: ReadonlyArray<number> = []
): RollUp => {
  const run = new Recorder()
  for (const ms of runsMs) run.record(ms)
  const nothing = {
    completed: 0,
    failed: 0,
    retried: 0,
    dead: 0,
    cancelled: 0,
    recovered: 0,
    deduplicated: 0,
    limited: 0
  }
  return {
    width: minuteMs,
    start,
    group,
    task,
    arrivals,
    starts: runsMs.length,
    ...nothing,
    wait: new Recorder().take(),
    run: run.take()
  }
}

const beats = (start: number): ResourceRollUp => ({
  width: minuteMs,
  start,
  beats: 6,
  cpuMean: 0,
  rssBytesPeak: 0,
  heapBytesPeak: 0,
  loopDelayMsPeak: 0,
  busyMean: 0
})

const range = (steps: number) => ({ from: 0, to: steps * minuteMs, stepMs: minuteMs })

describe("steps of arrivals", () => {
  it("add up the tasks of a group", () => {
    const [step] = stepsOf([cell(0, "mail", "send", 3, [10]), cell(0, "mail", "bounce", 4, [20, 30])], [], range(1))
    const { arrivals, runs, starts, tasks } = step!.groups.get("mail")!
    assert.deepStrictEqual([arrivals, starts, runs.count, [...tasks]], [7, 3, 3, ["send", "bounce"]])
    assert.closeTo(runs.sum, 60, 0.5)
  })

  it("are zero while a worker beats or another group records, and missing while nobody does", () => {
    const steps = stepsOf([cell(minuteMs, "other", "task", 1)], [beats(0)], range(3))
    assert.deepStrictEqual(
      steps.map(({ groups, measured }) => [measured, groups.get("mail")?.arrivals]),
      [
        [true, undefined],
        [true, undefined],
        [false, undefined]
      ]
    )
  })

  it("are complete once their end has settled", () => {
    assert.strictEqual(completeTo(10 * minuteMs + 4999, minuteMs, 5000), 9 * minuteMs)
    assert.strictEqual(completeTo(10 * minuteMs + 5000, minuteMs, 5000), 10 * minuteMs)
  })
})

describe("service time", () => {
  const sumsOf = (steps: ReadonlyArray<RollUp>) =>
    steps.reduce((sums, each) => {
      const [step] = stepsOf([each], [], range(1))
      return afterStep(sums, step!.groups.get("mail") ?? { arrivals: 0, starts: 0, runs: noService }, minuteMs)
    }, noService)

  it("is the mean of the recent past, with its spread, and follows a change within hours", () => {
    const slow = Array.from({ length: 300 }, () => cell(0, "mail", "send", 2, [1000, 3000]))
    const { cv2, meanMs } = figuresOf(sumsOf(slow))
    assert.closeTo(meanMs, 2000, 20)
    assert.closeTo(cv2, 0.25, 0.02)
    const quick = Array.from({ length: 300 }, () => cell(0, "mail", "send", 2, [500, 500]))
    assert.closeTo(figuresOf(sumsOf([...slow, ...quick])).meanMs, 500, 60)
  })

  it("counts the attempts that arrivals lead to, and a step without jobs teaches nothing", () => {
    const retried = cell(0, "mail", "send", 1, [1000, 1000])
    const known = sumsOf(Array.from({ length: 50 }, () => retried))
    assert.closeTo(figuresOf(known).meanMs, 2000, 20)
    assert.deepStrictEqual(afterStep(known, { arrivals: 0, starts: 0, runs: noService }, minuteMs), known)
    assert.deepStrictEqual(figuresOf(noService), { meanMs: 1000, cv2: 1, samples: 0 })
  })
})
