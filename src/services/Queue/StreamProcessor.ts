/**
 * Streams of any length as jobs: the source is cut into chunks, each chunk is a job, its results go to a sink, in
 * bounded memory and resumable.
 *
 * ```ts
 * const Enrich = StreamTask.make("enrich", { item: Order, output: Enriched, group: "network" })
 * const EnrichLive = Enrich.toLayer((orders) => Effect.forEach(orders, enrich))
 *
 * const streams = yield* StreamProcessor
 * const processor = yield* streams.create({
 *   chunkSize: 1000,
 *   backpressure: true,
 *   memoryLimit: ByteSize.megabytes(100)
 * })
 * const report = yield* processor.run({
 *   name: "orders",
 *   source: StreamSource.ndjsonFile("orders.ndjson"),
 *   task: Enrich,
 *   sink: StreamSink.ndjsonFile("enriched.ndjson")
 * })
 * ```
 *
 * A chunk runs at least once, as every job; it is committed to the sink exactly once. The same stream run again after a
 * crash goes on from its last committed chunk; run again when it has finished, it only answers its report.
 */
import { type ByteSize, Context, type Effect, type Layer, Schema, type Stream } from "effect"
import type { ChunkInput, ChunkOutput } from "../Streams/StreamChunk.ts"
import type { StoreError } from "../Store/StoreError.ts"
import type { StreamSink } from "../Streams/StreamSink.ts"
import type { StreamSource } from "../Streams/StreamSource.ts"
import type { RateLimited } from "../Limits/RateLimited.ts"
import type { JobContext, NonRetryable, Snoozed, Task } from "./Task.ts"
import type { TaskRegistry } from "./TaskRegistry.ts"

/** A setting or option is outside its range. Correct it; the message says what was expected. */
export class InvalidStream extends Schema.TaggedError<InvalidStream>()("InvalidStream", { message: Schema.String }) {}

/** The source could not be read. Run the stream again when it can. */
export class SourceFailed extends Schema.TaggedError<SourceFailed>()("SourceFailed", {
  message: Schema.String,
  cause: Schema.Defect()
}) {}

/** The file is not the one the stream began with. Put it back, or start anew with `restart: true`. */
export class SourceChanged extends Schema.TaggedError<SourceChanged>()("SourceChanged", { message: Schema.String }) {}

/** An item is longer than a chunk may be. Raise `maxItemBytes` (and `memoryLimit`), or repair the source. */
export class ItemTooLarge extends Schema.TaggedError<ItemTooLarge>()("ItemTooLarge", {
  message: Schema.String,
  /** Of the source, from 1; for sources without lines the number of the item. */
  line: Schema.Int,
  maxBytes: Schema.Int
}) {}

/** The results could not be written. Run the stream again when they can. */
export class SinkFailed extends Schema.TaggedError<SinkFailed>()("SinkFailed", {
  message: Schema.String,
  cause: Schema.Defect()
}) {}

/** The sink holds less than was committed to it. Put it back, or start anew with `restart: true`. */
export class SinkChanged extends Schema.TaggedError<SinkChanged>()("SinkChanged", { message: Schema.String }) {}

/**
 * A chunk's job is dead and `onChunkFailure` is `"stop"`. Mend the cause and run the stream again: it retries this
 * chunk first.
 */
export class ChunkFailed extends Schema.TaggedError<ChunkFailed>()("ChunkFailed", {
  message: Schema.String,
  /** From 0. */
  chunk: Schema.Int,
  job: Schema.Finite,
  /** The source's line (or item, for sources without lines) the chunk begins with, from 1. */
  line: Schema.Int
}) {}

/** Another process runs this stream. Wait for it, or end it. */
export class StreamBusy extends Schema.TaggedError<StreamBusy>()("StreamBusy", {
  message: Schema.String,
  pid: Schema.Int
}) {}

/** The stream's record cannot be read or written. The message names the file; start anew with `restart: true`. */
export class StateFailed extends Schema.TaggedError<StateFailed>()("StateFailed", { message: Schema.String }) {}

/** A stream stopped. What is committed stays so; run it again to go on. */
export class StreamError extends Schema.TaggedError<StreamError>()("StreamError", {
  reason: Schema.Union([
    InvalidStream,
    SourceFailed,
    SourceChanged,
    ItemTooLarge,
    SinkFailed,
    SinkChanged,
    ChunkFailed,
    StreamBusy,
    StateFailed
  ])
}) {
  override get message() {
    return this.reason.message
  }
}

export interface StreamSettings {
  /**
   * Items of a chunk, which is one job. Default 1000: some 1 MB of 1 kB lines, a turn of the store for a thousand
   * items.
   */
  readonly chunkSize?: number
  /**
   * Whether cutting waits while as many chunks are under way as the limits allow. Default true. False: the whole source
   * is enqueued as fast as it is read.
   */
  readonly backpressure?: boolean
  /**
   * Memory for the chunks under way in this process, at least 1 MB. Default 100 MB. A byte of input counts as eight; a
   * chunk is cut short of `chunkSize` where it would take more than half of the limit.
   */
  readonly memoryLimit?: ByteSize.Input
  /** Most chunks under way, however small. Default 64. */
  readonly maxChunksInFlight?: number
  /** Longest item in bytes. Default 1 MB, or what a chunk may have if that is less. */
  readonly maxItemBytes?: ByteSize.Input
  /** Most bytes of results one chunk may have; they rest on disk until they are committed. Default 256 MB. */
  readonly maxOutputBytes?: ByteSize.Input
}

export interface StreamTaskContext extends JobContext<ChunkOutput, unknown> {
  /** The chunk's number in its stream, from 0. */
  readonly chunk: number
  readonly stream: string
}

/**
 * What the handler of a chunk answers: the results, or a stream of them, written to the spool as they come. Nothing: no
 * results.
 */
export type ChunkAnswer<O, E, R> =
  | Effect.Effect<Iterable<O>, E | NonRetryable | Snoozed | RateLimited, R>
  | Effect.Effect<void, E | NonRetryable | Snoozed | RateLimited, R>
  | Stream.Stream<O, E | NonRetryable | Snoozed | RateLimited, R>

/** The task of a stream's chunks; made by `StreamTask.make`. */
export interface StreamTask<in out A, in out O, in out E> {
  /** As the queue knows it: its jobs are listed, retried and cancelled like others. */
  readonly task: Task<ChunkInput, ChunkOutput, E>
  readonly item: Schema.Codec<A, any>
  readonly output: Schema.Codec<O, any>
  /**
   * The handler, run once per chunk in a fiber of the worker with the items of the chunk. Its failure is the chunk's:
   * all items run again, by the task's retry policy. An item that does not decode fails the chunk without a retry, its
   * line named.
   */
  readonly toLayer: <R = never>(
    handler: (items: ReadonlyArray<A>, context: StreamTaskContext) => ChunkAnswer<O, E, R>
  ) => Layer.Layer<never, never, TaskRegistry | R>
}

export interface StreamOptions<A, O, E, R> {
  /** Names the stream in jobs and messages: letters, digits and . _ - : /, at most 100. */
  readonly name: string
  readonly source: StreamSource<A, R>
  readonly task: StreamTask<A, O, E>
  readonly sink: StreamSink<O, R>
  /**
   * `"source"` (default): results in the order of the source. `"completion"`: chunk by chunk as they end, so that a
   * slow one holds up none.
   */
  readonly order?: "source" | "completion"
  /**
   * What a chunk whose job is dead (attempts used up, cancelled, removed) does to the stream. `"stop"` (default): the
   * stream fails with `ChunkFailed`, and retries the chunk when it is run again. `"skip"`: its items have no results,
   * the report counts it, its job stays among the dead letters.
   */
  readonly onChunkFailure?: "stop" | "skip"
  /** Forgets what is known of the stream and begins anew; the sink file is emptied. */
  readonly restart?: boolean
  /** Told after each commit; the stream waits for it. */
  readonly onCommit?: (progress: StreamReport) => Effect.Effect<void, never, R>
}

export interface StreamReport {
  readonly name: string
  /** All chunks of the source are committed or skipped. */
  readonly finished: boolean
  /** Committed, skipped ones included. */
  readonly chunks: number
  /** Items of committed chunks. */
  readonly items: number
  readonly results: number
  /** Left out for `onChunkFailure: "skip"`. */
  readonly skipped: number
  /** Numbers of the first 100 of them. */
  readonly skippedChunks: ReadonlyArray<number>
  /** Of a sink file. */
  readonly sinkBytes: number
  /** Chunks that were committed when this run began. */
  readonly resumedAt: number
  /** Most chunks under way at once in this run, and most bytes, counted as `memoryLimit` does. */
  readonly peakChunks: number
  readonly peakBytes: number
}

export interface StreamRunner {
  /**
   * Runs the stream to its end. Needs a worker with the task's handler, here or elsewhere; with one elsewhere, source
   * file and spool folder must be reachable there under the same paths. Interrupting it leaves the chunks under way in
   * the store.
   */
  readonly run: <A, O, E, R = never>(
    options: StreamOptions<A, O, E, R>
  ) => Effect.Effect<StreamReport, StreamError | StoreError, R>
}

export class StreamProcessor extends Context.Service<
  StreamProcessor,
  {
    /** Checks the settings. */
    readonly create: (settings?: StreamSettings) => Effect.Effect<StreamRunner, StreamError>
  }
>()("sluice/services/Queue/StreamProcessor") {
  /** `create` of the processor that is provided. */
  static readonly create = (settings?: StreamSettings): Effect.Effect<StreamRunner, StreamError, StreamProcessor> =>
    StreamProcessor.use((processor) => processor.create(settings))
}
