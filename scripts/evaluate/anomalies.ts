// How well the alerts find incidents, and how often they cry for nothing.
//
//   node scripts/evaluate/anomalies.ts [SERIES] [FIRST-SEED]        (default 8 series a row, seeds from 101)
//
// Makes series from seeds (curves of day and week, wandering levels, overdispersed counts, lone outliers;
// test/support/alerts), plants incidents in them, and runs the detectors as they ship. A row is a rate of arrivals and
// a dispersion; `clean` are the same series without incidents. An incident is found when the alarm of its own signal
// begins within it. The detectors were tuned on seeds 1 to 8.

import { judge, type Verdict } from "../../test/support/alerts/Judging.ts"

const count = Number(process.argv[2] ?? 8)
const firstSeed = Number(process.argv[3] ?? 101)
const weeks = 8
const quietWeeks = 2

const cell = (text: string | number, width: number) => String(text).padStart(width)
const minutes = (steps: number) => (Number.isNaN(steps) ? "–" : `${(steps + 1) * 5} min`)

console.log(
  "jobs/5 min  dispersion  incidents  precision  recall  false/week  clean false/week (arrivals, failures, latency)"
)
const verdicts: Array<Verdict> = []
let clean = { alarms: 0, weeks: 0 }
for (const perStep of [3, 30, 300, 3000]) {
  for (const dispersion of [0.02, 0.15]) {
    const verdict = judge(firstSeed, count, { weeks, quietWeeks, perStep, dispersion, incidents: true })
    const calm = judge(firstSeed, count, { weeks, quietWeeks, perStep, dispersion, incidents: false })
    verdicts.push(verdict)
    clean = { alarms: clean.alarms + calm.alarms, weeks: clean.weeks + calm.seriesWeeks }
    const { arrivals, failures, latency } = calm.falseBySignal
    console.log(
      cell(perStep, 10),
      cell(dispersion, 11),
      cell(verdict.planted, 10),
      cell(verdict.precision.toFixed(3), 10),
      cell(verdict.recall.toFixed(3), 7),
      cell(verdict.falsePerWeek.toFixed(3), 11),
      cell(calm.falsePerWeek.toFixed(3), 17),
      ` (${arrivals}, ${failures}, ${latency} in ${calm.seriesWeeks} weeks)`
    )
  }
}
const total = (of: (verdict: Verdict) => number) => verdicts.reduce((sum, verdict) => sum + of(verdict), 0)
const precision = total(({ trueAlarms }) => trueAlarms) / total(({ alarms }) => alarms)
const recall = total(({ found }) => found) / total(({ planted }) => planted)
console.log(
  `all: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}, clean noise ${clean.alarms} false alarms in ${clean.weeks} series-weeks (${(clean.alarms / clean.weeks).toFixed(3)} a week)`
)
console.log("\nincident       found        median time to the alarm, by jobs/5 min")
for (const kind of ["drop", "surge", "slow growth", "failure burst", "shifted day"] as const) {
  const of = verdicts.map(({ byKind }) => byKind.get(kind)!)
  const sum = (part: "planted" | "found") => of.reduce((all, each) => all + each[part], 0)
  const times = verdicts
    .filter((_, i) => i % 2 === 0)
    .map((verdict) => `${verdict.perStep}: ${minutes(verdict.byKind.get(kind)!.medianSteps)}`)
  console.log(kind.padEnd(14), `${sum("found")} of ${sum("planted")}`.padEnd(12), times.join(", "))
}
