/**
 * Which pending jobs start: per group the lowest rank among the lanes of the tasks the session knows, up to its free
 * slots and what the group's limit leaves over all workers. One index seek per lane; jobs of other tasks are never met.
 */
import { heldUntil } from "../../Limits/policy/Holding.ts"
import { boundsStarts, startableAt } from "../../Limits/policy/Starts.ts"
import type { JobId } from "../../Queue/Job.ts"
import type { ClaimedJob, ClaimRequest } from "../Turn.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { expired, undecodable } from "../../Queue/policy/jobs/StoreFailures.ts"
import { type Endings, notStarted } from "./Endings.ts"
import {
  claimedOf,
  copyInto,
  isIntact,
  type JobRow,
  type JobTuple,
  startingTupleOf,
  tupleOf,
  withOwnRank
} from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { KeySlots } from "./KeySlots.ts"
import { type Group, type Lane, type LaneCounters, limitOf, policyOf } from "./LaneCounters.ts"
import { UnreadableRow } from "./RowRules.ts"
import type { Running } from "./Running.ts"
import { StartBudget } from "./StartBudget.ts"
import type { Statistics } from "./Statistics.ts"

/** Jobs found expired or damaged that one claim puts away before it leaves the rest to the next turn. */
const passedOverPerClaim = 1_000

interface Ranked {
  readonly id: JobId
  readonly rank: number
}

type Head = [id: JobId, rank: number, slots: number, cost: number]

/** Jobs of one lane that start one after the other. */
interface Run {
  readonly lane: Lane
  readonly count: number
}

export interface RankedIn extends Ranked {
  readonly lane: Lane
  readonly slots: number
  readonly cost: number
}

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a

/** A job as it stood, of how it would run. */
const unstarted = (row: JobRow): JobRow => ({ ...row, state: States.pending, attempt: row.attempt - 1 })

export const byRank = (a: Ranked, b: Ranked): number => a.rank - b.rank || a.id - b.id

export class Claims {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly running: Running
  private readonly slots: KeySlots
  private readonly endings: Endings
  private readonly statistics: Statistics
  private readonly selectFirst: Query<JobTuple>
  private readonly selectFirstPlain: Query<JobTuple>
  private readonly selectOne: Query<JobTuple>
  private readonly startTo: Query<[]>
  private readonly startPlainTo: Query<[]>
  private readonly deleteTo: Query<[]>
  private readonly isServed: Query<[one: number]>
  private readonly selectHead: Query<Head>
  private readonly selectNext: Query<Head>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly running: Running
      readonly slots: KeySlots
      readonly endings: Endings
      readonly statistics: Statistics
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.running = parts.running
    this.slots = parts.slots
    this.endings = parts.endings
    this.statistics = parts.statistics
    const started = { attempt: "pending.attempt + 1", session: "?1", started: "?2" }
    const running = (wait: string) => tupleOf("pending", { ...started, state: String(States.running), wait })
    // A pending job without its row in `job` must not be passed over.
    const select = (tuple: string, where: string) =>
      `SELECT ${tuple} FROM pending LEFT JOIN job ON job.id = pending.id WHERE ${where}`
    const first = "pending.lane = ?3 ORDER BY pending.rank, pending.id LIMIT ?4"
    this.selectFirst = db.prepare(select(running(String(Waiting.waitNone)), first))
    this.selectFirstPlain = db.prepare(select(startingTupleOf(started), first))
    this.selectOne = db.prepare(select(running("?5"), "pending.lane = ?3 AND pending.id = ?4"))
    const upTo = "lane = ?3 AND (rank, id) <= (?4, ?5)"
    const start = (changes: Parameters<typeof copyInto>[2]) =>
      db.prepare<[]>(
        `${copyInto("running", "pending", { ...started, wait: String(Waiting.waitNone), ...changes })} WHERE ${upTo}`
      )
    this.startTo = start({ rank: "ifnull(own_rank, rank)" })
    this.startPlainTo = start({ limiter: "NULL" })
    this.deleteTo = db.prepare("DELETE FROM pending WHERE lane = ? AND (rank, id) <= (?, ?)")
    this.isServed = db.prepare(
      "SELECT 1 FROM worker, json_each(worker.tasks) WHERE json_each.value = ? AND draining = 0 LIMIT 1"
    )
    this.selectHead = db.prepare("SELECT id, rank, slots, cost FROM pending WHERE lane = ? ORDER BY rank, id LIMIT ?")
    this.selectNext = db.prepare(
      "SELECT id, rank, slots, cost FROM pending WHERE lane = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?"
    )
  }

  /** Jobs of one slot that the store grants a request of a session that serves `tasks` now. */
  free({ group: name, limit, beyond }: ClaimRequest, tasks: ReadonlySet<string>, now: number): number {
    const group = this.laneCounters.groups.get(name)
    if (group === undefined) return limit
    if (beyond === "nested") return limit
    if (this.laneCounters.paused || group.paused || heldUntil(group, policyOf(group), now) > now) return 0
    return Math.min(limit, this.slotsOf(group, limit, beyond, tasks) - group.busy)
  }

  /** Slots that the jobs of a group may take together while such a request is served. */
  private slotsOf(group: Group, wanted: number, beyond: ClaimRequest["beyond"], tasks: ReadonlySet<string>): number {
    if (beyond === "nested") return Number.POSITIVE_INFINITY
    const limit = limitOf(group)
    if (beyond === undefined || limit - group.busy >= wanted || group.operator !== undefined) return limit
    const othersWait = group.lanes.some(
      ({ counts, task }) => counts[States.pending] > 0 && !tasks.has(task) && this.isServed.get(task) !== undefined
    )
    return othersWait ? limit : Math.max(limit, beyond)
  }

  /** What the jobs that a request starts may take of their group; undefined: nobody has had jobs in it. */
  budget(
    { beyond, group: name, limit }: ClaimRequest,
    tasks: ReadonlySet<string>,
    now: number
  ): StartBudget | undefined {
    const group = this.laneCounters.groups.get(name)
    return group === undefined ? undefined : new StartBudget(group, this.slotsOf(group, limit, beyond, tasks), now)
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

  /** When a rate, or a time for which a key or group rests, lets something start that `tasks` are served for. */
  nextStart(tasks: ReadonlySet<string>, now: number): number | undefined {
    let next: number | undefined
    for (const group of this.laneCounters.groups.values()) {
      const policy = policyOf(group)
      if (!boundsStarts(policy) && heldUntil(group, policy, now) <= now && !group.hasLimitedKeys) continue
      if (!group.lanes.some(({ task }) => tasks.has(task))) continue
      const at = this.nextOf(group, tasks, now)
      if (at !== undefined && at > now && !(at >= (next ?? Number.POSITIVE_INFINITY))) next = at
    }
    return next
  }

  private nextOf(group: Group, tasks: ReadonlySet<string>, now: number): number | undefined {
    const policy = policyOf(group)
    const held = heldUntil(group, policy, now)
    const ofKeys = this.slots.nextStart(group, tasks)
    const first = !boundsStarts(policy) && held <= now ? undefined : this.firstOf(this.readyLanes(group, tasks), 1)[0]
    const starts = (at: number, cost: number) => Math.max(at, held, startableAt(policy, group, cost))
    return earlier(ofKeys && starts(ofKeys, 1), first && starts(now, first.cost))
  }

  /** Whether jobs wait in the group that may come before what is new. */
  hasOlder({ group: name }: ClaimRequest, tasks: ReadonlySet<string>): boolean {
    const group = this.laneCounters.groups.get(name)
    return group !== undefined && (this.readyLanes(group, tasks).length > 0 || this.slots.hasRatedDue(group, tasks))
  }

  /** Groups, but those claimed from, in which the open transaction made jobs of `tasks` ready that may start now. */
  ready(
    tasks: ReadonlySet<string>,
    claim: ReadonlyArray<ClaimRequest>,
    now: number
  ): ReadonlyArray<string> | undefined {
    let ready: Array<string> | undefined
    for (const { counts, group, stirred, task } of this.laneCounters.touched) {
      if (!stirred || counts[States.pending] === 0 || !tasks.has(task)) continue
      const { name } = group
      if (claim.some((request) => request.group === name) || ready?.includes(name) === true) continue
      if (!(this.free({ group: name, limit: 1 }, tasks, now) > 0)) continue
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
    if (group === undefined) return { rows: claimed, passedOver: 0 }
    return { rows: claimed, passedOver: this.startAll(group, request, tasks, session, now, claimed) }
  }

  /** Answers how many jobs were put away instead. */
  private startAll(
    group: Group,
    request: ClaimRequest,
    tasks: ReadonlySet<string>,
    session: number,
    now: number,
    claimed: Array<JobRow>
  ): number {
    let passedOver = 0
    // In order where one that ends lets another go that may come before the next.
    const runs = group.hasLimitedKeys ? runsOf : countByLane
    for (;;) {
      const left = { ...request, limit: request.limit - claimed.length }
      const wanted = this.free(left, tasks, now)
      const lanes = this.readyLanes(group, tasks)
      if (!(wanted > 0) || lanes.length === 0 || passedOver >= passedOverPerClaim) return passedOver
      const budget = this.budget(left, tasks, now)!
      const before = claimed.length
      let found = 0
      if (lanes.length === 1) found = this.startFirst(lanes[0]!, wanted, session, now, claimed, budget)
      else
        for (const { count, lane } of runs(this.firstOf(lanes, wanted, budget))) {
          const started = claimed.length
          const met = this.startFirst(lane, count, session, now, claimed)
          found += met
          // What its key let go instead may come before the others.
          if (group.hasLimitedKeys && claimed.length - started < count) break
        }
      // The counters promise what is not there.
      if (found === 0 && !budget.isSpent) for (const lane of lanes) this.laneCounters.recount(lane)
      if (lanes.length > 1 && !group.hasLimitedKeys) claimed.push(...claimed.splice(before).sort(byRank))
      passedOver += found - (claimed.length - before)
      if (found === 0 || budget.isSpent) return passedOver
    }
  }

  /** Starts the first `count` of a lane, but those that must not. Answers how many it found. */
  private startFirst(
    lane: Lane,
    count: number,
    session: number,
    now: number,
    claimed: Array<JobRow>,
    budget?: StartBudget
  ): number {
    let found = 0
    let slots = 0
    const started: Array<JobRow> = []
    const refused: Array<JobRow> = []
    const misplaced: Array<JobRow> = []
    const isPlain = !this.slots.concerns(lane.group)
    for (const tuple of (isPlain ? this.selectFirstPlain : this.selectFirst).all(session, now, lane.id, count)) {
      const row = isPlain ? this.rows.startingRow(tuple) : this.rows.row(tuple)
      if (!this.mayStart(row, now)) {
        found++
        this.rows.take(unstarted(row))
        refused.push(row)
        if (lane.group.hasLimitedKeys) break
        continue
      }
      if (this.slots.isMisplaced(row)) {
        found++
        const ready = this.rows.live(row.id)!
        this.rows.take(ready)
        misplaced.push(ready)
        continue
      }
      if (budget?.take(row.slots, row.cost) === false) break
      found++
      if (row.expires !== null) this.rows.expiries.left(unstarted(row))
      started.push(row)
      slots += row.slots
    }
    if (started.length > 0) {
      const { id, rank } = started.at(-1)!
      const start = isPlain ? this.startPlainTo : this.startTo
      start.run(session, now, lane.id, rank, id)
      if (this.deleteTo.run(lane.id, rank, id).changes !== started.length)
        throw new UnreadableRow("pending jobs are not told apart")
      this.laneCounters.add(lane, States.pending, -started.length)
      this.laneCounters.add(lane, States.running, started.length, slots)
      this.slots.started(lane.group, started)
      claimed.push(...started)
    }
    for (const row of misplaced) this.rows.placeAnew(row)
    this.slots.promoteFreed()
    for (const row of refused) this.putAway(row, now)
    return found
  }

  /** The `wanted` lowest ranks over several lanes, as far as the budget goes, read from each in pieces. */
  firstOf(lanes: ReadonlyArray<Lane>, wanted: number, budget?: StartBudget): ReadonlyArray<RankedIn> {
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
      const [id, rank, slots, cost] = first.heads[first.position]!
      if (budget?.take(slots, cost) === false) return found
      found.push({ id, rank, lane: first.lane, slots, cost })
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
      if (!this.mayStart(row, now)) {
        this.rows.take(unstarted(row))
        this.putAway(row, now)
        continue
      }
      if (this.slots.isMisplaced(row)) {
        this.rows.reseat(this.rows.live(id)!)
        this.slots.promoteFreed()
        continue
      }
      this.rows.move(unstarted(row), row)
      claimed.push(row)
    }
    this.slots.started(lane.group, claimed)
    return claimed
  }

  /** Not one that is expired or damaged. `row`: as it would start. */
  private mayStart(row: JobRow, now: number): boolean {
    if ((row.checksum as number | null) === null) throw new UnreadableRow("a job has no payload")
    return !Waiting.isExpired(row.attempt - 1, row.expires, now) && isIntact(row)
  }

  /** Ends a job that stood pending and must not start; `row`: as it would have. */
  private putAway(row: JobRow, now: number): void {
    const unspent = row.attempt - 1
    const isExpired = Waiting.isExpired(unspent, row.expires, now)
    this.endings.unheard(row.id)
    const ended = isExpired ? { ...row, ...notStarted, attempt: unspent } : row
    this.endings.end(
      { ...ended, state: States.pending },
      {
        state: isExpired ? States.cancelled : States.failed,
        now,
        result: null,
        failure: JSON.stringify(isExpired ? expired(now) : undecodable(row.attempt, now))
      }
    )
  }

  /** The job runs now: keeps the row for its settle and answers it as the worker sees it. */
  start(claimed: JobRow, now: number): ClaimedJob {
    const row = withOwnRank(claimed)
    this.running.add(row)
    this.statistics.started(row.lane, Waiting.waitedMs(now, row.due, row.enqueued))
    return claimedOf(row)
  }
}

const countByLane = (jobs: ReadonlyArray<RankedIn>): ReadonlyArray<Run> => {
  const counts = new Map<Lane, number>()
  for (const { lane } of jobs) counts.set(lane, (counts.get(lane) ?? 0) + 1)
  return [...counts].map(([lane, count]) => ({ lane, count }))
}

const runsOf = (jobs: ReadonlyArray<RankedIn>): ReadonlyArray<Run> => {
  const runs: Array<{ readonly lane: Lane; count: number }> = []
  for (const { lane } of jobs) {
    const last = runs.at(-1)
    if (last?.lane === lane) last.count++
    else runs.push({ lane, count: 1 })
  }
  return runs
}
