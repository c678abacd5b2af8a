/** What `npm start` does with each file: four tasks, one in each of the default groups. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import { open, readFile, stat } from "node:fs/promises"
import { extname } from "node:path"
import { type JobId, ResourceGroup, Task, TaskQueue } from "../../services/Queue/index.ts"

/** The file cannot be read. */
export class FileFailed extends Schema.TaggedError<FileFailed>()("demo/FileFailed", {
  file: Schema.String,
  /** As Node names it: `ENOENT`, `EACCES`, … */
  code: Schema.String,
  message: Schema.String
}) {}

/** What came over HTTP is not what was asked for. */
export class FetchFailed extends Schema.TaggedError<FetchFailed>()("demo/FetchFailed", {
  file: Schema.String,
  message: Schema.String
}) {}

/** The file is gone, or closed to us: trying again within a second cannot help. */
const lastingCodes = new Set(["ENOENT", "EACCES", "EPERM", "EISDIR", "ENOTDIR", "ELOOP"])

const FilePayload = Schema.Struct({
  /** Absolute. */
  file: Schema.String
})

const overFile = {
  payload: FilePayload,
  error: FileFailed,
  retry: "quick",
  retryable: ({ code }: FileFailed) => !lastingCodes.has(code),
  hardLimit: "2 minutes"
} as const

const Hashed = Schema.Struct({
  bytes: Schema.Int,
  /** SHA-256 in hexadecimal. */
  digest: Schema.String,
  /** Of the file when reading began, in milliseconds since 1970. */
  modifiedAt: Schema.Finite
})

export const HashFile = Task.make("demo.hash", { ...overFile, group: ResourceGroup.filesystem, success: Hashed })

export const CompressFile = Task.make("demo.compress", {
  ...overFile,
  group: ResourceGroup.computation,
  success: Schema.Struct({ bytes: Schema.Int, compressedBytes: Schema.Int })
})

/** The file as a whole in memory, at most two at a time. */
export const CountWords = Task.make("demo.words", {
  ...overFile,
  group: ResourceGroup.memoryIntensive,
  success: Schema.Struct({
    bytes: Schema.Int,
    /** Runs of bytes between white space, as `wc -w` counts in the C locale; 0 for a binary file. */
    words: Schema.Int,
    /** A NUL among the first 8,000 bytes, which is how git tells. */
    isBinary: Schema.Boolean
  })
})

/** Waits for the file's `demo.hash` and checks what it fetched against that. */
export const FetchFile = Task.make("demo.fetch", {
  payload: Schema.Struct({ file: Schema.String, url: Schema.String, hashJob: Schema.Int }),
  success: Schema.Struct({
    bytes: Schema.Int,
    /** False: somebody changed the file between the two jobs, so its digests say nothing. */
    isSame: Schema.Boolean
  }),
  error: FetchFailed,
  group: ResourceGroup.network,
  retry: "quick",
  hardLimit: "2 minutes"
})

export const all = [HashFile, CompressFile, CountWords, FetchFile] as const

const fromFile = <A>(file: string, read: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, FileFailed> =>
  Effect.tryPromise({
    try: read,
    catch: (error) => {
      const { code, message } = error as NodeJS.ErrnoException
      return new FileFailed({ file, code: code ?? "UNKNOWN", message })
    }
  })

/** Bytes read and hashed at once: a fraction of a millisecond. */
const chunkBytes = 65_536

const HashFileLive = HashFile.toLayer(({ file }) =>
  fromFile(file, async (signal) => {
    await using handle = await open(file)
    const { mtimeMs } = await handle.stat()
    const hash = createHash("sha256")
    const chunk = new Uint8Array(chunkBytes)
    let bytes = 0
    for (;;) {
      signal.throwIfAborted()
      const { bytesRead } = await handle.read(chunk)
      if (bytesRead === 0) break
      hash.update(chunk.subarray(0, bytesRead))
      bytes += bytesRead
    }
    return { bytes, digest: hash.digest("hex"), modifiedAt: mtimeMs }
  })
)

const CompressFileLive = CompressFile.toThreadLayer({
  module: new URL(`./CompressFile${extname(import.meta.url)}`, import.meta.url),
  export: "compress"
})

const binaryWithin = 8_000
/** Bytes looked at before other fibers get their turn: about a millisecond. */
const sliceBytes = 1_000_000

const CountWordsLive = CountWords.toLayer(
  Effect.fnUntraced(function* ({ file }) {
    const content = yield* fromFile(file, (signal) => readFile(file, { signal }))
    const isBinary = content.subarray(0, binaryWithin).includes(0)
    let words = 0
    let inWord = false
    for (let start = 0; start < content.length && !isBinary; start += sliceBytes) {
      const end = Math.min(content.length, start + sliceBytes)
      for (let i = start; i < end; i++) {
        const byte = content[i]!
        const isSpace = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
        if (!isSpace && !inWord) words++
        inWord = !isSpace
      }
      yield* Effect.yieldNow
    }
    return { bytes: content.length, words, isBinary }
  })
)

const FetchFileLive = FetchFile.toLayer(
  Effect.fnUntraced(
    function* ({ file, hashJob, url }) {
      const queue = yield* TaskQueue
      const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
      const hashed = yield* queue.job(HashFile, hashJob as JobId).await
      const hash = createHash("sha256")
      let bytes = 0
      const response = yield* client.get(url)
      yield* Stream.runForEach(response.stream, (chunk) =>
        Effect.sync(() => {
          hash.update(chunk)
          bytes += chunk.length
        })
      )
      if (hash.digest("hex") === hashed.digest) return { bytes, isSame: true }
      const now = yield* Effect.promise(() => stat(file).catch(() => undefined))
      if (now === undefined || now.mtimeMs !== hashed.modifiedAt || now.size !== hashed.bytes)
        return { bytes, isSame: false }
      return yield* new FetchFailed({ file, message: `fetched ${bytes} bytes whose digest is not the file's` })
    },
    (effect, { file }) =>
      Effect.mapError(effect, (error) =>
        error instanceof FetchFailed ? error : new FetchFailed({ file, message: error.message })
      )
  )
)

/** The handlers. */
export const layer = Layer.mergeAll(HashFileLive, CompressFileLive, CountWordsLive, FetchFileLive)
