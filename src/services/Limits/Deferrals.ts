/**
 * Where the deferrable jobs of this process are put: by the outlooks of their groups (`policy/Deferring.ts`),
 * which a worker with a scaler makes once a minute and keeps in the store.
 *
 * A group that never had deferrable jobs has no outlook yet: the first start at once, and an outlook is asked for. So
 * it is while nobody scales, while the forecast is not to be trusted, and for tasks of which no run has been recorded.
 * Producers on one store read the same outlook at least every ten seconds and add what they place themselves; what
 * others place meanwhile they learn with the next outlook.
 */
import { Context, type Effect } from "effect"

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
     * memory, in some 30 µs and 0.1 µs more for each further job.
     */
    readonly place: (jobs: {
      readonly group: string
      readonly task: string
      readonly count: number
      readonly now: number
      readonly deadline: number
    }) => ReadonlyArray<number> | undefined
  }
>()("sluice/services/Limits/Deferrals") {}
