/** Placements as documents of the store, with a copy in memory for enqueues. */
import { Clock, Effect, Layer, Schema } from "effect"
import { Documents } from "../Store/Documents.ts"
import type { StoredDocument } from "../Store/StoredDocument.ts"
import { type PlaceableTask, Placements, checkedPlacementSettings } from "./Placements.ts"
import { groupOf, Placement } from "./policy/Placement.ts"

const kind = "placement"
/**
 * How long a copy is good, in milliseconds: a placement that comes this late costs nothing, and one small read in ten
 * seconds neither.
 */
const rereadAfterMs = 10_000

const Text = Schema.fromJsonString(Placement)
const decode = Schema.decodeUnknownExit(Text)
const encode = Schema.encodeSync(Text)

/** Undefined: of another version of the program. It is decided anew. */
const read = ({ text }: StoredDocument): Placement | undefined => {
  const exit = decode(text)
  return exit._tag === "Success" ? exit.value : undefined
}

/** Uniqueness by group would break where a task moves. */
const isPlaceable = (task: PlaceableTask): boolean => !task.isGroupDeclared && task.unique.scope !== "group"

const make = Effect.gen(function* () {
  const documents = yield* Documents
  const { mode } = yield* checkedPlacementSettings
  const known = new Map<string, { readonly placement: Placement | undefined; readonly version: number }>()
  let version = 0
  let readAt = Number.NEGATIVE_INFINITY

  const all = Effect.map(documents.all(kind), (found) => {
    const before = JSON.stringify([...known.values()].map((each) => each.version))
    known.clear()
    for (const document of found) known.set(document.key, { placement: read(document), version: document.version })
    if (JSON.stringify([...known.values()].map((each) => each.version)) !== before) version++
    return [...known.values()].flatMap(({ placement }) => (placement === undefined ? [] : [placement]))
  })

  return Placements.of({
    groupOf: (task) =>
      (mode === "on" && isPlaceable(task) ? groupOf(known.get(task.name)?.placement) : undefined) ?? task.group.name,
    computes: (task) => mode === "on" && known.get(task)?.placement?.fit === "computation",
    reread: (now) => {
      if (mode === "off" || now - readAt < rereadAfterMs) return undefined
      readAt = now
      return Effect.ignore(all)
    },
    version: () => version,
    all,
    keep: (placement, seen) =>
      Effect.gen(function* () {
        const was = known.get(placement.task)
        if (was?.placement !== seen) return false
        const now = yield* Clock.currentTimeMillis
        const kept = yield* documents.put(kind, placement.task, encode(placement), {
          now,
          version: was?.version ?? 0
        })
        if (kept === undefined) return false
        known.set(placement.task, { placement, version: kept })
        version++
        return true
      })
  })
})

export const layer: Layer.Layer<Placements, never, Documents> = Layer.effect(Placements, make)
