/**
 * Which pending jobs start: per group the lowest rank among the lanes of the tasks the session knows, up to its free
 * slots and what the group's limit leaves over all workers. One index seek per lane; jobs of other tasks are never met.
 */
import type { JobId } from "../../Job.ts"
import type { ClaimedJob, ClaimRequest } from "../../Turn.ts"
import * as States from "../../policy/jobs/States.ts"
import * as Waiting from "../../policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { expired, undecodable } from "../../policy/jobs/StoreFailures.ts"
import { type Endings, notStarted } from "./Endings.ts"
import { claimedOf, isIntact, jobColumns, type JobRow, type JobTuple } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import { type Group, type Lane, type Ledger, limitOf } from "./Ledger.ts"
import type { Running } from "./Running.ts"
import type { Statistics } from "./Statistics.ts"

/** Jobs found expired or damaged that one claim puts away before it leaves the rest to the next turn. */
const passedOverPerClaim = 1_000

interface Ranked {
  readonly id: JobId
  readonly rank: number
}

/**
 * Up to here one UPDATE per job is quicker than one with a list: 9 instead of 20 µs for one job, 3.5 instead of 3.1 for
 * a hundred.
 */
const fewJobs = 4

export const byRank = (a: Ranked, b: Ranked): number => a.rank - b.rank || a.id - b.id

export class Claims {
  private readonly ledger: Ledger
  private readonly rows: JobRows
  private readonly running: Running
  private readonly endings: Endings
  private readonly statistics: Statistics
  private readonly claimLane: Query<JobTuple>
  private readonly claimOne: Query<JobTuple>
  private readonly claimRider: Query<JobTuple>
  private readonly isServed: Query<[one: number]>
  private readonly selectHead: Query<[id: JobId, rank: number]>
  private readonly selectNext: Query<[id: JobId, rank: number]>

  constructor(
    db: Database,
    parts: {
      readonly ledger: Ledger
      readonly rows: JobRows
      readonly running: Running
      readonly endings: Endings
      readonly statistics: Statistics
    }
  ) {
    this.ledger = parts.ledger
    this.rows = parts.rows
    this.running = parts.running
    this.endings = parts.endings
    this.statistics = parts.statistics
    const startAs = (wait: number) =>
      `UPDATE job SET state = 2, wait = ${wait}, attempt = attempt + 1, session = ?, started = ?`
    const start = startAs(Waiting.waitNone)
    this.claimLane = db.prepare(
      `${start} WHERE id IN (SELECT id FROM job WHERE lane = ? AND state = 1 ORDER BY rank, id LIMIT ?)
       RETURNING ${jobColumns}`
    )
    this.claimOne = db.prepare(`${start} WHERE id = ? RETURNING ${jobColumns}`)
    this.claimRider = db.prepare(`${startAs(Waiting.rides)} WHERE id = ? RETURNING ${jobColumns}`)
    this.isServed = db.prepare(
      "SELECT 1 FROM worker, json_each(worker.tasks) WHERE json_each.value = ? AND draining = 0 LIMIT 1"
    )
    this.selectHead = db.prepare("SELECT id, rank FROM job WHERE lane = ? AND state = 1 ORDER BY rank, id LIMIT ?")
    this.selectNext = db.prepare(
      "SELECT id, rank FROM job WHERE lane = ? AND state = 1 AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?"
    )
  }

  /** Slots the store grants a request of a session that serves `tasks` now. */
  free({ group: name, limit, beyond }: ClaimRequest, tasks: ReadonlySet<string>): number {
    const group = this.ledger.groups.get(name)
    if (group === undefined) return limit
    if (beyond === "nested") return limit
    if (this.ledger.paused || group.paused) return 0
    const within = limitOf(group) - group.running
    if (beyond === undefined || within >= limit || group.operator !== undefined) return Math.min(limit, within)
    const othersWait = group.lanes.some(
      ({ counts, task }) => counts[States.pending] > 0 && !tasks.has(task) && this.isServed.get(task) !== undefined
    )
    return Math.min(limit, othersWait ? within : Math.max(within, beyond - group.running))
  }

  /** Whether the request asks for batches of a task that the group has had jobs of. */
  hasBatches({ batches, group }: ClaimRequest): boolean {
    return batches?.some(({ task }) => this.ledger.find(task, group) !== undefined) === true
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
    for (const { counts, group, stirred, task } of this.ledger.touched) {
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
    const group = this.ledger.groups.get(request.group)
    const claimed: Array<JobRow> = []
    let passedOver = 0
    for (;;) {
      const wanted = this.free({ ...request, limit: request.limit - claimed.length }, tasks)
      const lanes = this.readyLanes(group, tasks)
      if (!(wanted > 0) || lanes.length === 0 || passedOver >= passedOverPerClaim) {
        return { rows: claimed, passedOver }
      }
      const rows =
        lanes.length === 1 && wanted > fewJobs
          ? this.claimLane.all(session, now, lanes[0]!.id, wanted)
          : this.firstOf(lanes, wanted).flatMap(({ id }) => this.claimOne.all(session, now, id))
      if (rows.length === 0) {
        // The counters promise what is not there.
        for (const lane of lanes) this.ledger.recount(lane)
        return { rows: claimed, passedOver }
      }
      const started = rows.map((tuple) => this.rows.row(tuple)).sort(byRank)
      for (const row of started) {
        this.ledger.move(row.lane, States.pending, States.running)
        if (this.mayStart(row, now)) claimed.push(row)
        else passedOver++
      }
    }
  }

  /** The `wanted` lowest ranks over several lanes, read from each in pieces. */
  firstOf(lanes: ReadonlyArray<Lane>, wanted: number): ReadonlyArray<Ranked> {
    const piece = Math.min(wanted, Math.ceil((2 * wanted) / lanes.length) + 1)
    const cursors = lanes.map((lane) => ({ lane, heads: this.selectHead.all(lane.id, piece), position: 0 }))
    const found: Array<Ranked> = []
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
      found.push({ id, rank })
      first.position++
      if (first.position === first.heads.length && first.heads.length === piece) {
        first.heads = this.selectNext.all(first.lane.id, rank, id, piece)
        first.position = 0
      }
    }
    return found
  }

  /** Starts these pending jobs of one lane together: the first that may start holds the slot, the others ride in it. */
  claimTogether(ids: ReadonlyArray<JobId>, session: number, now: number): ReadonlyArray<JobRow> {
    const claimed: Array<JobRow> = []
    for (const id of ids) {
      const tuple = (claimed.length === 0 ? this.claimOne : this.claimRider).get(session, now, id)
      if (tuple === undefined) continue
      const row = this.rows.row(tuple)
      this.ledger.move(row.lane, States.pending, States.running)
      if (row.wait === Waiting.rides) this.ledger.ride(row.lane, 1)
      if (this.mayStart(row, now)) claimed.push(row)
    }
    return claimed
  }

  /** Puts away what must not start: expired or damaged. */
  private mayStart(row: JobRow, now: number): boolean {
    const unspent = row.attempt - 1
    const isExpired = Waiting.isExpired(unspent, row.expires, now)
    if (!isExpired && isIntact(row)) return true
    this.rows.takeLive(row)
    if (row.wait === Waiting.rides) this.ledger.ride(row.lane, -1)
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
