/**
 * Closures in batches, within the local slots of their group, and what is known of batches here and in the store's
 * workers.
 */
import { Clock, Effect, Exit, Layer } from "effect"
import { BatchProcessor, type QueueTask, type TaskResult } from "./BatchProcessor.ts"
import { defaultSize, largestBatch } from "../Batches/Batch.ts"
import { BatchTuning } from "../Batches/BatchTuning.ts"
import type { BatchCurve } from "../Store/WorkerRecord.ts"
import { defaultPriority } from "./policy/Rank.ts"
import { computation } from "./ResourceGroup.ts"
import { monotonicOf } from "./host/Monotonic.ts"
import { TaskQueue } from "./TaskQueue.ts"

interface Chunk<A, E> {
  readonly group: string
  readonly tasks: Array<QueueTask<A, E>>
  /** Where each stands among all. */
  readonly places: Array<number>
}

/** Tasks of one group together, in their order, `size` at a time. */
const chunksOf = <A, E>(tasks: ReadonlyArray<QueueTask<A, E>>, size: number): ReadonlyArray<Chunk<A, E>> => {
  const open = new Map<string, Chunk<A, E>>()
  const chunks: Array<Chunk<A, E>> = []
  tasks.forEach((task, place) => {
    const group = task.resourceGroup ?? computation.name
    let chunk = open.get(group)
    if (chunk === undefined || chunk.tasks.length >= size) {
      chunk = { group, tasks: [], places: [] }
      open.set(group, chunk)
      chunks.push(chunk)
    }
    chunk.tasks.push(task)
    chunk.places.push(place)
  })
  return chunks
}

const make = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const tuning = yield* BatchTuning
  const monotonic = monotonicOf(yield* Clock.Clock)

  const run = <A, E>({ group, places, tasks }: Chunk<A, E>, results: Array<TaskResult<A, E>>) =>
    queue.submit(
      Effect.suspend(() => {
        const startedAt = monotonic()
        return Effect.forEach(
          tasks,
          ({ effect }, i) =>
            Effect.map(Effect.exit(effect), (exit) => {
              results[places[i]!] = exit
            }),
          { concurrency: "unbounded", discard: true }
        ).pipe(
          Effect.andThen(
            Effect.sync(() =>
              tuning.measured(
                { task: `closures:${group}`, group, maxBatchSize: largestBatch, latencyMs: undefined },
                tasks.length,
                monotonic() - startedAt
              )
            )
          )
        )
      }),
      { resourceGroup: group, priority: Math.min(...tasks.map(({ priority }) => priority ?? defaultPriority)) }
    )

  const curves = Effect.map(queue.workers, (workers) => {
    const seen: Array<BatchCurve> = [...tuning.curves()]
    // This process's own worker tells of the same calls.
    const here = new Set(seen.map(({ task }) => task))
    for (const { load } of workers) seen.push(...(load?.batches ?? []).filter(({ task }) => !here.has(task)))
    return seen
  })

  return BatchProcessor.of({
    batch: <A, E>(tasks: ReadonlyArray<QueueTask<A, E>>, batchSize: number) =>
      Effect.suspend(() => {
        if (!(Number.isInteger(batchSize) && batchSize >= 1))
          return Effect.die(new RangeError(`A batch size of ${batchSize}; expected a whole number of at least 1`))
        const results = new Array<TaskResult<A, E>>(tasks.length).fill(Exit.interrupt())
        return Effect.as(
          Effect.forEach(chunksOf(tasks, batchSize), (chunk) => run(chunk, results), {
            concurrency: "unbounded",
            discard: true
          }),
          results
        )
      }),
    optimizeBatchSize: (resourceGroup) =>
      Effect.map(
        Effect.catch(curves, () => Effect.sync(tuning.curves)),
        (all) => {
          const name = typeof resourceGroup === "string" ? resourceGroup : resourceGroup.name
          const most = all
            .filter(({ group }) => group === name)
            .reduce<BatchCurve | undefined>((a, b) => (a === undefined || b.items > a.items ? b : a), undefined)
          return most?.best ?? defaultSize
        }
      ),
    curves
  })
})

export const layer: Layer.Layer<BatchProcessor, never, TaskQueue | BatchTuning> = Layer.effect(BatchProcessor, make)
