/**
 * After a lease that had run out was taken up again: some of the jobs that run here may have been taken meanwhile.
 * Their handlers are stopped; whatever they would settle is refused by its token.
 */
import { Effect, Schedule } from "effect"
import { JobStore } from "../../Store/JobStore.ts"
import type { Attempt } from "./Attempt.ts"

/** The store that could not be asked is asked again, in milliseconds. */
const againMs = 1000

export const makeTakenJobs = Effect.fnUntraced(function* (host: {
  readonly session: () => number
  readonly running: () => ReadonlyArray<Attempt>
}) {
  const store = yield* JobStore

  return Effect.gen(function* () {
    const session = host.session()
    const attempts = host.running()
    const records = new Map((yield* store.get(attempts.map(({ id }) => id))).map((record) => [record.id, record]))
    if (session !== host.session()) return
    for (const attempt of attempts) {
      const record = records.get(attempt.id)
      const isOurs = record?.state === "running" && record.session === session && record.attempt === attempt.attempt
      // One that has ended since it was asked for takes no notice.
      if (!isOurs) attempt.halt({ _tag: "Fenced" })
    }
  }).pipe(Effect.retry({ times: 5, schedule: Schedule.spaced(againMs) }), Effect.ignore)
})
