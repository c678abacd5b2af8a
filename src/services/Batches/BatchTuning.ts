/**
 * What this process has seen of its batches: for each task the calls by size with what they took, the curve fitted to
 * them, and the size to ask for next. The worker tells of each call, and sends the curves along with its heartbeat, so
 * that every process that opens the store sees them while the worker lives. In memory: a new worker learns anew, within
 * some 30 calls.
 */
import { Context, Layer } from "effect"
import * as BatchSize from "./policy/BatchSize.ts"
import type { BatchCurve } from "../Store/WorkerRecord.ts"

/** What is to be tuned. */
export interface TunedBatch {
  /** The task, or what stands for closures of a group. */
  readonly task: string
  readonly group: string
  readonly maxBatchSize: number
  readonly latencyMs: number | undefined
}

export class BatchTuning extends Context.Service<
  BatchTuning,
  {
    /** A call for `size` items took `ms`. A few microseconds. */
    readonly measured: (batch: TunedBatch, size: number, ms: number) => void
    /** A call failed as a whole, and its items ran again apart. */
    readonly split: (batch: TunedBatch) => void
    /** The size to call with next, tries included. */
    readonly next: (batch: TunedBatch) => number
    readonly curves: () => ReadonlyArray<BatchCurve>
  }
>()("sluice/services/Batches/BatchTuning") {}

/** Mean of the calls of one size, each counting less with every later one of that size. */
interface Bin {
  calls: number
  size: number
  ms: number
}

/** What a call still counts after one more of its bin. */
const kept = 0.8
/** Bins per doubling of the size. */
const resolution = 2

const binOf = (size: number): number => Math.round(Math.log2(size) * resolution)

class Tuned {
  calls = 0
  items = 0
  splits = 0
  state = BatchSize.initial
  readonly bins = new Map<number, Bin>()
  readonly batch: TunedBatch

  constructor(batch: TunedBatch) {
    this.batch = batch
  }

  get options(): BatchSize.BatchSizeOptions {
    return { max: this.batch.maxBatchSize, latencyMs: this.batch.latencyMs }
  }

  measured(size: number, ms: number): void {
    this.calls++
    this.items += size
    this.state = BatchSize.observe(this.state, { size, ms })
    const at = binOf(size)
    const bin = this.bins.get(at)
    if (bin === undefined) this.bins.set(at, { calls: 1, size, ms })
    else {
      bin.calls++
      bin.size = kept * bin.size + (1 - kept) * size
      bin.ms = kept * bin.ms + (1 - kept) * ms
    }
  }

  get curve(): BatchCurve {
    const { fixedMs, growthMs, itemMs } = BatchSize.model(this.state)
    const { group, latencyMs, maxBatchSize, task } = this.batch
    return {
      task,
      group,
      maxBatchSize,
      latencyMs,
      calls: this.calls,
      items: this.items,
      splits: this.splits,
      best: BatchSize.best(this.state, this.options),
      fixedMs,
      itemMs,
      growthMs,
      seen: [...this.bins.values()].sort((a, b) => a.size - b.size).map(({ calls, ms, size }) => ({ size, calls, ms }))
    }
  }
}

export const layer: Layer.Layer<BatchTuning> = Layer.sync(BatchTuning, () => {
  const tuned = new Map<string, Tuned>()
  const of = (batch: TunedBatch): Tuned => {
    let there = tuned.get(batch.task)
    if (there === undefined) {
      there = new Tuned(batch)
      tuned.set(batch.task, there)
    }
    return there
  }
  return {
    measured: (batch, size, ms) => of(batch).measured(size, ms),
    split: (batch) => {
      of(batch).splits++
    },
    next: (batch) => {
      const { options, state } = of(batch)
      return BatchSize.next(state, options)
    },
    curves: () => [...tuned.values()].map(({ curve }) => curve)
  }
})
