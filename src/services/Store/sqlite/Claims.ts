/**
 * Which pending jobs start: per group the lowest rank among the lanes of the tasks the session knows, up to its free
 * slots and what the group's limit leaves over all workers. One index seek per lane; jobs of other tasks are never met.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { ClaimedJob, ClaimRequest } from "../Turn.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { expired, undecodable } from "../../Queue/policy/jobs/StoreFailures.ts"
import { type Endings, notStarted } from "./Endings.ts"
import { claimedOf, copyInto, isIntact, type JobRow, type JobTuple, tupleOf } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import { type Group, type Lane, type LaneCounters, limitOf } from "./LaneCounters.ts"
import { UnreadableRow } from "./RowRules.ts"
import type { Running } from "./Running.ts"
import type { Statistics } from "./Statistics.ts"

/** Jobs found expired or damaged that one claim puts away before it leaves the rest to the next turn. */
const passedOverPerClaim = 1_000

interface Ranked {
  readonly id: JobId
  readonly rank: number
}

interface RankedIn extends Ranked {
  readonly lane: Lane
}

export const byRank = (a: Ranked, b: Ranked): number => a.rank - b.rank || a.id - b.id

export class Claims {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly running: Running
  private readonly endings: Endings
  private readonly statistics: Statistics
  private readonly selectFirst: Query<JobTuple>
  private readonly selectOne: Query<JobTuple>
  private readonly startTo: Query<[]>
  private readonly deleteTo: Query<[]>
  private readonly isServed: Query<[one: number]>
  private readonly selectHead: Query<[id: JobId, rank: number]>
  private readonly selectNext: Query<[id: JobId, rank: number]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly running: Running
      readonly endings: Endings
      readonly statistics: Statistics
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.running = parts.running
    this.endings = parts.endings
    this.statistics = parts.statistics
    const started = { attempt: "pending.attempt + 1", session: "?1", started: "?2" }
    const running = { ...started, state: String(States.running) }
    // A pending job without its row in `job` must not be passed over.
    const select = (wait: string, where: string) =>
      `SELECT ${tupleOf("pending", { ...running, wait })} FROM pending LEFT JOIN job ON job.id = pending.id WHERE ${where}`
    this.selectFirst = db.prepare(
      select(String(Waiting.waitNone), "pending.lane = ?3 ORDER BY pending.rank, pending.id LIMIT ?4")
    )
    this.selectOne = db.prepare(select("?5", "pending.lane = ?3 AND pending.id = ?4"))
    const upTo = "lane = ?3 AND (rank, id) <= (?4, ?5)"
    this.startTo = db.prepare(
      `${copyInto("running", "pending", { ...started, wait: String(Waiting.waitNone) })} WHERE ${upTo}`
    )
    this.deleteTo = db.prepare("DELETE FROM pending WHERE lane = ? AND (rank, id) <= (?, ?)")
    this.isServed = db.prepare(
      "SELECT 1 FROM worker, json_each(worker.tasks) WHERE json_each.value = ? AND draining = 0 LIMIT 1"
    )
    this.selectHead = db.prepare("SELECT id, rank FROM pending WHERE lane = ? ORDER BY rank, id LIMIT ?")
    this.selectNext = db.prepare(
      "SELECT id, rank FROM pending WHERE lane = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?"
    )
  }

  /** Slots the store grants a request of a session that serves `tasks` now. */
  free({ group: name, limit, beyond }: ClaimRequest, tasks: ReadonlySet<string>): number {
    const group = this.laneCounters.groups.get(name)
    if (group === undefined) return limit
    if (beyond === "nested") return limit
    if (this.laneCounters.paused || group.paused) return 0
    const within = limitOf(group) - group.busy
    if (beyond === undefined || within >= limit || group.operator !== undefined) return Math.min(limit, within)
    const othersWait = group.lanes.some(
      ({ counts, task }) => counts[States.pending] > 0 && !tasks.has(task) && this.isServed.get(task) !== undefined
    )
    return Math.min(limit, othersWait ? within : Math.max(within, beyond - group.busy))
  }

  /** Whether the request asks for batches of a task that the group has had jobs of. */
  hasBatches({ batches, group }: ClaimRequest): boolean {
    return batches?.some(({ task }) => this.laneCounters.find(task, group) !== undefined) === true
  }

  /** The lanes of a group that hold pending jobs of `tasks`. */
  readyLanes(group: Group | undefined, tasks: ReadonlySet<string>): ReadonlyArray<Lane> {
    return group === undefined
      ? []
      : group.lanes.filter((lane) => lane.counts[States.pending] > 0 && tasks.has(lane.task))
  }

  /** Groups, but those claimed from, in which the open transaction made jobs of `tasks` ready that may start now. */
  ready(tasks: ReadonlySet<string>, claim: ReadonlyArray<ClaimRequest>): ReadonlyArray<string> | undefined {
    let ready: Array<string> | undefined
    for (const { counts, group, stirred, task } of this.laneCounters.touched) {
      if (!stirred || counts[States.pending] === 0 || !tasks.has(task)) continue
      const { name } = group
      if (claim.some((request) => request.group === name) || ready?.includes(name) === true) continue
      if (!(this.free({ group: name, limit: 1 }, tasks) > 0)) continue
      ready ??= []
      ready.push(name)
    }
    return ready
  }

  /** Claims for one request, in order of rank. `passedOver` counts the jobs that were put away instead. */
  claim(
    request: ClaimRequest,
    tasks: ReadonlySet<string>,
    session: number,
    now: number
  ): { readonly rows: ReadonlyArray<JobRow>; readonly passedOver: number } {
    const group = this.laneCounters.groups.get(request.group)
    const claimed: Array<JobRow> = []
    let passedOver = 0
    for (;;) {
      const wanted = this.free({ ...request, limit: request.limit - claimed.length }, tasks)
      const lanes = this.readyLanes(group, tasks)
      if (!(wanted > 0) || lanes.length === 0 || passedOver >= passedOverPerClaim) {
        return { rows: claimed, passedOver }
      }
      const before = claimed.length
      let found = 0
      if (lanes.length === 1) found = this.startFirst(lanes[0]!, wanted, session, now, claimed)
      else
        for (const [lane, count] of countByLane(this.firstOf(lanes, wanted)))
          found += this.startFirst(lane, count, session, now, claimed)
      if (found === 0) {
        // The counters promise what is not there.
        for (const lane of lanes) this.laneCounters.recount(lane)
        return { rows: claimed, passedOver }
      }
      if (lanes.length > 1) claimed.push(...claimed.splice(before).sort(byRank))
      passedOver += found - (claimed.length - before)
    }
  }

  /** Starts the first `count` of a lane, but those that must not. Answers how many it found. */
  private startFirst(lane: Lane, count: number, session: number, now: number, claimed: Array<JobRow>): number {
    const tuples = this.selectFirst.all(session, now, lane.id, count)
    let started = 0
    for (const tuple of tuples) {
      const row = this.rows.row(tuple)
      if (!this.mayStart(row, now)) continue
      claimed.push(row)
      started++
    }
    if (started > 0) {
      const { id, rank } = claimed.at(-1)!
      this.startTo.run(session, now, lane.id, rank, id)
      if (this.deleteTo.run(lane.id, rank, id).changes !== started)
        throw new UnreadableRow("pending jobs are not told apart")
      this.laneCounters.add(lane, States.pending, -started)
      this.laneCounters.add(lane, States.running, started)
    }
    return tuples.length
  }

  /** The `wanted` lowest ranks over several lanes, read from each in pieces. */
  firstOf(lanes: ReadonlyArray<Lane>, wanted: number): ReadonlyArray<RankedIn> {
    const piece = Math.min(wanted, Math.ceil((2 * wanted) / lanes.length) + 1)
    const cursors = lanes.map((lane) => ({ lane, heads: this.selectHead.all(lane.id, piece), position: 0 }))
    const found: Array<RankedIn> = []
    while (found.length < wanted) {
      let first: (typeof cursors)[number] | undefined
      for (const cursor of cursors) {
        const head = cursor.heads[cursor.position]
        if (head === undefined) continue
        const best = first?.heads[first.position]
        if (best === undefined || head[1] < best[1] || (head[1] === best[1] && head[0] < best[0])) first = cursor
      }
      if (first === undefined) return found
      const [id, rank] = first.heads[first.position]!
      found.push({ id, rank, lane: first.lane })
      first.position++
      if (first.position === first.heads.length && first.heads.length === piece) {
        first.heads = this.selectNext.all(first.lane.id, rank, id, piece)
        first.position = 0
      }
    }
    return found
  }

  /** Starts these pending jobs of one lane together: the first that may start holds the slot, the others ride in it. */
  claimTogether(lane: Lane, ids: ReadonlyArray<JobId>, session: number, now: number): ReadonlyArray<JobRow> {
    const claimed: Array<JobRow> = []
    for (const id of ids) {
      const wait = claimed.length === 0 ? Waiting.waitNone : Waiting.rides
      const tuple = this.selectOne.get(session, now, lane.id, id, wait)
      if (tuple === undefined) continue
      const row = this.rows.row(tuple)
      if (!this.mayStart(row, now)) continue
      this.rows.move({ ...row, state: States.pending }, row)
      claimed.push(row)
    }
    return claimed
  }

  /** Puts away a pending job that must not start: expired or damaged. `row`: as it would start. */
  private mayStart(row: JobRow, now: number): boolean {
    if ((row.checksum as number | null) === null) throw new UnreadableRow("a job has no payload")
    const unspent = row.attempt - 1
    const isExpired = Waiting.isExpired(unspent, row.expires, now)
    if (!isExpired && isIntact(row)) return true
    this.rows.take({ ...row, state: States.pending })
    this.endings.unheard(row.id)
    const ended = isExpired ? { ...row, ...notStarted, attempt: unspent } : row
    this.endings.end(ended, {
      state: isExpired ? States.cancelled : States.failed,
      now,
      result: null,
      failure: JSON.stringify(isExpired ? expired(now) : undecodable(row.attempt, now))
    })
    return false
  }

  /** The job runs now: keeps the row for its settle and answers it as the worker sees it. */
  start(row: JobRow, now: number): ClaimedJob {
    this.running.add(row)
    this.statistics.started(row.lane, Waiting.waitedMs(now, row.due, row.enqueued))
    return claimedOf(row)
  }
}

const countByLane = (jobs: ReadonlyArray<RankedIn>): ReadonlyMap<Lane, number> => {
  const counts = new Map<Lane, number>()
  for (const { lane } of jobs) counts.set(lane, (counts.get(lane) ?? 0) + 1)
  return counts
}
