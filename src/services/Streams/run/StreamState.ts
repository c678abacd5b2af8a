/** What is kept beside the sink of a stream: its record, its lock and its spool folder, taken up by whoever runs it. */
import { Clock, Effect, Random, type Scope } from "effect"
import path from "node:path"
import type { StoreError } from "../../Store/StoreError.ts"
import type { StreamError, StreamOptions } from "../../Queue/StreamProcessor.ts"
import { spooledChunk } from "./ChunkResults.ts"
import { StreamFiles } from "./StreamFiles.ts"
import { lockStream, type StreamLock } from "./StreamLock.ts"
import * as Record from "./StreamRecord.ts"

export interface StreamState {
  /** Path of the record. */
  readonly state: string
  readonly spool: string
  readonly lock: StreamLock
  /** As it was left, or a new one that is saved. */
  readonly record: Record.StreamRecord
}

const statePath = <A, O, E, R>({ sink }: StreamOptions<A, O, E, R>) =>
  path.resolve(sink._tag === "CustomSink" ? sink.state : `${sink.path}.stream`)

/** Tells the jobs of a start of the stream from those of others. */
export const freshRun = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  return `${now.toString(36)}-${(yield* Random.nextIntBetween(0, 36 ** 6)).toString(36)}`
})

/** Locked until the scope closes. To start anew, the jobs of the run before are taken back with `cancel`. */
export const openState = <A, O, E, R>(
  options: StreamOptions<A, O, E, R>,
  cancel: (run: string) => Effect.Effect<void, StoreError>
): Effect.Effect<StreamState, StreamError | StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, restart = false } = options
    const files = yield* StreamFiles
    const state = statePath(options)
    const spool = `${state}.d`
    yield* Effect.mapError(files.makeFolder(path.dirname(state), "named"), Record.stateFailed(state))
    const lock = yield* lockStream(`${state}.lock`)
    const loading = Record.load(state, name)
    const before = yield* restart ? Effect.orElseSucceed(loading, () => undefined) : loading
    if (before !== undefined && !restart) return { state, spool, lock, record: before }
    if (before !== undefined) yield* cancel(before.run)
    const record = Record.begin(name, yield* freshRun)
    yield* Effect.mapError(files.remove(spool), Record.stateFailed(spool))
    yield* Record.save(state, record)
    return { state, spool, lock, record }
  })

/** Removes what attempts left for chunks whose results are in the sink. */
export const removeSpooled = (spool: string, which: (chunk: number) => boolean): Effect.Effect<void, StreamError> =>
  Effect.gen(function* () {
    const files = yield* StreamFiles
    for (const file of yield* files.list(spool)) {
      const chunk = spooledChunk(file)
      if (chunk !== undefined && which(chunk)) yield* files.remove(path.join(spool, file))
    }
  }).pipe(Effect.mapError(Record.stateFailed(spool)))
