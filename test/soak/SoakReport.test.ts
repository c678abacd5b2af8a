/** Runs made up line by line, so that what a report must find is known. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { writeFileSync } from "node:fs"
import { page } from "../../src/soak/SoakPage.ts"
import { files, type SoakPlan } from "../../src/soak/SoakPlan.ts"
import { resultOf } from "../../src/soak/SoakReport.ts"
import { SoakResult } from "../../src/soak/SoakResult.ts"
import { append, read, type SoakLine } from "../../src/soak/SoakSamples.ts"
import * as SoakText from "../../src/soak/SoakText.ts"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { SeededRandom } from "../support/SeededRandom.ts"

const plan: SoakPlan = {
  format: 1,
  accelerated: true,
  hours: 24,
  jobs: 20_000,
  workers: 1,
  slots: 100,
  retain: 5000,
  sampleMs: 5000
}

interface Planted {
  /** Shares of the heap that the worker's heap grows by over the run. */
  readonly leak?: number
  /** Handles the worker holds more at the end. */
  readonly handles?: number
  /** Share by which the store's file grows from the first half to the end. */
  readonly store?: number
  readonly lost?: number
}

/**
 * Twenty minutes in which a day's jobs went by, one line of each kind every five seconds, the heaps noisy by one
 * percent.
 */
const run = (planted: Planted): ReadonlyArray<SoakLine> => {
  const random = new SeededRandom(7)
  const samples = 240
  const lines: Array<SoakLine> = [
    { type: "part", elapsed: 0, part: 1, startedAt: "2026-01-01T00:00:00.000Z", from: 0, load: 1 }
  ]
  for (let i = 1; i <= samples; i++) {
    const at = { elapsed: i * plan.sampleMs, part: 1 }
    const share = i / samples
    const sent = Math.round(plan.jobs * share)
    for (const role of ["worker", "producer"] as const) {
      const grown = role === "worker" ? share : 0
      lines.push({
        type: "process",
        ...at,
        role,
        pid: role === "worker" ? 1 : 2,
        heap: 30e6 * (1 + (planted.leak ?? 0) * grown + 0.01 * (random.next() - 0.5)),
        external: 1e6,
        rss: 150e6,
        resources: 10,
        descriptors: 30 + Math.round((planted.handles ?? 0) * grown),
        cpuMs: i * 100,
        ...(role === "worker" && { started: Math.round(plan.jobs / samples) })
      })
    }
    lines.push({ type: "produced", ...at, sent, acknowledged: sent, low: sent, done: i === samples })
    lines.push({
      type: "store",
      ...at,
      fileBytes: 10e6 * (1 + (planted.store ?? 0) * share),
      walBytes: 4e6,
      live: 0,
      finished: 5000,
      arrivals: sent,
      completed: sent - 2,
      dead: 2,
      starts: sent,
      recovered: 0
    })
  }
  return [...lines, { type: "end", elapsed: samples * plan.sampleMs, part: 1, load: 1 }]
}

const report = (planted: Planted) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const ledger = Array.from({ length: plan.jobs - (planted.lost ?? 0) }, (_, index) =>
      index % 10_000 === 9999
        ? [1, 2, 3, 4].map((attempt) => `1 ${index} ${attempt} failed\n`).join("")
        : `1 ${index} 1 ok\n`
    )
    writeFileSync(files(folder).ledger, ledger.join(""))
    return yield* resultOf(folder, plan, run(planted))
  })

const outcome = (result: SoakResult, criterion: RegExp) =>
  result.verdicts.find((verdict) => criterion.test(verdict.criterion))?.outcome

describe("the report of a soak", () => {
  it.effect("meets every criterion when nothing grows and nothing is lost", () =>
    Effect.gen(function* () {
      const result = yield* report({})
      assert.deepStrictEqual(
        result.verdicts.filter(({ outcome }) => outcome !== "met"),
        []
      )
      assert.strictEqual(result.verdicts.length, 11)
    })
  )

  it.effect("names a heap that grows by four percent, and not one that grows by half a percent", () =>
    Effect.gen(function* () {
      const leaking = yield* report({ leak: 0.04 })
      assert.strictEqual(outcome(leaking, /worker: heap/), "missed")
      assert.strictEqual(outcome(leaking, /worker: upper end/), "missed")
      assert.strictEqual(outcome(leaking, /producer: upper end/), "met")
      const steady = yield* report({ leak: 0.005 })
      assert.strictEqual(outcome(steady, /worker: heap/), "met")
      assert.strictEqual(outcome(steady, /worker: upper end/), "met")
    })
  )

  it.effect("names handles that are not given back, a store that grows, and jobs that are lost", () =>
    Effect.gen(function* () {
      assert.strictEqual(outcome(yield* report({ handles: 10 }), /worker: handles/), "missed")
      assert.strictEqual(outcome(yield* report({ store: 0.5 }), /store bounded/), "missed")
      const lossy = yield* report({ lost: 1 })
      assert.strictEqual(outcome(lossy, /no job lost/), "missed")
      assert.strictEqual(lossy.ledger.lost, 1)
    })
  )

  it.effect("answers what its schema says, and a page with a plot for every panel and no script", () =>
    Effect.gen(function* () {
      const result = yield* report({})
      yield* Schema.encodeEffect(SoakResult)(result)
      const html = page(result)
      assert.strictEqual(html.match(/<figure>/g)?.length, result.panels.length)
      assert.notMatch(html, /<script|NaN|undefined|Infinity/)
      assert.notMatch(SoakText.lines(result).join("\n"), /NaN|undefined|Infinity/)
    })
  )
})

describe("the samples of a soak", () => {
  it.effect("are read back as written, without a last line that was cut off", () =>
    Effect.gen(function* () {
      const { samples } = files(yield* temporaryFolder)
      const lines = run({}).slice(0, 5)
      for (const line of lines) append(samples, line)
      assert.deepStrictEqual(yield* read(samples), lines)
      writeFileSync(samples, '{"type":"par', { flag: "a" })
      assert.deepStrictEqual(yield* read(samples), lines)
    })
  )

  it.effect("are refused when a line within is damaged, with its place", () =>
    Effect.gen(function* () {
      const { samples } = files(yield* temporaryFolder)
      writeFileSync(samples, '{"type":"par\n')
      append(samples, run({})[0]!)
      const { message } = yield* Effect.flip(read(samples))
      assert.match(message, /samples.ndjson:1 is not a line/)
    })
  )
})
