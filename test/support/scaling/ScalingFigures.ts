/** The figures of runs beside each other: as JSON, as a page that stands alone, and as a picture. */
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import type { Line, Picture } from "../../../src/cli/plot/Picture.ts"
import { pictureHtml } from "../../../src/cli/plot/PictureHtml.ts"
import { picturePng } from "../../../src/cli/plot/PicturePng.ts"
import { slotsOfProcess } from "./ScaledTask.ts"
import type { JobWait, ScalingResult } from "./ScalingRun.ts"

export const nameOf = ({ variant }: Pick<ScalingResult, "variant">): string =>
  typeof variant === "number" ? `${variant} processes` : variant

const quantile = (sorted: ReadonlyArray<number>, level: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(level * sorted.length))] ?? 0

/** Milliseconds. `late`: the part that waited longer than the objective. */
const waitsOf = (waits: ReadonlyArray<JobWait>, objectiveMs: number) => {
  const sorted = waits.map(({ waitMs }) => waitMs).sort((a, b) => a - b)
  return {
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    late: sorted.filter((ms) => ms > objectiveMs).length / Math.max(1, sorted.length)
  }
}

export interface Figures {
  readonly dayMs: number
  readonly objectiveMs: number
  readonly startUpMs: number
  /** Of the machine, over the last minute, at the start and at the end. */
  readonly loadAverage: readonly [number, number]
}

/** The part of the day that the spike, and what it left waiting, takes. */
const spikePart = [0.35, 0.42] as const

export const figuresOf = (result: ScalingResult, { dayMs, objectiveMs }: Figures) => {
  const { completed, decisions, doubled, faults, jobs, leaders, repeated, waits, workerSeconds } = result
  const outside = waits.filter(({ at }) => at < spikePart[0] * dayMs || at >= spikePart[1] * dayMs)
  return {
    name: nameOf(result),
    jobs,
    completed,
    waitMs: waitsOf(waits, objectiveMs),
    waitMsWithoutSpike: waitsOf(outside, objectiveMs),
    workerSeconds,
    decisions: decisions.length,
    trusted: decisions.filter(({ distrust }) => distrust === null).length,
    repeated,
    doubled,
    leaders: leaders.length,
    faults
  }
}

const dayShownMs = 86_400_000
const tones = ["forecast", "second", "third", "actual"] as const
const bins = 96

const pictureOf = (results: ReadonlyArray<ScalingResult>, { dayMs, objectiveMs, startUpMs }: Figures): Picture => {
  const shown = (at: number) => (at / dayMs) * dayShownMs
  const width = dayMs / bins
  const binned = ({ waits }: ScalingResult, of: (waits: ReadonlyArray<JobWait>) => number | null): Line["points"] =>
    Array.from({ length: bins }, (_, i) => {
      const within = waits.filter(({ at }) => at >= i * width && at < (i + 1) * width)
      return [shown(i * width), of(within)] as const
    })
  const lines = (steps: boolean, points: (result: ScalingResult) => Line["points"]) =>
    results.map((result, i): Line => ({ name: nameOf(result), tone: tones[i]!, steps, points: points(result) }))
  const seconds = (ms: number) => Math.round(ms / 100) / 10
  return {
    title: "A worker fleet through a day of load",
    notes: [
      `A day in ${Math.round(dayMs / 1000)} s. A process has ${slotsOfProcess} slots and takes ${seconds(startUpMs)} s to be ready; a job may wait ${seconds(objectiveMs)} s.`
    ],
    from: 0,
    to: dayShownMs,
    timeZone: "UTC",
    panels: [
      {
        title: "Arrivals",
        unit: "jobs per second",
        bands: [],
        lines: [
          {
            name: "arrived",
            tone: "actual",
            steps: true,
            points: binned(results[0]!, (waits) => waits.length / (width / 1000))
          }
        ]
      },
      {
        title: "Worker processes",
        unit: "from their start to their end",
        bands: [],
        lines: lines(true, ({ samples }) =>
          samples.filter(({ at }) => at >= 0 && at <= dayMs).map(({ at, processes }) => [shown(at), processes] as const)
        )
      },
      {
        title: "Wait, 95th percentile",
        unit: "seconds",
        bands: [],
        lines: lines(false, (result) =>
          binned(result, (waits) => (waits.length === 0 ? null : waitsOf(waits, objectiveMs).p95 / 1000))
        )
      }
    ]
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

export const columns = [
  "",
  "jobs",
  "p50",
  "p95",
  "p99",
  "late",
  "late but for the spike",
  "worker-seconds",
  "decisions"
]

export const rowOf = (result: ScalingResult, figures: Figures): ReadonlyArray<string> => {
  const { decisions, jobs, name, waitMs, waitMsWithoutSpike, workerSeconds } = figuresOf(result, figures)
  return [
    name,
    String(jobs),
    inSeconds(waitMs.p50),
    inSeconds(waitMs.p95),
    inSeconds(waitMs.p99),
    percent(waitMs.late),
    percent(waitMsWithoutSpike.late),
    String(workerSeconds),
    String(decisions)
  ]
}

/** `comparison`: runs of one day beside each other, drawn. `others` are told in the JSON only. */
export const writeFigures = async (
  folder: string,
  comparison: ReadonlyArray<ScalingResult>,
  others: ReadonlyArray<ScalingResult>,
  figures: Figures
): Promise<void> => {
  mkdirSync(folder, { recursive: true })
  const all = (results: ReadonlyArray<ScalingResult>) => results.map((result) => figuresOf(result, figures))
  writeFileSync(
    path.join(folder, "scaling.json"),
    `${JSON.stringify({ ...figures, comparison: all(comparison), others: all(others) }, undefined, 2)}\n`
  )
  const picture = pictureOf(comparison, figures)
  const table = { title: "In figures", columns, rows: comparison.map((result) => rowOf(result, figures)) }
  writeFileSync(path.join(folder, "scaling.html"), pictureHtml(picture, [table]))
  writeFileSync(path.join(folder, "scaling.png"), await picturePng(picture))
}
