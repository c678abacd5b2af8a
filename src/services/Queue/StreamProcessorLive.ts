/** Streams over the queue: settings checked and turned into bounds, each run on its own. */
import { ByteSize, Context, Effect, Layer, Option } from "effect"
import * as Bounds from "./policy/Bounds.ts"
import { bytesPerInputByte } from "../Streams/policy/StreamWindow.ts"
import { Settings } from "./QueueSettings.ts"
import { type RunSettings, runStream } from "../Streams/run/StreamRun.ts"
import {
  InvalidStream,
  StreamError,
  type StreamOptions,
  StreamProcessor,
  type StreamSettings
} from "./StreamProcessor.ts"
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

const settingNames: ReadonlySet<string> = new Set<keyof StreamSettings>([
  "chunkSize",
  "backpressure",
  "memoryLimit",
  "maxChunksInFlight",
  "maxItemBytes",
  "maxOutputBytes"
])
const optionNames: ReadonlySet<string> = new Set<keyof StreamOptions<unknown, unknown, unknown, unknown>>([
  "name",
  "source",
  "task",
  "sink",
  "order",
  "onChunkFailure",
  "restart",
  "onCommit"
])

const checkOptions = (options: StreamOptions<any, any, any, any>): void => {
  Bounds.fields("options", options, optionNames)
  Bounds.name("name", options.name)
  Bounds.oneOf("order", options.order ?? "source", ["source", "completion"])
  Bounds.oneOf("onChunkFailure", options.onChunkFailure ?? "stop", ["stop", "skip"])
  Bounds.boolean("restart", options.restart ?? false)
}

/** What a check answers; what it refuses is the caller's error. */
const checked = <A>(check: () => A): Effect.Effect<A, StreamError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      if (error instanceof StreamError) return Effect.fail(error)
      return error instanceof Bounds.OutOfBounds ? Effect.fail(invalid(error.message)) : Effect.die(error)
    }
  })

/** The bounds of a run. Two chunks of the largest size fit the memory limit, so that one is read while another runs. */
const boundsOf = (settings: StreamSettings): RunSettings => {
  Bounds.fields("settings", settings, settingNames)
  const memory = bytesOf("memoryLimit", settings.memoryLimit, defaultMemoryBytes, leastMemoryBytes)
  const maxChunkBytes = Math.floor(memory / (2 * bytesPerInputByte))
  const maxItemBytes = bytesOf("maxItemBytes", settings.maxItemBytes, Math.min(defaultItemBytes, maxChunkBytes), 1)
  if (maxItemBytes > maxChunkBytes) {
    throw invalid(
      `maxItemBytes is ${maxItemBytes}, and a chunk may have ${maxChunkBytes} bytes within this memoryLimit; raise memoryLimit to ${maxItemBytes * 2 * bytesPerInputByte} bytes`
    )
  }
  const maxChunks = countOf("maxChunksInFlight", settings.maxChunksInFlight, defaultChunksInFlight)
  const bounded = Bounds.boolean("backpressure", settings.backpressure ?? true)
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
  const context = Context.make(TaskQueue, yield* TaskQueue).pipe(Context.add(Settings, yield* Settings))
  return StreamProcessor.of({
    create: (settings = {}) =>
      Effect.map(
        checked(() => boundsOf(settings)),
        (bounds) => ({
          run: (options) =>
            Effect.flatMap(
              checked(() => checkOptions(options)),
              () => runStream(bounds, options).pipe(Effect.provideContext(context))
            )
        })
      )
  })
})

/** Over the queue it is given. */
export const layer: Layer.Layer<StreamProcessor, never, TaskQueue> = Layer.effect(StreamProcessor, make)
