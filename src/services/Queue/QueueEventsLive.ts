/** Events through a sliding hub: publishers never wait, a subscriber that falls behind loses the oldest. */
import { Effect, Layer, PubSub, Stream } from "effect"
import { type QueueEvent, QueueEvents } from "./QueueEvents.ts"

const capacity = 16_384

export const layer: Layer.Layer<QueueEvents> = Layer.effect(
  QueueEvents,
  Effect.gen(function* () {
    const hub = yield* PubSub.sliding<QueueEvent>({ capacity })
    yield* Effect.addFinalizer(() => PubSub.shutdown(hub))
    let subscribers = 0
    const subscribe = Effect.acquireRelease(
      Effect.sync(() => {
        subscribers++
      }),
      () =>
        Effect.sync(() => {
          subscribers--
        })
    ).pipe(Effect.andThen(PubSub.subscribe(hub)))
    return {
      active: () => subscribers > 0,
      publish: (event) => {
        PubSub.publishUnsafe(hub, event)
      },
      subscribe,
      stream: Stream.unwrap(Effect.map(subscribe, Stream.fromSubscription))
    }
  })
)
