/** The queue of production on a store in memory, with a worker: what a test provides to the program it tests. */
import { Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { QueueSettings, Sluice, type TaskRegistry, Worker, type WorkerOptions } from "../services/Queue/index.ts"

export interface TestQueueOptions {
  /** Slots of the worker, and its name. Default: as many slots per group as the group's limit. */
  readonly worker?: WorkerOptions
  /** Settings that differ from those of production, and from what is said of `layer`. */
  readonly settings?: Partial<QueueSettings.QueueSettings>
  /** Live jobs above which an enqueue is refused as overloaded. Default 2,000,000. */
  readonly maxLive?: number
}

/** The net under wakes: nothing in a test's process waits for it. */
export const pollInterval = Duration.seconds(5)

/**
 * The store in memory tells of what is ready, so looking rarely delays no start, and lets a virtual day pass in a
 * second.
 */
const rarely: Partial<QueueSettings.QueueSettings> = { pollInterval, sweepInterval: Duration.seconds(15) }

/** Ends a test at once though jobs run: nobody moves the clock through the grace period. */
const hurried = Layer.effectDiscard(
  Effect.gen(function* () {
    const worker = yield* Worker
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        worker.hurry,
        // For handlers that cannot be interrupted: through the time the worker gives them.
        Effect.forkDetach(Effect.replicateEffect(TestClock.adjust("1 second"), 5, { discard: true }))
      )
    )
  })
)

export const settingsOf = (options: TestQueueOptions) =>
  Layer.succeed(QueueSettings.Settings, { ...QueueSettings.defaults, ...rarely, ...options.settings })

export const storeOf = ({ maxLive }: TestQueueOptions) => Sluice.layerMemory(maxLive === undefined ? {} : { maxLive })

/**
 * Queue, worker, handlers, store and events, new and empty each time the layer is built. Handlers that need services
 * take them from the environment, as in production: provide fakes to this layer. The worker polls each 5 s instead of
 * each second and looks for expired jobs each 15 s instead of 5. What still runs when the layer closes is interrupted
 * at once.
 */
export const layer = <E, R>(handlers: Layer.Layer<never, E, R | TaskRegistry>, options: TestQueueOptions = {}) =>
  hurried.pipe(
    Layer.provideMerge(Sluice.layerWorker(options.worker)),
    Layer.provideMerge(handlers),
    Layer.provideMerge(storeOf(options)),
    Layer.provide(settingsOf(options))
  )
