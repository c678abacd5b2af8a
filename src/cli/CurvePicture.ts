/** A batch task's cost per job by size: a bar per size that was called, the fit beside it, the best size marked. */
import { BatchSize, type BatchCurve } from "../services/Queue/index.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"
import * as Sanitize from "./terminal/Sanitize.ts"
import type { Style } from "./terminal/Style.ts"

const width = 40

const bar = (share: number): string => "█".repeat(Math.max(1, Math.round(share * width)))

const ms = (value: number): string => `${value.toPrecision(3)} ms`

/** The nearest of the sizes seen, by ratio: what the mark stands beside. */
const nearest = (curve: BatchCurve): number | undefined => {
  const distance = (size: number) => Math.abs(Math.log(size / curve.best))
  return curve.seen.reduce<number | undefined>(
    (best, { size }) => (best === undefined || distance(size) < distance(best) ? size : best),
    undefined
  )
}

export const curvePicture = (curve: BatchCurve, style: Style): ReadonlyArray<string> => {
  const most = Math.max(...curve.seen.map(({ ms: total, size }) => total / size))
  const marked = nearest(curve)
  const rows = curve.seen.map(({ calls, ms: total, size }) => {
    const cost = total / size
    const text = [
      String(Math.round(size)).padStart(5),
      ms(cost).padStart(10),
      bar(cost / most).padEnd(width),
      `fit ${ms(BatchSize.costOf(curve, size) / size)}`.padEnd(14),
      `${HumanNumber.count(calls)} ${calls === 1 ? "call" : "calls"}`
    ].join("  ")
    return size === marked ? style.good(`${text}  ← best: ${curve.best}`) : text
  })
  const limit = curve.latencyMs === undefined ? "" : `, calls within ${ms(curve.latencyMs)}`
  return [
    style.bold(
      `${Sanitize.line(curve.task)}: batches of ${curve.best} cost least per job (at most ${curve.maxBatchSize}${limit})`
    ),
    `a call for n jobs takes about ${ms(curve.fixedMs)} + ${ms(curve.itemMs)} n + ${ms(curve.growthMs)} n²`,
    " size   cost of one job",
    ...rows
  ]
}
