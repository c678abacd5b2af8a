/** Makes the tasks of streams: their jobs carry chunks, their handlers see items. */
import { Effect, Schema, Stream } from "effect"
import { ChunkInput, ChunkOutput } from "../StreamChunk.ts"
import type { StreamTask, StreamTaskContext } from "../../Queue/StreamProcessor.ts"
import * as Task from "../../Queue/Task.ts"
import { makeChunkReader } from "./ChunkItems.ts"
import { makeChunkPlaces } from "./ChunkPlaces.ts"
import { type ChunkResults, makeChunkResults } from "./ChunkResults.ts"
import type { FileError } from "./StreamFiles.ts"

export type { StreamTask } from "../../Queue/StreamProcessor.ts"

export interface StreamTaskOptions<A, O, E>
  extends Omit<
    Task.TaskOptions<ChunkInput, ChunkOutput, E, unknown>,
    "payload" | "success" | "progress" | "idempotencyKey" | "unique" | "expiresIn"
  > {
  /** What the source holds. */
  readonly item: Schema.Codec<A, any>
  /** What the sink takes. Default: any JSON value. */
  readonly output?: Schema.Codec<O, any>
}

/** A job that was stored though its acknowledgement was lost is found by its key for this long, finished or not. */
const keyWindow = "1 day"

/** The job's context beside what is the chunk's; progress, limits and signal stay the job's own. */
const contextOf = (job: Task.JobContext<ChunkOutput, unknown>, { chunk, stream }: ChunkInput): StreamTaskContext => ({
  id: job.id,
  task: job.task,
  group: job.group,
  attempt: job.attempt,
  maxAttempts: job.maxAttempts,
  version: job.version,
  priority: job.priority,
  headers: job.headers,
  progress: (value) => job.progress(value),
  softLimit: Effect.suspend(() => job.softLimit),
  get signal() {
    return job.signal
  },
  snooze: (delay) => job.snooze(delay),
  chunk,
  stream
})

const isIterable = (value: unknown): value is Iterable<never> =>
  typeof value === "object" && value !== null && Symbol.iterator in value

/** Defines the task of a stream's chunks. Throws `InvalidTask` as `Task.make` does. */
export const make = <A, O = unknown, E = never>(
  name: string,
  { item, output: declared, ...options }: StreamTaskOptions<A, O, E>
): StreamTask<A, O, E> => {
  const output = declared ?? (Schema.Unknown as unknown as Schema.Codec<O, any>)
  const task = Task.make(name, {
    ...options,
    payload: ChunkInput,
    success: ChunkOutput,
    unique: { onConflict: "existing", scope: "store", window: keyWindow }
  })
  return {
    task,
    item,
    output,
    toLayer: (handler) => {
      const readItems = makeChunkReader(item)
      const openResults = makeChunkResults(output)
      const checkPlaces = makeChunkPlaces()
      /** Items and results are this one's alone, so that they are garbage before the results are made durable. */
      const handle = (input: ChunkInput, job: Task.JobContext<ChunkOutput, unknown>, results: ChunkResults<O>) =>
        Effect.flatMap(orDefect(readItems(input)), (items) => {
          results.counted(items.length)
          const answer = handler(items, contextOf(job, input))
          const add = (values: Iterable<O>) => orDefect(results.add(values))
          if (Stream.isStream(answer)) return Stream.runForEachArray(answer, add)
          return Effect.flatMap(answer, (values) => (isIterable(values) ? add(values) : Effect.void))
        })
      return task.toLayer((input, job) =>
        orDefect(checkPlaces(input)).pipe(
          Effect.andThen(openResults(input, job)),
          Effect.flatMap((results) => Effect.andThen(handle(input, job, results), orDefect(results.end))),
          Effect.scoped
        )
      )
    }
  }
}

/** What the system refuses is a defect of the attempt, retried by the task's policy. */
const orDefect = <B, R>(effect: Effect.Effect<B, Task.NonRetryable | FileError, R>) =>
  Effect.catch(effect, (error) => (error instanceof Task.NonRetryable ? Effect.fail(error) : Effect.die(error)))
