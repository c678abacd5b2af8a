/**
 * Finding jobs. Every way goes along an index, newest or oldest first by id, and ends at the limit:
 *
 * - named ids: one seek each;
 * - a label (tag, batch, partition key, owner, team): along the label;
 * - tasks, groups or states: a merge over the lanes and states that the counters say hold jobs;
 * - otherwise: along the ids of all jobs.
 *
 * What an index does not decide is checked on the row; a page looks at no more than `scannedPerPage` rows for that, and
 * then ends early with a cursor.
 */
import type { JobId, JobRecord } from "../../Queue/Job.ts"
import { formatJobId, jobIdFloor } from "../../Queue/policy/JobIds.ts"
import type { Count, DueCount, JobFilter, Page, PageRequest, Steps } from "../JobQuery.ts"
import type { RankedJob } from "../GroupRecord.ts"
import { byRank } from "./Claims.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import type { Endings } from "./Endings.ts"
import { labelsOf, labelsOfFilter } from "../../Queue/policy/jobs/Labels.ts"
import { isIntact, type JobRow, parseExtra, type StateTable, toRecord } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { Lane, LaneCounters } from "./LaneCounters.ts"
import type { Notes } from "./Notes.ts"
import type { SetAside } from "./SetAside.ts"
import { corrupt, StoreFault } from "./StoreFault.ts"

const scannedPerPage = 10_000
const countedMost = 10_000
/** Ids read from an index at a time. */
const piece = 128

type IdQuery = Query<[JobId]>

/** Ids in order from one index, read in pieces. */
interface Source {
  readonly read: (cursor: number, limit: number) => Array<[JobId]>
}

const lastId = Number.MAX_SAFE_INTEGER

export class Lookups {
  private readonly path: string
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly endings: Endings
  private readonly notes: Notes
  private readonly setAside: SetAside
  /** By code of the state. */
  private readonly liveByLane: ReadonlyArray<Record<PageRequest["order"], IdQuery>>
  private readonly finishedByLane: Record<PageRequest["order"], IdQuery>
  private readonly byId: Record<PageRequest["order"], IdQuery>
  private readonly byLabel: Record<PageRequest["order"], IdQuery>
  private readonly selectOldestPending: Query<[rank: number, id: JobId, due: number]>
  private readonly selectDueIn: Query<[lane: number, step: number, jobs: number]>
  private readonly selectUpNext: Query<[id: JobId, priority: number, due: number, rank: number]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly endings: Endings
      readonly notes: Notes
      readonly setAside: SetAside
    }
  ) {
    this.path = db.path
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.endings = parts.endings
    this.notes = parts.notes
    this.setAside = parts.setAside
    const bothWays = (select: string): Record<PageRequest["order"], IdQuery> => ({
      newest: db.prepare(`${select} id < ? ORDER BY id DESC LIMIT ?`),
      oldest: db.prepare(`${select} id > ? ORDER BY id LIMIT ?`)
    })
    const live = (table: StateTable) => bothWays(`SELECT id FROM ${table} WHERE lane = ? AND`)
    this.liveByLane = [live("scheduled"), live("pending"), live("running")]
    this.finishedByLane = bothWays("SELECT id FROM history WHERE lane = ? AND state = ? AND")
    this.byId = bothWays("SELECT id FROM job WHERE")
    this.byLabel = bothWays("SELECT id FROM label WHERE label = ? AND")
    this.selectDueIn = db.prepare(`SELECT lane, MAX(0, CAST((due - ?1) / ?2 AS INTEGER)) AS step, count(*)
      FROM scheduled INDEXED BY scheduled_due WHERE wait IN (1, 2) AND due < ?1 + ?2 * ?3 GROUP BY lane, step`)
    this.selectOldestPending = db.prepare("SELECT rank, id, due FROM pending WHERE lane = ? ORDER BY rank, id LIMIT 1")
    this.selectUpNext = db.prepare(
      `SELECT job.id, priority, due, rank FROM pending JOIN job ON job.id = pending.id
       WHERE pending.lane = ? ORDER BY rank, pending.id LIMIT ?`
    )
  }

  record(row: JobRow): JobRecord {
    return toRecord(row, {
      progress: this.notes.progressOf(row.id),
      waitingFor: row.state === States.scheduled ? this.endings.parentsOf(row.id) : []
    })
  }

  /** A payload that does not match its checksum fails a look at its job, and leaves it out of a look at several. */
  get(ids: ReadonlyArray<JobId>): ReadonlyArray<JobRecord> {
    const found: Array<JobRow> = []
    const missing: Array<JobId> = []
    for (const id of ids) {
      const row = this.rows.find(id)
      if (row === undefined) missing.push(id)
      else found.push(row)
    }
    this.setAside.check(
      found.map(({ id }) => id),
      missing
    )
    const records: Array<JobRecord> = []
    for (const row of found) {
      if (isIntact(row)) records.push(this.record(row))
      else if (ids.length === 1) {
        const job = formatJobId(row.id)
        throw new StoreFault(corrupt(this.path, `the payload of job ${job} does not match its checksum`))
      }
    }
    return records
  }

  list(filter: JobFilter, page: PageRequest): Page {
    const limit = Math.max(1, Math.min(1_000, page.limit))
    const { cursor, missing, rows } = this.find(filter, page.order, page.cursor, limit, scannedPerPage)
    this.setAside.check(
      rows.map(({ id }) => id),
      missing
    )
    return { jobs: rows.map((row) => this.record(row)), next: cursor }
  }

  count(filter: JobFilter): Count {
    if (isCounted(filter)) {
      let count = 0
      for (const { count: jobs } of this.cells(filter)) count += jobs
      return { count, exact: true }
    }
    let count = 0
    let cursor: JobId | undefined
    do {
      const found = this.find(filter, "oldest", cursor, countedMost - count, countedMost)
      count += found.rows.length
      cursor = found.cursor
    } while (cursor !== undefined && count < countedMost)
    return { count, exact: cursor === undefined }
  }

  /** The lanes and states a filter admits and that hold jobs. */
  *cells(filter: JobFilter): Iterable<{ readonly lane: Lane; readonly state: number; readonly count: number }> {
    const tasks = filter.tasks === undefined ? undefined : new Set(filter.tasks)
    const groups = filter.groups === undefined ? undefined : new Set(filter.groups)
    const states = filter.states === undefined ? undefined : new Set(filter.states.map(States.stateCode))
    for (const lane of this.laneCounters.lanes.values()) {
      if (tasks !== undefined && !tasks.has(lane.task)) continue
      if (groups !== undefined && !groups.has(lane.group.name)) continue
      for (let state = 0; state < lane.counts.length; state++) {
        if (filter.session !== undefined && state !== States.running) continue
        const count = lane.counts[state]!
        if (count > 0 && (states === undefined || states.has(state))) yield { lane, state, count }
      }
    }
  }

  /**
   * Up to `limit` rows that match, looking at no more than `scanned`; a cursor when there may be more. `missing`: there
   * is no such job, or parts of it are not there.
   */
  find(
    filter: JobFilter,
    order: PageRequest["order"],
    after: JobId | undefined,
    limit: number,
    scanned: number
  ): {
    readonly rows: ReadonlyArray<JobRow>
    readonly missing: ReadonlyArray<JobId>
    readonly cursor: JobId | undefined
  } {
    const matches = this.matcher(filter)
    const low = filter.from === undefined ? 0 : jobIdFloor(filter.from)
    const high = filter.to === undefined ? lastId : jobIdFloor(filter.to)
    const start = order === "newest" ? Math.min(after ?? lastId, high) : Math.max(after ?? -1, low - 1)
    const rows: Array<JobRow> = []
    const missing: Array<JobId> = []
    let left = scanned
    let last: JobId | undefined
    for (const id of merged(this.sources(filter, order), order, start, Math.min(piece, limit + 1))) {
      if (order === "newest" ? id < low : id >= high) return { rows, missing, cursor: undefined }
      if (rows.length === limit || left-- === 0) return { rows, missing, cursor: last }
      last = id
      const row = this.rows.find(id)
      if (row === undefined) missing.push(id)
      else if (matches(row)) rows.push(row)
    }
    return { rows, missing, cursor: undefined }
  }

  private sources(filter: JobFilter, order: PageRequest["order"]): ReadonlyArray<Source> {
    if (filter.ids !== undefined) return [namedIds(filter.ids, order)]
    const label = labelsOfFilter(filter)[0]
    if (label !== undefined) return [{ read: (cursor, limit) => this.byLabel[order].all(label, cursor, limit) }]
    if (
      filter.tasks === undefined &&
      filter.groups === undefined &&
      filter.states === undefined &&
      filter.session === undefined
    ) {
      return [{ read: (cursor, limit) => this.byId[order].all(cursor, limit) }]
    }
    return [...this.cells(filter)].map(({ lane, state }) => ({
      read: (cursor, limit) => this.inCell(lane, state, order, cursor, limit)
    }))
  }

  private inCell(lane: Lane, state: number, order: PageRequest["order"], cursor: number, limit: number) {
    const live = this.liveByLane[state]?.[order]
    return live?.all(lane.id, cursor, limit) ?? this.finishedByLane[order].all(lane.id, state, cursor, limit)
  }

  /** The first ids of a lane and state beyond `cursor`. */
  idsOf(lane: Lane, state: number, order: PageRequest["order"], cursor: number, limit: number): ReadonlyArray<JobId> {
    return this.inCell(lane, state, order, cursor, limit).map(([id]) => id)
  }

  /** Everything a filter says of a row, but for the times: those bound the ids. */
  private matcher(filter: JobFilter): (row: JobRow) => boolean {
    const tasks = filter.tasks === undefined ? undefined : new Set(filter.tasks)
    const groups = filter.groups === undefined ? undefined : new Set(filter.groups)
    const states = filter.states === undefined ? undefined : new Set(filter.states.map(States.stateCode))
    const labels = labelsOfFilter(filter)
    return (row) => {
      if (tasks !== undefined && !tasks.has(row.lane.task)) return false
      if (groups !== undefined && !groups.has(row.lane.group.name)) return false
      if (states !== undefined && !states.has(row.state)) return false
      if (filter.session !== undefined && (row.state !== States.running || row.session !== filter.session)) return false
      if (labels.length === 0) return true
      const has = new Set(labelsOf(row.partitionKey, parseExtra(row.extra)))
      return labels.every((label) => has.has(label))
    }
  }

  /** Up to `limit` pending jobs of a group in order of rank, then id: one index seek per lane. */
  upNext(group: string, limit: number): ReadonlyArray<RankedJob> {
    const jobs: Array<RankedJob> = []
    for (const lane of this.laneCounters.groups.get(group)?.lanes ?? []) {
      if (lane.counts[States.pending] === 0) continue
      for (const [id, priority, due, rank] of this.selectUpNext.all(lane.id, limit)) {
        jobs.push({ id, task: lane.task, priority, due, rank })
      }
    }
    return jobs.sort(byRank).slice(0, limit)
  }

  /** By group: when the pending job that is first in rank was due. */
  dueIn({ count, from, stepMs }: Steps): ReadonlyArray<DueCount> {
    return this.selectDueIn.all(from, stepMs, count).map(([lane, step, jobs]) => {
      const { group, task } = this.laneCounters.lanes.get(lane)!
      return { group: group.name, task, step, jobs }
    })
  }

  oldestPending(): ReadonlyMap<string, number> {
    const first = new Map<string, [rank: number, id: JobId, due: number]>()
    for (const lane of this.laneCounters.lanes.values()) {
      if (lane.counts[States.pending] === 0) continue
      const head = this.selectOldestPending.get(lane.id)
      if (head === undefined) continue
      const best = first.get(lane.group.name)
      if (best === undefined || head[0] < best[0] || (head[0] === best[0] && head[1] < best[1])) {
        first.set(lane.group.name, head)
      }
    }
    return new Map([...first].map(([group, [, , due]]) => [group, due]))
  }
}

/** Whether the counters alone answer a filter. */
const isCounted = (filter: JobFilter): boolean =>
  filter.ids === undefined &&
  filter.from === undefined &&
  filter.to === undefined &&
  filter.session === undefined &&
  labelsOfFilter(filter).length === 0

const namedIds = (ids: ReadonlyArray<JobId>, order: PageRequest["order"]): Source => {
  const sorted = [...new Set(ids)].sort((a, b) => (order === "newest" ? b - a : a - b))
  return {
    read: (cursor, limit) =>
      sorted
        .filter((id) => (order === "newest" ? id < cursor : id > cursor))
        .slice(0, limit)
        .map((id) => [id])
  }
}

/** The ids of all sources in order, each once. */
function* merged(
  sources: ReadonlyArray<Source>,
  order: PageRequest["order"],
  start: number,
  size: number
): Iterable<JobId> {
  const cursors = sources.map((source) => ({ source, ids: source.read(start, size), position: 0 }))
  const isBefore = order === "newest" ? (a: JobId, b: JobId) => a > b : (a: JobId, b: JobId) => a < b
  for (;;) {
    let first: (typeof cursors)[number] | undefined
    for (const cursor of cursors) {
      const id = cursor.ids[cursor.position]?.[0]
      if (id === undefined) continue
      const best = first?.ids[first.position]?.[0]
      if (best === undefined || isBefore(id, best)) first = cursor
    }
    if (first === undefined) return
    const [id] = first.ids[first.position]!
    yield id
    first.position++
    if (first.position === first.ids.length && first.ids.length === size) {
      first.ids = first.source.read(id, size)
      first.position = 0
    }
  }
}
