/** Streams over the queue: settings checked and turned into bounds, each run on its own. */
import { ByteSize, Context, Effect, Layer, Option } from "effect"
import { bytesPerInputByte } from "./policy/StreamWindow.ts"
import { JobStore } from "./JobStore.ts"
import { Settings } from "./QueueSettings.ts"
import { namePattern } from "./ResourceGroup.ts"
import { type RunSettings, runStream } from "./run/stream/StreamRun.ts"
import { InvalidStream, StreamError, StreamProcessor, type StreamSettings } from "./StreamProcessor.ts"
import { TaskQueue } from "./TaskQueue.ts"

const defaultChunkSize = 1000
const defaultMemoryBytes = 100_000_000
const leastMemoryBytes = 1_000_000
const defaultChunksInFlight = 64
const defaultItemBytes = 1_000_000
const defaultOutputBytes = 256_000_000

const invalid = (message: string) => new StreamError({ reason: new InvalidStream({ message }) })

/** Bytes of a setting. Throws `StreamError`, as all of these. */
const bytesOf = (what: string, input: ByteSize.Input | undefined, otherwise: number, least: number): number => {
  if (input === undefined) return otherwise
  const bytes = Option.match(ByteSize.fromInput(input), { onNone: () => Number.NaN, onSome: (size) => Number(size) })
  if (bytes >= least && Number.isSafeInteger(bytes)) return bytes
  throw invalid(
    `${what} is ${String(input)}; expected a size of at least ${least} bytes, such as ByteSize.megabytes(100)`
  )
}

const countOf = (what: string, value: number | undefined, otherwise: number): number => {
  if (value === undefined) return otherwise
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw invalid(`${what} is ${value}; expected a whole number of at least 1`)
}

/** The bounds of a run. Two chunks of the largest size fit the memory limit, so that one is read while another runs. */
const boundsOf = (settings: StreamSettings): RunSettings => {
  const memory = bytesOf("memoryLimit", settings.memoryLimit, defaultMemoryBytes, leastMemoryBytes)
  const maxChunkBytes = Math.floor(memory / (2 * bytesPerInputByte))
  const maxItemBytes = bytesOf("maxItemBytes", settings.maxItemBytes, Math.min(defaultItemBytes, maxChunkBytes), 1)
  if (maxItemBytes > maxChunkBytes) {
    throw invalid(
      `maxItemBytes is ${maxItemBytes}, and a chunk may have ${maxChunkBytes} bytes within this memoryLimit; raise memoryLimit to ${maxItemBytes * 2 * bytesPerInputByte} bytes`
    )
  }
  const maxChunks = countOf("maxChunksInFlight", settings.maxChunksInFlight, defaultChunksInFlight)
  const bounded = settings.backpressure ?? true
  return {
    chunkSize: countOf("chunkSize", settings.chunkSize, defaultChunkSize),
    maxChunkBytes,
    maxItemBytes,
    maxOutputBytes: bytesOf("maxOutputBytes", settings.maxOutputBytes, defaultOutputBytes, 1),
    memoryLimit: memory,
    maxChunks: bounded ? maxChunks : Number.POSITIVE_INFINITY,
    maxBytes: bounded ? memory : Number.POSITIVE_INFINITY
  }
}

const make = Effect.gen(function* () {
  const context = Context.make(TaskQueue, yield* TaskQueue).pipe(
    Context.add(JobStore, yield* JobStore),
    Context.add(Settings, yield* Settings)
  )
  return StreamProcessor.of({
    create: (settings = {}) =>
      Effect.map(Effect.try({ try: () => boundsOf(settings), catch: (error) => error as StreamError }), (bounds) => ({
        run: (options) =>
          namePattern.test(options.name)
            ? runStream(bounds, options).pipe(Effect.provideContext(context))
            : Effect.fail(
                invalid(
                  `Stream name ${JSON.stringify(options.name)} is not usable; expected letters, digits and . _ - : /, at most 100`
                )
              )
      }))
  })
})

/** Over the queue and store it is given. */
export const layer: Layer.Layer<StreamProcessor, never, TaskQueue | JobStore> = Layer.effect(StreamProcessor, make)
