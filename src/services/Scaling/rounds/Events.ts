/** Operators' events at rest: documents `scale-event`, key the event's id. */
import { Cause, Effect, Exit, Option, Schema } from "effect"
import type { Documents } from "../../Store/Documents.ts"
import { shown } from "../../Queue/policy/Bounds.ts"
import { eventFault } from "../policy/EventLoad.ts"
import { ScaleInvalid } from "../../Queue/PredictiveScaler.ts"
import { ScaleEvent } from "../ScaleEvent.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { oneLine } from "../../Text/policy/OneLine.ts"

const kind = "scale-event"
const Stored = Schema.fromJsonString(ScaleEvent)
const decode = Schema.decodeUnknownOption(Stored)

/** By id. A document that is none is passed over. */
export const readEvents = (documents: Documents["Service"]): Effect.Effect<ReadonlyArray<ScaleEvent>, StoreError> =>
  Effect.map(documents.all(kind), (found) =>
    found.flatMap(({ text }) => Option.match(decode(text), { onNone: () => [], onSome: (event) => [event] }))
  )

export const putEvent = (
  documents: Documents["Service"],
  event: ScaleEvent,
  now: number
): Effect.Effect<void, StoreError | ScaleInvalid> =>
  Effect.gen(function* () {
    const encoded = Schema.encodeUnknownExit(Stored, { onExcessProperty: "error" })(event)
    const message = Exit.isFailure(encoded)
      ? `event ${shown(event)} is not what ScaleEvent describes: ${oneLine(String(Cause.squash(encoded.cause)))}`
      : eventFault(event, now)
    if (message !== undefined) return yield* new ScaleInvalid({ reason: "Event", message })
    if (Exit.isSuccess(encoded)) yield* documents.put(kind, event.id, encoded.value, { now })
  })

export const removeEvent = (
  documents: Documents["Service"],
  id: string,
  now: number
): Effect.Effect<boolean, StoreError> =>
  Effect.gen(function* () {
    const there = (yield* documents.get(kind, id)) !== undefined
    if (there) yield* documents.put(kind, id, undefined, { now })
    return there
  })
