/**
 * The store as turns are taken to it: the same, with the time of each turn noted and shown as a metric. About 0.1 µs a
 * turn.
 */
import { Clock, Effect, Layer } from "effect"
import { JobStore } from "./JobStore.ts"
import { monotonicOf } from "../Queue/host/Monotonic.ts"
import * as QueueMetrics from "../Queue/QueueMetrics.ts"
import { StoreMeter } from "./StoreMeter.ts"

/** The meter holds microseconds as if they were milliseconds. */
const turnsPerSecond = 1_000_000

export const layer: Layer.Layer<JobStore, never, JobStore | StoreMeter> = Layer.effect(
  JobStore,
  Effect.gen(function* () {
    const store = yield* JobStore
    const meter = yield* StoreMeter
    const monotonic = monotonicOf(yield* Clock.Clock)
    const { traits, turnSync } = store
    const context = yield* Effect.context<never>()
    const labels = { operation: "turn", store: traits.kind }
    const remove = QueueMetrics.register(QueueMetrics.storeOperation, labels, context, () =>
      QueueMetrics.secondsState(meter.turns.snapshot(), turnsPerSecond)
    )
    yield* Effect.addFinalizer(() => Effect.sync(remove))
    return {
      ...store,
      turn: (turn) =>
        Effect.suspend(() => {
          const startedAt = monotonic()
          return Effect.onExit(store.turn(turn), () => Effect.sync(() => meter.record(startedAt, monotonic())))
        }),
      turnSync:
        turnSync === undefined
          ? undefined
          : (turn) => {
              const startedAt = monotonic()
              try {
                return turnSync(turn)
              } finally {
                meter.record(startedAt, monotonic())
              }
            }
    }
  })
)
