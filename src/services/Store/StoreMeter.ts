/** How long the store's turns of this process take. Recorded where the turns are taken; read by the profiler. */
import { Context, Layer } from "effect"
import { Recorder } from "../Queue/policy/Histogram.ts"

export class StoreMeter extends Context.Service<
  StoreMeter,
  {
    /** Microseconds, so that its resolution is a nanosecond. */
    readonly turns: Recorder
    /** Milliseconds of all turns. */
    readonly busyMs: () => number
    /** When the last turn ended, by the monotonic clock in milliseconds. */
    readonly endedAt: () => number
    readonly record: (startedAt: number, endedAt: number) => void
  }
>()("sluice/services/Store/StoreMeter") {}

export const layer: Layer.Layer<StoreMeter> = Layer.sync(StoreMeter, () => {
  const turns = new Recorder()
  let busyMs = 0
  let lastEnd = 0
  return {
    turns,
    busyMs: () => busyMs,
    endedAt: () => lastEnd,
    record: (startedAt, endedAt) => {
      const took = endedAt - startedAt
      turns.record(took * 1000)
      busyMs += took
      lastEnd = endedAt
    }
  }
})
