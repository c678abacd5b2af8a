/**
 * A claim in a group some of whose tasks start their jobs together: batches and single jobs in order of rank, one slot
 * each.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { BatchClaim, ClaimRequest } from "../Turn.ts"
import { pickBatches, windowOf } from "../../Queue/policy/jobs/BatchPick.ts"
import { byRank, type Claims, type RankedIn } from "./Claims.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import type { JobRow } from "./JobColumns.ts"
import type { Lane, LaneCounters } from "./LaneCounters.ts"

/** What the claims of a turn have brought so far. */
export interface BatchesClaimed {
  readonly batches: Array<ReadonlyArray<JobRow>>
  /** When the next batch is ripe by its time. */
  ripeAt: number | undefined
}

/** A batch that is ripe: where its first job stands, and all of them. */
interface Ripe extends RankedIn {
  readonly ids: ReadonlyArray<JobId>
}

/**
 * A lane in which nothing is ripe before this time, or before it holds so many pending jobs: until then it is not read
 * again.
 */
interface Quiet {
  readonly until: number
  readonly pending: number
}

type Head = [
  id: JobId,
  rank: number,
  due: number,
  partitionKey: string | null,
  lost: number,
  slots: number,
  cost: number
]

export class BatchClaims {
  private readonly laneCounters: LaneCounters
  private readonly claims: Claims
  private readonly quiet = new Map<number, Quiet>()
  private readonly selectFirst: Query<Head>

  constructor(db: Database, laneCounters: LaneCounters, claims: Claims) {
    this.laneCounters = laneCounters
    this.claims = claims
    this.selectFirst = db.prepare(
      `SELECT pending.id, rank, due, partition_key, lost, slots, cost FROM pending LEFT JOIN job ON job.id = pending.id
       WHERE pending.lane = ? ORDER BY rank, pending.id LIMIT ?`
    )
  }

  /** Claims for one request: batches into `into`, single jobs as the answer. */
  claim(
    request: ClaimRequest,
    tasks: ReadonlySet<string>,
    session: number,
    now: number,
    into: BatchesClaimed
  ): ReadonlyArray<JobRow> {
    const room = this.claims.free(request, tasks, now)
    if (!(room > 0)) return []
    const budget = this.claims.budget(request, tasks, now)
    const { batches: rules = [], group, limit } = request
    const singleTasks = new Set(tasks)
    for (const { task } of rules) singleTasks.delete(task)
    const ripe = rules.flatMap((rule) => {
      const lane = tasks.has(rule.task) ? this.laneCounters.find(rule.task, group) : undefined
      return lane === undefined || lane.counts[States.pending] === 0 ? [] : this.ripeIn(lane, rule, room, now, into)
    })
    const first = this.claims.firstOf(
      ripe.length === 0 ? [] : this.claims.readyLanes(this.laneCounters.groups.get(group), singleTasks),
      room
    )
    const starting = [...ripe, ...first].sort(byRank).slice(0, room)
    let batches = 0
    let singles = 0
    for (const next of starting) {
      if (budget?.take(next.slots, next.cost) === false) break
      if (!("ids" in next)) {
        singles++
        continue
      }
      const { ids, lane } = next as Ripe
      const rows = this.claims.claimTogether(lane, ids, session, now)
      // Some had expired: others may start in their place with the next turn.
      if (rows.length < ids.length) into.ripeAt = now
      if (rows.length === 0) continue
      into.batches.push(rows)
      batches++
    }
    const left = budget?.isSpent === true ? singles : limit - batches
    return this.claims.claim({ group, limit: left }, singleTasks, session, now).rows
  }

  private ripeIn(lane: Lane, rule: BatchClaim, room: number, now: number, into: BatchesClaimed): ReadonlyArray<Ripe> {
    const pending = lane.counts[States.pending]
    const quiet = this.quiet.get(lane.id)
    if (quiet !== undefined && now < quiet.until && pending < quiet.pending) {
      if (!(into.ripeAt! <= quiet.until)) into.ripeAt = quiet.until
      return []
    }
    const heads = this.selectFirst.all(lane.id, windowOf(rule, room))
    const { batches, lacking, ripeAt } = pickBatches(
      heads.map(([, , due, key, lost]) => ({ due, lost, partitionKey: key ?? undefined })),
      rule,
      now
    )
    if (batches.length === 0 && ripeAt !== undefined)
      this.quiet.set(lane.id, { until: ripeAt, pending: pending + lacking })
    else this.quiet.delete(lane.id)
    if (ripeAt !== undefined && !(into.ripeAt! <= ripeAt)) into.ripeAt = ripeAt
    return batches.map((batch) => ({
      id: heads[batch[0]!]![0],
      rank: heads[batch[0]!]![1],
      lane,
      slots: heads[batch[0]!]![5],
      cost: batch.reduce((sum, i) => sum + heads[i]![6], 0),
      ids: batch.map((i) => heads[i]![0])
    }))
  }
}
