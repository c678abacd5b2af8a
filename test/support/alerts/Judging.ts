/** How well the detectors find planted incidents, and how often they cry for nothing. */
import { CountAnomaly } from "../../../src/services/Alerts/policy/CountAnomaly.ts"
import { LatencyAnomaly } from "../../../src/services/Alerts/policy/LatencyAnomaly.ts"
import { ShareAnomaly } from "../../../src/services/Alerts/policy/ShareAnomaly.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { type IncidentKind, type PlantedSeries, plantedSeries, type SeriesOptions, stepMs } from "./PlantedSeries.ts"

export type Signal = "arrivals" | "failures" | "latency"

/** From one signal's alarm to its end. */
export interface Episode {
  readonly signal: Signal
  readonly from: number
  readonly to: number
}

/** The alarms of all three detectors over a series, step by step as they would have come. */
export const episodes = (series: PlantedSeries): ReadonlyArray<Episode> => {
  const counts = new CountAnomaly()
  const shares = new ShareAnomaly()
  const latencies = new LatencyAnomaly(10)
  const open = new Map<Signal, number>()
  const found: Array<Episode> = []
  const note = (signal: Signal, i: number, isAlarm: boolean) => {
    const from = open.get(signal)
    if (isAlarm && from === undefined) open.set(signal, i)
    else if (!isAlarm && from !== undefined) {
      found.push({ signal, from, to: i })
      open.delete(signal)
    }
  }
  series.steps.forEach(({ arrivals, at, attempts, failed, runMs }, i) => {
    const middle = at + stepMs / 2
    const { direction } = counts.step(middle, arrivals)
    note("arrivals", i, direction === "above" || direction === "below")
    note("failures", i, shares.step(attempts, failed).alarm)
    note("latency", i, latencies.step(middle, runMs, attempts).alarm)
  })
  for (const [signal, from] of open) found.push({ signal, from, to: series.steps.length })
  return found
}

/** An alarm this long after an incident's end is still its echo, in steps: a quarter of an hour. */
const echo = 3

export interface Verdict {
  readonly perStep: number
  readonly dispersion: number
  readonly seriesWeeks: number
  readonly planted: number
  readonly found: number
  readonly alarms: number
  readonly trueAlarms: number
  readonly precision: number
  readonly recall: number
  /** Alarms without an incident, per series and week. */
  readonly falsePerWeek: number
  readonly falseBySignal: Readonly<Record<Signal, number>>
  readonly byKind: ReadonlyMap<
    IncidentKind,
    { readonly planted: number; readonly found: number; readonly medianSteps: number }
  >
}

/** Whose alarm an incident must raise. Another signal's alarm at that time is a false one. */
const signalOf: Readonly<Record<IncidentKind, Signal>> = {
  drop: "arrivals",
  surge: "arrivals",
  "shifted day": "arrivals",
  "slow growth": "latency",
  "failure burst": "failures"
}

/** Series of one rate and dispersion, all with the same options: so many, of seeds that begin with the first. */
export const judge = (firstSeed: number, count: number, options: SeriesOptions): Verdict => {
  const byKind = new Map<IncidentKind, { planted: number; delays: Array<number> }>()
  const falseBySignal = { arrivals: 0, failures: 0, latency: 0 }
  let [planted, found, alarms, trueAlarms] = [0, 0, 0, 0]
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const series = plantedSeries(new SeededRandom(seed * 7919 + Math.round(options.perStep)), options)
    const all = episodes(series)
    const touches = (episode: Episode) =>
      series.incidents.some(
        ({ from, kind, to }) => signalOf[kind] === episode.signal && episode.from < to + echo && episode.to > from
      )
    alarms += all.length
    trueAlarms += all.filter(touches).length
    for (const episode of all) if (!touches(episode)) falseBySignal[episode.signal]++
    for (const { from, kind, to } of series.incidents) {
      const first = all.find(({ from: at, signal }) => signal === signalOf[kind] && at >= from && at < to + echo)
      const of = byKind.get(kind) ?? { planted: 0, delays: [] }
      byKind.set(kind, of)
      of.planted++
      planted++
      if (first !== undefined) {
        of.delays.push(first.from - from)
        found++
      }
    }
  }
  const seriesWeeks = count * options.weeks
  return {
    perStep: options.perStep,
    dispersion: options.dispersion,
    seriesWeeks,
    planted,
    found,
    alarms,
    trueAlarms,
    precision: alarms === 0 ? 1 : trueAlarms / alarms,
    recall: planted === 0 ? 1 : found / planted,
    falsePerWeek: (alarms - trueAlarms) / seriesWeeks,
    falseBySignal,
    byKind: new Map(
      [...byKind].map(([kind, { delays, planted }]) => [
        kind,
        {
          planted,
          found: delays.length,
          medianSteps: delays.sort((a, b) => a - b)[Math.floor(delays.length / 2)] ?? Number.NaN
        }
      ])
    )
  }
}
