/** Keeps the events of the queue for a test to look at. */
import { Effect, PubSub, type Scope } from "effect"
import { type QueueEvent, QueueEvents } from "../services/Queue/index.ts"

type Tag = QueueEvent["_tag"]

export interface EventRecorder {
  /** All events since the recorder was made, in their order. */
  readonly all: Effect.Effect<ReadonlyArray<QueueEvent>>
  /** Those of one kind. */
  readonly of: <T extends Tag>(
    tag: T
  ) => Effect.Effect<ReadonlyArray<Extract<QueueEvent, { readonly _tag: T | Tag }> & { readonly _tag: T }>>
  /** What happened, without times: `"Started resize"`, in order. */
  readonly summary: Effect.Effect<ReadonlyArray<string>>
}

/**
 * Records from now until the scope closes. Look at least once per 16,384 events: older ones that nobody looked at are
 * lost.
 */
export const recordEvents: Effect.Effect<EventRecorder, never, QueueEvents | Scope.Scope> = Effect.gen(function* () {
  const events = yield* QueueEvents
  const subscription = yield* events.subscribe
  const seen: Array<QueueEvent> = []
  const all = Effect.map(PubSub.takeUpTo(subscription, Number.MAX_SAFE_INTEGER), (fresh) => {
    for (const event of fresh) seen.push(event)
    return [...seen]
  })
  return {
    all,
    of: <T extends Tag>(tag: T) =>
      Effect.map(all, (events) =>
        events.filter(
          (event): event is Extract<QueueEvent, { readonly _tag: T | Tag }> & { readonly _tag: T } => event._tag === tag
        )
      ),
    summary: Effect.map(all, (events) =>
      events.map((event) => ("task" in event ? `${event._tag} ${event.task}` : event._tag))
    )
  }
})
