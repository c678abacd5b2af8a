/**
 * Pairs what was asked for with what came, to learn how long capacity takes to start where nobody says which order
 * brought which worker: the first asked is the first to come. Pure; times in milliseconds since 1970.
 */

/** What has not come by then never will, or came unseen. */
const givenUpAfterMs = 30 * 60_000

export interface AskedReplicas {
  /** So many more (negative: fewer) were ordered at `now`. Fewer take back what was asked for last. */
  readonly ordered: (more: number, now: number) => void
  /** The workers there are; answers how long those that are new have taken. */
  readonly joined: (
    workers: ReadonlyArray<{ readonly session: number; readonly startedAt: number }>
  ) => ReadonlyArray<number>
}

export const make = (): AskedReplicas => {
  let asked: ReadonlyArray<number> = []
  let known: ReadonlySet<number> | undefined
  return {
    ordered: (more, now) => {
      asked = more < 0 ? asked.slice(0, more) : [...asked, ...Array.from({ length: more }, () => now)]
    },
    joined: (workers) => {
      const before = known
      known = new Set(workers.map(({ session }) => session))
      // Those of the first look were there before anything was asked.
      if (before === undefined) return []
      const took: Array<number> = []
      for (const { session, startedAt } of workers.toSorted((a, b) => a.startedAt - b.startedAt)) {
        if (before.has(session)) continue
        asked = asked.filter((at) => startedAt - at <= givenUpAfterMs)
        // One that began before the oldest order replaced another: its pod was lost, or its image is new.
        if (asked.length === 0 || startedAt < asked[0]!) continue
        took.push(startedAt - asked[0]!)
        asked = asked.slice(1)
      }
      return took
    }
  }
}
