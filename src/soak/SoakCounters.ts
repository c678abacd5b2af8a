/**
 * What the store says of all its jobs but the probes: roll-ups count each once, also those that retention has removed
 * since.
 */
import * as Effect from "effect/Effect"
import { TaskQueue } from "../services/Queue/index.ts"
import { probes } from "./SoakProbe.ts"

const finishedStates = new Set(["completed", "failed", "cancelled"])

export const countersOf = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const { counters } = yield* queue.stats
  const rollUps = (yield* queue.rollUps({ width: 3_600_000, from: 0, to: 8.64e15 })).filter(
    ({ group }) => group !== probes.name
  )
  const total = (of: (rollUp: (typeof rollUps)[number]) => number) => rollUps.reduce((sum, each) => sum + of(each), 0)
  const kept = (isFinished: boolean) =>
    counters.reduce(
      (sum, { count, group, state }) =>
        group !== probes.name && finishedStates.has(state) === isFinished ? sum + count : sum,
      0
    )
  return {
    live: kept(false),
    finished: kept(true),
    arrivals: total(({ arrivals }) => arrivals),
    completed: total(({ completed }) => completed),
    dead: total(({ dead }) => dead),
    starts: total(({ starts }) => starts),
    recovered: total(({ recovered }) => recovered)
  }
})
