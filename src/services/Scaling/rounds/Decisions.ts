/** Decisions at rest: the journal `scale-decision`, key the group. */
import { Effect, Option, Schema } from "effect"
import type { Documents } from "../../Store/Documents.ts"
import { type KeptDecision, ScaleDecision } from "../ScaleDecision.ts"
import type { StoreError } from "../../Store/StoreError.ts"

const kind = "scale-decision"
const Stored = Schema.fromJsonString(ScaleDecision)
const decode = Schema.decodeUnknownOption(Stored)
const encode = Schema.encodeSync(Stored)

export const appendDecisions = (
  documents: Documents["Service"],
  decisions: ReadonlyArray<ScaleDecision>,
  options: { readonly now: number; readonly keep: number }
): Effect.Effect<void, StoreError> =>
  decisions.length === 0
    ? Effect.void
    : documents.append(
        kind,
        decisions.map((decision) => ({ key: decision.group, text: encode(decision) })),
        options
      )

/** Newest first. An entry that cannot be read is passed over. */
export const readDecisions = (
  documents: Documents["Service"],
  options: { readonly key?: string; readonly before?: number; readonly limit: number }
): Effect.Effect<ReadonlyArray<KeptDecision>, StoreError> =>
  Effect.map(documents.journal(kind, options), (entries) =>
    entries.flatMap(({ seq, text }) =>
      Option.match(decode(text), { onNone: () => [], onSome: (decision) => [{ ...decision, seq }] })
    )
  )
