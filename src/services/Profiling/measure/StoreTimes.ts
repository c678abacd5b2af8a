/** The store's turns of a period. */
import type { Histogram } from "../../Queue/policy/Histogram.ts"
import type { ProfilerReading } from "../ProfilerReading.ts"
import type { StoreMeter } from "../../Store/StoreMeter.ts"
import { between } from "./TaskCell.ts"

export interface StoreMark {
  readonly turns: Histogram
  readonly busyMs: number
}

export const markOf = (meter: StoreMeter["Service"]): StoreMark => ({
  turns: meter.turns.snapshot(),
  busyMs: meter.busyMs()
})

export const readingOf = (from: StoreMark, to: StoreMark, wallMs: number): ProfilerReading["store"] => ({
  turns: between(from.turns, to.turns),
  share: wallMs <= 0 ? 0 : Math.min(1, (to.busyMs - from.busyMs) / wallMs)
})
