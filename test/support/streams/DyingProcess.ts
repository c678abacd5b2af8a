/**
 * A process that runs a stream and is gone at its n-th step: a file made, written, cut, synced, renamed or removed, or
 * a chunk enqueued. From then on nothing it does happens, and nothing answers it.
 */
import { Context, Deferred, Effect, Layer, Scope } from "effect"
import { Sluice, StreamProcessor, TaskQueue } from "../../../src/services/Queue/index.ts"
import { type OpenFile, StreamFiles } from "../../../src/services/Streams/run/StreamFiles.ts"
import { store as wholeStore, type StoreServices, toContext } from "../../../src/services/Store/Store.ts"

/**
 * How it goes: in the middle of the step (a write is torn, anything else not done), or after it and before its answer.
 */
export type Death = "within" | "after"

export interface DyingProcess {
  /** Completes when it is gone. */
  readonly gone: Effect.Effect<void>
  readonly steps: () => number
  /** Runs an effect that uses streams in this process. */
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, StreamProcessor>
  ) => Effect.Effect<A, E, TaskQueue | StoreServices | Scope.Scope>
}

/** The system closes its files with the scope. */
export const dyingProcess = (step: number, death: Death): Effect.Effect<DyingProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const gone = yield* Deferred.make<void>()
    const files = yield* StreamFiles
    const scope = yield* Effect.scope
    let steps = 0
    let isGone = false

    const die = Effect.suspend(() => {
      isGone = true
      Deferred.doneUnsafe(gone, Effect.void)
      return Effect.never
    })

    const alive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => (isGone ? Effect.never : effect))

    const counted = <A, E, R>(effect: Effect.Effect<A, E, R>, half?: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend((): Effect.Effect<A, E, R> => {
        if (isGone) return Effect.never
        if (++steps !== step) return effect
        return Effect.andThen(death === "within" ? (half ?? Effect.void) : effect, die)
      })

    const dying = (file: OpenFile): OpenFile => ({
      ...file,
      write: (bytes, position) =>
        counted(
          file.write(bytes, position),
          Effect.suspend(() => file.write(bytes.subarray(0, bytes.length >> 1), position))
        ),
      truncate: (length) => counted(file.truncate(length)),
      sync: counted(file.sync)
    })

    const dyingFiles: StreamFiles = {
      ...files,
      open: (path, mode, whose) => {
        const opened = Scope.provide(files.open(path, mode, whose), scope)
        return Effect.map(mode === "r" ? alive(opened) : counted(opened), dying)
      },
      create: (path, text) => counted(files.create(path, text)),
      rename: (from, to) => counted(files.rename(from, to)),
      remove: (path) => counted(files.remove(path)),
      makeFolder: (path, whose) => counted(files.makeFolder(path, whose)),
      syncFolder: (path) => counted(files.syncFolder(path))
    }

    return {
      gone: Deferred.await(gone),
      steps: () => steps,
      run: (effect) =>
        Effect.gen(function* () {
          const queue = yield* TaskQueue
          const dyingQueue = TaskQueue.of({
            ...queue,
            enqueue: (task, payload, options) => counted(queue.enqueue(task, payload, options))
          })
          const streams = yield* Layer.build(
            Layer.provide(
              Sluice.layerStreams,
              Layer.mergeAll(Layer.succeed(TaskQueue, dyingQueue), Layer.succeedContext(toContext(yield* wholeStore)))
            )
          )
          return yield* effect.pipe(
            Effect.provideService(StreamProcessor, Context.get(streams, StreamProcessor)),
            Effect.provideService(StreamFiles, dyingFiles)
          )
        })
    }
  })
