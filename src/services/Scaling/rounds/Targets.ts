/** Decided slots at rest: documents `scale-target`, key the group; there while the group is in mode `on`. */
import { Option, Schema } from "effect"
import type { StoredDocument } from "../../Store/StoredDocument.ts"
import { ScaleTarget } from "../ScaleDecision.ts"

export const scaleTargetKind = "scale-target"

const Stored = Schema.fromJsonString(ScaleTarget)
const decode = Schema.decodeUnknownOption(Stored)

export const targetText = Schema.encodeSync(Stored)

export interface StoredTarget {
  /** Undefined: the document is none. */
  readonly target: ScaleTarget | undefined
  readonly version: number
}

export const targetsOf = (documents: ReadonlyArray<StoredDocument>): ReadonlyMap<string, StoredTarget> =>
  new Map(documents.map(({ key, text, version }) => [key, { target: Option.getOrUndefined(decode(text)), version }]))
