/** Samples of heap and resident set over the last minutes, at most one a second: 7 kB at most. */
import type { MemoryTrend } from "../MemoryGate.ts"
import { slope } from "../policy/MemoryPressure.ts"

const spanMostMs = 5 * 60_000
/** A little less than a second, since ticks are early and late. */
const everyMs = 900

interface Sample {
  readonly at: number
  readonly heapBytes: number
  readonly rssBytes: number
}

export class TrendWindow {
  private readonly samples: Array<Sample> = []

  /** Times by one clock, in milliseconds. */
  isDue(at: number): boolean {
    const last = this.samples.at(-1)
    return last === undefined || at - last.at >= everyMs
  }

  add(at: number, heapBytes: number, rssBytes: number): void {
    this.samples.push({ at, heapBytes, rssBytes })
    while (at - this.samples[0]!.at > spanMostMs) this.samples.shift()
  }

  trend(): MemoryTrend {
    const first = this.samples[0]
    const by = (value: (sample: Sample) => number) =>
      slope(this.samples.map((sample) => [(sample.at - first!.at) / 1000, value(sample)] as const))
    return {
      spanMs: first === undefined ? 0 : this.samples.at(-1)!.at - first.at,
      samples: this.samples.length,
      heapBytesPerSecond: by(({ heapBytes }) => heapBytes),
      rssBytesPerSecond: by(({ rssBytes }) => rssBytes)
    }
  }
}
