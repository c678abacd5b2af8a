/**
 * Where a pending job stands in the order of its group: what starts before it, and until when something new still may.
 * Pure.
 */
import type { RankedJob } from "../../Store/GroupRecord.ts"
import { type OrderName, passedUntil, type Ranking } from "./Order.ts"

/** Pending jobs that are looked at to find a job's place. */
export const placesSeen = 1_000

/** Jobs named as passing. */
const named = 3

export interface Place {
  readonly order: OrderName
  readonly boundMs: number
  readonly priority: number
  /** When its result is wanted, in milliseconds since 1970. */
  readonly deadline: number | undefined
  /** Milliseconds a run of its task takes, where the order goes by that and it is known. */
  readonly expectedRunMs: number | undefined
  /** Pending jobs of its group that start before it. */
  readonly ahead: number
  /** False: at least so many; no more were looked at. */
  readonly isExact: boolean
  /** Of those ahead: the ones that became due after it. */
  readonly passing: number
  /** The first of them. */
  readonly passedBy: ReadonlyArray<RankedJob>
  /**
   * Milliseconds since 1970: what becomes due then or later starts after it. At most the bound after its own due time.
   */
  readonly passedUntil: number
}

export interface Standing {
  readonly job: RankedJob
  readonly deadline: number | undefined
  readonly ranking: Ranking
  /** The group's first pending jobs in their order, at most `placesSeen`. */
  readonly upNext: ReadonlyArray<RankedJob>
}

export const placeOf = ({ deadline, job, ranking, upNext }: Standing): Place => {
  const ahead = upNext.filter(({ id, rank }) => rank < job.rank || (rank === job.rank && id < job.id))
  const passing = ahead.filter(({ due }) => due > job.due)
  return {
    order: ranking.order,
    boundMs: ranking.boundMs,
    priority: job.priority,
    deadline,
    expectedRunMs: ranking.runs.get(job.task)?.ms,
    ahead: ahead.length,
    isExact: ahead.length < upNext.length || upNext.length < placesSeen,
    passing: passing.length,
    passedBy: passing.slice(0, named),
    passedUntil: Math.max(job.due, passedUntil(ranking, job.rank))
  }
}
