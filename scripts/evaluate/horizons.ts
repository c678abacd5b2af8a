// How right forecasts are over hours, days and a week: sums to plan with, beside the mean of the same hours before.
//
// node scripts/evaluate/horizons.ts [--seeds 1,2] [--step 300] [--only bell,sine] [--trace file.csv or folder]
// [--origins 60] [--module Forecasting.ts]
//
// Loads are made from seeds (loads.ts), or read from a trace of `time,count`, whose last 30 % are forecast. For each
// load and horizon, in percent: bias of the sum of expectations (Σ said ÷ Σ came − 1) and its error (Σ |said − came| ÷
// Σ came), each beside that of the mean of the same time of day over all days before; how many sums lay within their 90
// % interval; error of single steps, and how many lay within theirs. `<` marks an error above that mean's by more than
// 2 %. `--module` judges another version of the forecaster by the same loads.

import { readdirSync, readFileSync, statSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { pathToFileURL } from "node:url"
import { type Load, loadsOf } from "./loads.ts"

const { values: args } = parseArgs({
  options: {
    seeds: { type: "string", default: "1" },
    step: { type: "string", default: "300" },
    only: { type: "string" },
    trace: { type: "string" },
    origins: { type: "string", default: "60" },
    module: { type: "string", default: "src/services/Scaling/policy/forecast/Forecasting.ts" }
  }
})

type Forecasting = typeof import("../../src/services/Scaling/policy/forecast/Forecasting.ts")
const { make } = (await import(pathToFileURL(resolve(args.module)).href)) as Forecasting

const traceOf = (path: string): Load => {
  const rows = readFileSync(path, "utf8").trim().split("\n").slice(1)
  const cells = rows.map((line) => line.split(","))
  const time = (row: number) => Date.parse(cells[row]![0]!)
  const counts = cells.map(([, count]) => (count === undefined || count === "" ? undefined : Number(count)))
  const stepSeconds = (time(1) - time(0)) / 1000
  return { name: basename(path, ".csv"), stepSeconds, counts, from: Math.floor(0.7 * counts.length) }
}

const tracesOf = (path: string): ReadonlyArray<Load> =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".csv"))
        .map((name) => traceOf(join(path, name)))
    : [traceOf(path)]

/** Origins spread over the scored part, at all times of day. */
const originsOf = (from: number, to: number, n: number): ReadonlySet<number> =>
  new Set(Array.from({ length: n }, (_, i) => Math.floor(from + ((to - from) * (i + ((i * 0.618) % 1))) / n)))

class Scores {
  readonly steps: number
  private origins = 0
  private came = 0
  private said = 0
  private off = 0
  private usual = 0
  private usualOff = 0
  private within = 0
  private stepsOff = 0
  private stepsWithin = 0
  private scored = 0

  constructor(steps: number) {
    this.steps = steps
  }

  step(came: number, { mean, p05, p95 }: { readonly mean: number; readonly p05: number; readonly p95: number }): void {
    this.scored++
    this.stepsOff += Math.abs(came - mean)
    if (came >= Math.floor(p05) && came <= Math.ceil(p95)) this.stepsWithin++
  }

  sum(came: number, said: number, usual: number, interval: { readonly p05: number; readonly p95: number } | undefined) {
    this.origins++
    this.came += came
    this.said += said
    this.off += Math.abs(came - said)
    this.usual += usual
    this.usualOff += Math.abs(came - usual)
    if (interval !== undefined && came >= Math.floor(interval.p05) && came <= Math.ceil(interval.p95)) this.within++
  }

  get figures() {
    const of = (error: number) => error / this.came
    return {
      bias: of(this.said) - 1,
      usualBias: of(this.usual) - 1,
      error: of(this.off),
      usualError: of(this.usualOff),
      within: this.within / this.origins,
      stepsError: of(this.stepsOff),
      stepsWithin: this.stepsWithin / this.scored
    }
  }
}

const run = ({ counts, from, offsetSeconds, stepSeconds }: Load): ReadonlyArray<Scores> => {
  const hours = stepSeconds >= 3600 ? [24, 72, 168] : [1, 4, 12, 24]
  const scores = hours.map((each) => new Scores((each * 3600) / stepSeconds))
  const horizon = scores.at(-1)!.steps
  const day = Math.round(86_400 / stepSeconds)
  const forecaster = make({ stepSeconds, horizon, ...(offsetSeconds === undefined ? {} : { offsetSeconds }) })
  const origins = originsOf(from, counts.length - horizon, Number(args.origins))
  const usual = Array.from({ length: day }, () => ({ sum: 0, n: 0 }))
  counts.forEach((count, origin) => {
    if (origins.has(origin)) {
      const said = forecaster.forecast(horizon)
      for (const each of scores) {
        let [came, sum, usually, n] = [0, 0, 0, 0]
        said.slice(0, each.steps).forEach((step, i) => {
          const count = counts[origin + i]
          if (count === undefined) return
          const slot = usual[(origin + i) % day]!
          came += count
          sum += step.expected
          usually += slot.sum / Math.max(1, slot.n)
          n++
          each.step(count, step)
        })
        // Versions before sums had intervals know none.
        each.sum(came, sum, usually, n === 0 ? undefined : forecaster.within?.(n, sum))
      }
    }
    forecaster.update(count)
    if (count === undefined) return
    const slot = usual[origin % day]!
    slot.sum += count
    slot.n++
  })
  return scores
}

const loads =
  args.trace === undefined
    ? args.seeds.split(",").flatMap((seed) => loadsOf(Number(seed), Number(args.step), args.only?.split(",")))
    : tracesOf(args.trace)
const columns = ["bias", "(usual)", "error", "(usual)", "within", "steps: error", "within"]
console.log(`${"load".padEnd(32)}hours${columns.map((column) => column.padStart(13)).join("")}`)
for (const load of loads) {
  for (const { figures, steps } of run(load)) {
    const hours = String((steps * load.stepSeconds) / 3600).padStart(3)
    const row = Object.values(figures).map((share) => (100 * share).toFixed(1).padStart(13))
    console.log(
      `${load.name.padEnd(32)}  ${hours}${row.join("")}${figures.error > 1.02 * figures.usualError ? " <" : ""}`
    )
  }
}
