/** Places jobs by the outlooks of the store, with a copy in memory that counts what this process places. */
import { Effect } from "effect"
import type { Documents } from "../Store/Documents.ts"
import type { Deferrals } from "./Deferrals.ts"
import { outlookIn, outlookKind, outlookText, type OutlookDocument } from "./OutlookDocument.ts"
import { type LoadOutlook, placesOf, withScheduled } from "./policy/Deferring.ts"

/** How long a copy is good, in milliseconds. */
const rereadAfterMs = 10_000
/** How often an outlook is asked for while it is used, in milliseconds. */
const askEveryMs = 24 * 3_600_000
/** Multiples of it, modulo 1, lie as evenly as can be, however many there are (the golden ratio). */
const evenly = (Math.sqrt(5) - 1) / 2

interface Known {
  readonly readAt: number
  /** Of the document; 0: there is none. */
  readonly version: number
  readonly document: OutlookDocument | undefined
  /** That of the document, and what was placed here since. */
  outlook: LoadOutlook | undefined
}

/** `phase`: from 0 to 1, at random. */
export const makePlacing = (documents: Documents["Service"], phase: number): Deferrals["Service"] => {
  const known = new Map<string, Known>()
  let turn = phase

  const read = (group: string, now: number) =>
    Effect.gen(function* () {
      const before = known.get(group)
      if (before !== undefined) known.set(group, { ...before, readAt: now })
      const stored = yield* documents.get(outlookKind, group)
      const version = stored?.version ?? 0
      const document = stored === undefined ? undefined : outlookIn(stored.text)
      if (before === undefined || version !== before.version)
        known.set(group, { readAt: now, version, document, outlook: document?.outlook ?? undefined })
      if (document !== undefined && Math.abs(now - document.askedAt) < askEveryMs) return
      const asked = { ...(document ?? { outlook: null, runs: {} }), askedAt: now }
      yield* documents.put(outlookKind, group, outlookText(asked), { now, version })
    })

  return {
    reread: (groups, now) => {
      const old = [...groups].filter((group) => !(now - (known.get(group)?.readAt ?? -Infinity) < rereadAfterMs))
      return old.length === 0
        ? undefined
        : Effect.forEach(old, (group) => Effect.ignore(read(group, now)), { discard: true })
    },
    place: ({ count, deadline, group, now, task }) => {
      const of = known.get(group)
      const run = of?.document?.runs[task]
      if (of?.outlook === undefined || run === undefined) return undefined
      turn = (turn + evenly) % 1
      const dues = placesOf(of.outlook, { now, deadline, run, jobs: count, phase: turn })
      if (dues !== undefined) of.outlook = withScheduled(of.outlook, dues, run.meanMs)
      return dues
    }
  }
}
