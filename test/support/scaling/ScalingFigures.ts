/** The figures of runs as JSON, and their curves as a page that stands alone. */
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { plot } from "../../../src/cli/soak/Plot.ts"
import type { ScalingResult } from "./ScalingRun.ts"

const style =
  "body{font:14px system-ui;margin:2em auto;max-width:44em}svg{width:100%}polyline{fill:none;stroke-width:1.5}.c0{stroke:#2563eb;background:#2563eb}.c1{stroke:#d97706;background:#d97706}.c2{stroke:#059669;background:#059669}.legend i{display:inline-block;width:1em;height:3px;margin:0 .4em 2px 1em}.grid{stroke:#8884}text{font-size:11px;fill:#888}"

/** The day is drawn as 24 hours. */
const panelOf = (
  title: string,
  unit: string,
  results: ReadonlyArray<ScalingResult>,
  value: (sample: ScalingResult["samples"][number]) => number
) =>
  plot(
    {
      title,
      unit,
      series: results.map(({ samples, variant }) => ({
        name: variant,
        points: samples.map((sample) => [24 * sample.part, value(sample)] as const)
      }))
    },
    24,
    []
  )

export const writeFigures = (folder: string, dayMs: number, results: ReadonlyArray<ScalingResult>): void => {
  mkdirSync(folder, { recursive: true })
  const figures = results.map(({ decisions, samples, ...figures }) => ({ ...figures, decisions: decisions.length }))
  writeFileSync(path.join(folder, "scaling.json"), `${JSON.stringify({ dayMs, results: figures }, undefined, 2)}\n`)
  const panels = [
    panelOf("Slots", "slots", results, ({ slots }) => slots),
    panelOf("Running", "jobs", results, ({ running }) => running),
    panelOf("Waiting", "jobs", results, ({ pending }) => pending)
  ]
  writeFileSync(
    path.join(folder, "scaling.html"),
    `<!doctype html><meta charset="utf-8"><title>Scaling</title><style>${style}</style><h1>A day of load in ${Math.round(dayMs / 1000)} s</h1>${panels.join("")}`
  )
}
