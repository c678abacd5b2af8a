/** Tells of circuit breakers that a turn of this process's worker has changed: as events, and in the log. */
import { Effect } from "effect"
import type { BreakerNote } from "../../Store/Turn.ts"
import { shown } from "../policy/Bounds.ts"
import type { QueueEvents } from "../QueueEvents.ts"

const tags = { opened: "BreakerOpened", halfOpen: "BreakerHalfOpen", closed: "BreakerClosed" } as const

const lineOf = ({ change, group, key, until }: BreakerNote): Effect.Effect<void> => {
  const of = key === undefined ? `group ${group}` : `key ${shown(key)} of group ${group}`
  switch (change) {
    case "opened":
      return Effect.logWarning(
        `Too many attempts of ${of} have failed: none starts before ${new Date(until).toISOString()}`
      )
    case "halfOpen":
      return Effect.logInfo(`A probe of ${of} has started`)
    case "closed":
      return Effect.logInfo(`The probes of ${of} have succeeded: jobs start again`)
  }
}

export const tellBreakers = (
  notes: ReadonlyArray<BreakerNote>,
  at: number,
  events: QueueEvents["Service"],
  fork: (line: Effect.Effect<void>) => unknown
): void => {
  for (const note of notes) {
    const { change, group, key, until } = note
    if (events.active()) events.publish({ _tag: tags[change], group, key, until, at })
    fork(lineOf(note))
  }
}
