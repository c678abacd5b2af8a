/**
 * Where the deferrable jobs of this process are put: by the outlooks of their groups (`Limits/policy/Deferring.ts`),
 * which a worker with a scaler makes once a minute and keeps in the store.
 *
 * A group that never had deferrable jobs has no outlook yet: the first start at once, and an outlook is asked for. So
 * it is while nobody scales, while the forecast is not to be trusted, and for tasks of which no run has been recorded.
 * Producers on one store read the same outlook at least every ten seconds and add what they place themselves; what
 * others place meanwhile they learn with the next outlook.
 */
import { Context, type Effect, Option, Schema } from "effect"

/** The kind of its documents, one for each group that has had deferrable jobs of late. */
export const outlookKind = "load-outlook"

/** How often outlooks are made, in milliseconds. */
export const outlookEveryMs = 60_000

/** An outlook that nobody has asked for this long is not made any more, in milliseconds: a month's work is known. */
export const askedForMs = 32 * 24 * 3_600_000

const numbers = Schema.Array(Schema.Finite)

const OutlookDocument_ = Schema.Struct({
  /** When a job was last to be placed by it, to within a day; milliseconds since 1970. */
  askedAt: Schema.Finite,
  /** `null`: nothing is known that could be trusted. */
  outlook: Schema.NullOr(
    Schema.Struct({
      from: Schema.Finite,
      stepMs: Schema.Finite,
      busy: numbers,
      busyAtMost: numbers,
      scheduled: numbers,
      slots: numbers,
      backlogMs: Schema.Finite
    })
  ),
  /** By task, in milliseconds. */
  runs: Schema.Record(Schema.String, Schema.Struct({ meanMs: Schema.Finite, mostMs: Schema.Finite }))
})
export type OutlookDocument = typeof OutlookDocument_.Type

const Text = Schema.fromJsonString(OutlookDocument_)
export const outlookText = Schema.encodeSync(Text)
const decode = Schema.decodeOption(Text)

/** Undefined: of another version of the program. It is made anew. */
export const outlookIn = (text: string): OutlookDocument | undefined => Option.getOrUndefined(decode(text))

export class Deferrals extends Context.Service<
  Deferrals,
  {
    /**
     * Reads the outlooks of these groups where what is known is old, and asks for those there are none of; undefined:
     * nothing to do. A failure leaves what was known.
     */
    readonly reread: (groups: Iterable<string>, now: number) => Effect.Effect<void> | undefined
    /**
     * When each of so many jobs becomes due, in order, in milliseconds since 1970; undefined: at once. Answers from
     * memory, in ten microseconds or so and one for each job.
     */
    readonly place: (jobs: {
      readonly group: string
      readonly task: string
      readonly count: number
      readonly now: number
      readonly deadline: number
    }) => ReadonlyArray<number> | undefined
  }
>()("sluice/services/Queue/Deferrals") {}
