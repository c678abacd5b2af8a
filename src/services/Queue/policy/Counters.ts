/**
 * What roll-ups count of the jobs of a group and task: one table, from which everything that keeps or adds them up is
 * derived.
 */

export interface Counters {
  readonly arrivals: number
  readonly starts: number
  readonly completed: number
  /** Failed attempts, also those retried and those lost with their worker. One that ended in a cancellation is none. */
  readonly failed: number
  readonly retried: number
  /** Given up. */
  readonly dead: number
  readonly cancelled: number
  /** Attempts lost with their worker after which the job waits again. */
  readonly recovered: number
  /** Enqueues that met a taken key. */
  readonly deduplicated: number
  /** Jobs that had to wait for a limit of their key when nothing else kept them, once each time. */
  readonly limited: number
}

export type Counter = keyof Counters

const none: Counters = {
  arrivals: 0,
  starts: 0,
  completed: 0,
  failed: 0,
  retried: 0,
  dead: 0,
  cancelled: 0,
  recovered: 0,
  deduplicated: 0,
  limited: 0
}

/** In the order in which they rest in files. */
export const counters = Object.keys(none) as ReadonlyArray<Counter>

/** Counters as a function of each of them says. */
export const countersOf = (count: (counter: Counter, place: number) => number): Counters => {
  const made: Record<Counter, number> = { ...none }
  for (let place = 0; place < counters.length; place++) made[counters[place]!] = count(counters[place]!, place)
  return made
}
