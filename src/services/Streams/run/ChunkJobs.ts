/** The jobs of a stream's chunks in the store: enqueued once each, awaited, and found again after a crash. */
import { Duration, Effect, Schedule, Schema } from "effect"
import { formatJobId, type JobId, type JobRecord } from "../../Queue/Job.ts"
import { Settings } from "../../Queue/QueueSettings.ts"
import { StoreError } from "../../Store/StoreError.ts"
import { ChunkInput, type ChunkOutput } from "../StreamChunk.ts"
import { InvalidStream, StreamError, type StreamTask } from "../../Queue/StreamProcessor.ts"
import { JobValues } from "../../Queue/codec/JobValues.ts"
import { EnqueueError, JobFailed, JobNotFound, TaskQueue } from "../../Queue/TaskQueue.ts"

/** How the job of a chunk ended. */
export type ChunkEnd =
  | { readonly _tag: "Done"; readonly output: ChunkOutput }
  | { readonly _tag: "Dead"; readonly message: string }

/** A chunk's job that was in the store when the stream was taken up again. */
export interface FoundChunk {
  readonly id: JobId
  readonly state: JobRecord["state"]
  readonly input: ChunkInput
}

/** Jobs of a page when looking for what is there; small, since each may carry the items of its chunk. */
const page = 8

/** A store that does not answer is asked again for about two minutes. */
const patience = Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 120 }))

const isPassing = (error: unknown) =>
  error instanceof StoreError &&
  (error.reason._tag === "StoreUnavailable" || error.reason._tag === "StoreOutcomeUnknown")

export const batchKeyOf = (name: string, run: string) => `stream:${name}:${run}`

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const decodeInput = Schema.decodeUnknownSync(Schema.toCodecJson(ChunkInput))

export const chunkJobs = <A, O, E>(streamTask: StreamTask<A, O, E>, name: string) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const { task } = streamTask
    const { maxPayloadBytes } = yield* Settings

    const refused = (error: EnqueueError) =>
      new StreamError({ reason: new InvalidStream({ message: `A chunk was refused by the store: ${error.message}` }) })

    return {
      /**
       * Stores the job of a chunk. Asked again after a lost answer it finds the job by its key. Waits while the store
       * is overloaded.
       */
      enqueue: (input: ChunkInput): Effect.Effect<JobId, StreamError | StoreError> => {
        const key = batchKeyOf(name, input.run)
        const once: Effect.Effect<JobId, EnqueueError | StoreError> = queue
          .enqueue(task, input, { key: `${key}:${input.chunk}`, batchKey: key })
          .pipe(Effect.map(({ id }) => id))
        const admitted: Effect.Effect<JobId, EnqueueError | StoreError> = Effect.catch(once, (error) =>
          error instanceof EnqueueError && error.reason._tag === "QueueOverloaded"
            ? Effect.andThen(
                Effect.sleep(Duration.millis(error.reason.retryAfterMs)),
                Effect.suspend(() => admitted)
              )
            : Effect.fail(error)
        )
        return admitted.pipe(
          Effect.retry({ schedule: patience, while: isPassing }),
          Effect.mapError((error) => (error instanceof EnqueueError ? refused(error) : error))
        )
      },

      /** Waits for the end of a chunk's job. */
      end: (id: JobId): Effect.Effect<ChunkEnd, StoreError> =>
        queue.job(task, id).await.pipe(
          Effect.retry({ schedule: patience, while: isPassing }),
          Effect.map((output): ChunkEnd => ({ _tag: "Done", output })),
          Effect.catch((error) =>
            error instanceof StoreError
              ? Effect.fail(error)
              : Effect.succeed<ChunkEnd>({
                  _tag: "Dead",
                  message:
                    error instanceof JobFailed || error instanceof JobNotFound
                      ? error.message
                      : `Failed: ${messageOf(error)}`
                })
          )
        ),

      /** The jobs of chunks from `below` on, by chunk. */
      found: (run: string, below: number): Effect.Effect<ReadonlyMap<number, FoundChunk>, StoreError> =>
        Effect.gen(function* () {
          const chunks = new Map<number, FoundChunk>()
          let cursor: JobId | undefined
          for (;;) {
            const { jobs, next } = yield* queue
              .list(
                { batchKey: batchKeyOf(name, run) },
                { limit: page, order: "newest", ...(cursor === undefined ? {} : { cursor }) }
              )
              .pipe(Effect.catchTag("InvalidOption", Effect.die), Effect.provideService(JobValues, "json"))
            for (const { id, payload, state } of jobs) {
              const input = decodeInput(payload)
              if (input.chunk < below) return chunks
              // Positions are all that is needed of it.
              const source = input.source._tag === "InlineItems" ? { ...input.source, values: [] } : input.source
              chunks.set(input.chunk, { id, state, input: { ...input, source } })
            }
            if (next === undefined) return chunks
            cursor = next
          }
        }),

      /** A dead chunk runs again. */
      retry: (id: JobId): Effect.Effect<void, StoreError> =>
        queue.retry(id).pipe(Effect.catchTags({ JobNotFound: () => Effect.void, WrongState: () => Effect.void })),

      /** Takes back what has not ended of a run that is given up. */
      cancel: (run: string): Effect.Effect<void, StoreError> =>
        queue
          .cancelWhere({ batchKey: batchKeyOf(name, run) }, `stream ${name} was started anew`)
          .pipe(Effect.catchTag("InvalidOption", Effect.die), Effect.asVoid),

      /** Of a payload's JSON, what is left for items. */
      maxInlineBytes: maxPayloadBytes - Math.min(envelopeBytes, maxPayloadBytes / 2),
      nameOf: formatJobId
    }
  })

/** What a chunk's payload holds beside its items, with room for long paths. */
const envelopeBytes = 16 * 1024
