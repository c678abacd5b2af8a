// How right forecasts are over hours, days and a week: sums to plan with, beside the mean of the same hours before.
//
//   node scripts/evaluate/horizons.ts [--seeds 1,2] [--step 300] [--only bell,sine] [--trace file.csv or folder] [--module forecaster.ts] [--json out.json]
//
// Per load and horizon: bias of the sum of expectations (Σ said ÷ Σ came - 1), its error (Σ|said - came| ÷ Σ came), the same of the mean of that
// time of day over all days before, the part of sums within the 90 % interval, accuracy of single steps and the part of steps in theirs.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
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
    module: { type: "string", default: "src/services/Queue/policy/forecast/Forecasting.ts" },
    json: { type: "string" }
  }
})

type Forecasting = typeof import("../../src/services/Queue/policy/forecast/Forecasting.ts")
const { make } = (await import(pathToFileURL(resolve(args.module)).href)) as Forecasting

const horizonsOf = (stepSeconds: number): ReadonlyArray<number> =>
  (stepSeconds >= 3600 ? [24, 72, 168] : [1, 4, 12, 24].map((hours) => (hours * 3600) / stepSeconds))

const traceOf = (path: string): Load => {
  const rows = readFileSync(path, "utf8").trim().split("\n").slice(1).map((line) => line.split(","))
  const stepSeconds = (Date.parse(rows[1]![0]!) - Date.parse(rows[0]![0]!)) / 1000
  const counts = rows.map(([, count]) => (count === undefined || count === "" ? undefined : Number(count)))
  return { name: path.split("/").at(-1)!.slice(0, 24), stepSeconds, counts, from: Math.floor(0.7 * counts.length) }
}

const tracesOf = (path: string): ReadonlyArray<Load> =>
  (statSync(path).isDirectory() ? readdirSync(path).filter((name) => name.endsWith(".csv")).map((name) => join(path, name)) : [path]).map(traceOf)

interface Sums {
  origins: number
  came: number
  said: number
  off: number
  usual: number
  usualOff: number
  within: number
  meanOff: number
  steps: number
  stepsOff: number
  stepsWithin: number
}

const run = (load: Load) => {
  const { counts, from, stepSeconds } = load
  const horizons = horizonsOf(stepSeconds)
  const most = horizons.at(-1)!
  const day = Math.round(86_400 / stepSeconds)
  const horizon = most
  const forecaster = make({ stepSeconds, horizon, ...(load.offsetSeconds && { offsetSeconds: load.offsetSeconds }) })
  const origins = new Set<number>()
  const n = Number(args.origins)
  const last = counts.length - most
  for (let i = 0; i < n; i++) origins.add(Math.floor(from + ((last - from) * ((i + ((i * 0.618) % 1)) / n))))
  const usual = Array.from({ length: day }, () => ({ sum: 0, n: 0 }))
  const all = horizons.map((): Sums => ({ origins: 0, came: 0, said: 0, off: 0, usual: 0, usualOff: 0, within: 0, meanOff: 0, steps: 0, stepsOff: 0, stepsWithin: 0 }))
  let forecasts = 0
  let cpu = 0
  for (let t = 0; t < counts.length; t++) {
    if (origins.has(t) && t <= last) {
      const before = process.cpuUsage()
      const said = forecaster.forecast(most)
      const { system, user } = process.cpuUsage(before)
      cpu += (system + user) / 1000
      forecasts++
      let [came, sum, mean, usually] = [0, 0, 0, 0]
      let k = 0
      for (let i = 0; i < most; i++) {
        const count = counts[t + i]
        const step = said[i]!
        if (count !== undefined) {
          came += count
          sum += step.expected
          mean += step.mean
          const slot = usual[(t + i) % day]!
          usually += slot.n === 0 ? 0 : slot.sum / slot.n
          const each = all[k]!
          each.steps++
          each.stepsOff += Math.abs(count - step.mean)
          if (count >= Math.floor(step.p05) && count <= Math.ceil(step.p95)) each.stepsWithin++
        }
        if (i + 1 === horizons[k]) {
          const each = all[k]!
          each.origins++
          each.came += came
          each.said += sum
          each.off += Math.abs(sum - came)
          each.meanOff += Math.abs(mean - came)
          each.usual += usually
          each.usualOff += Math.abs(usually - came)
          const interval = forecaster.within?.(horizons[k]!, sum)
          if (interval !== undefined && came >= Math.floor(interval.p05) && came <= Math.ceil(interval.p95)) each.within++
          k++
        }
      }
    }
    const count = counts[t]
    if (count !== undefined) {
      const slot = usual[t % day]!
      slot.sum += count
      slot.n++
    }
    forecaster.update(count)
  }
  return { name: load.name, horizons: horizons.map((steps, k) => ({ hours: (steps * stepSeconds) / 3600, ...all[k]! })), cpu: cpu / Math.max(1, forecasts) }
}

const percent = (share: number) => (100 * share).toFixed(1).padStart(7)
const loads = args.trace !== undefined ? tracesOf(args.trace) : args.seeds.split(",").flatMap((seed) => loadsOf(Number(seed), Number(args.step), args.only?.split(",")))
const totals = new Map<number, Array<ReadonlyArray<number>>>()
const results: Array<unknown> = []
console.log("load".padEnd(30) + "hours    bias  (usual)   error  (usual)  within90  | steps: error within90")
for (const load of loads) {
  const result = run(load)
  results.push(result)
  for (const each of result.horizons) {
    const { came } = each
    const row = [each.said / came - 1, each.usual / came - 1, each.off / came, each.usualOff / came, each.within / each.origins]
    const of = totals.get(each.hours) ?? []
    totals.set(each.hours, of)
    const worse = each.off > 1.02 * each.usualOff ? " <" : ""
    const biased = Math.abs(each.said - came) > Math.max(0.03 * came, Math.abs(each.usual - came)) ? " b" : ""
    of.push([...row, Math.abs(row[0]!), Math.abs(row[1]!), Math.min(2, each.off / Math.max(1e-9, each.usualOff)), each.steps])
    console.log(load.name.padEnd(30) + String(each.hours).padStart(5) + row.map(percent).join("  ") + "   |" + percent(each.stepsOff / all(each)) + percent(each.stepsWithin / each.steps) + worse + biased)
  }
}
function all(each: { came: number; steps: number; stepsOff: number }) { return each.came }
for (const [hours, rows] of totals) {
  const mean = (i: number) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length
  console.log(`MEAN ${String(hours).padStart(3)} h: |bias| ${percent(mean(5))} (usual ${percent(mean(6))})  error ${percent(mean(2))} (usual ${percent(mean(3))})  ratio of errors ${mean(7).toFixed(3)}  within ${percent(mean(4))}`)
}
if (args.json !== undefined) writeFileSync(args.json, JSON.stringify(results, null, 1))
