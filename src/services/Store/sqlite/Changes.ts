/** What operators do to jobs. */
import type { JobId } from "../../Queue/Job.ts"
import type { ChangeResult, JobChange } from "../JobChange.ts"
import type { JobFilter } from "../JobQuery.ts"
import type { Rankings } from "../../Queue/policy/Order.ts"
import { type Editable, edited, fits, isEdit, rankOf, rankOfRetry, statesFor } from "../../Queue/policy/jobs/Changes.ts"
import { cancelledBecause } from "../../Queue/policy/jobs/StoreFailures.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Endings } from "./Endings.ts"
import { checksumOf, type JobRow, parseExtra, withShares } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { Keys } from "./Keys.ts"
import type { LaneCounters } from "./LaneCounters.ts"
import type { Lookups } from "./Lookups.ts"
import type { Running } from "./Running.ts"
import type { SetAside } from "./SetAside.ts"
import type { Signals } from "./Signals.ts"
import type { Statistics } from "./Statistics.ts"

const scannedAtATime = 10_000

export class Changes {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly running: Running
  private readonly keys: Keys
  private readonly lookups: Lookups
  private readonly endings: Endings
  private readonly signals: Signals
  private readonly statistics: Statistics
  private readonly setAside: SetAside

  constructor(parts: {
    readonly laneCounters: LaneCounters
    readonly rows: JobRows
    readonly running: Running
    readonly keys: Keys
    readonly lookups: Lookups
    readonly endings: Endings
    readonly signals: Signals
    readonly statistics: Statistics
    readonly setAside: SetAside
  }) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.running = parts.running
    this.keys = parts.keys
    this.lookups = parts.lookups
    this.endings = parts.endings
    this.signals = parts.signals
    this.statistics = parts.statistics
    this.setAside = parts.setAside
  }

  change(filter: JobFilter, change: JobChange, now: number, limit: number, after: JobId | undefined): ChangeResult {
    const changed: Array<JobId> = []
    if (filter.ids !== undefined) {
      this.setAside.check(filter.ids, filter.ids)
      const refused: Array<ChangeResult["refused"][number]> = []
      const ids = [...new Set(filter.ids)]
      const matching = new Set(
        this.lookups.find(filter, "oldest", undefined, ids.length, ids.length).rows.map(({ id }) => id)
      )
      let more = false
      for (const id of ids.sort((a, b) => a - b)) {
        const row = this.rows.find(id)
        if (row !== undefined && !matching.has(id)) continue
        if (changed.length === limit) {
          more = true
          break
        }
        if (row !== undefined && fits(change._tag, row.state) && this.apply(row, change, now)) changed.push(id)
        else if (row === undefined && change._tag === "Remove" && this.setAside.forget(id)) changed.push(id)
        else refused.push({ id, state: row === undefined ? undefined : States.stateNames[row.state]! })
      }
      return { changed, refused, more }
    }
    const candidates = this.candidates(filter, change, now, limit + 1, after)
    for (const row of candidates.slice(0, limit)) {
      // By now an earlier change of this very call may have moved it.
      const current = this.rows.find(row.id)
      if (current !== undefined && current.state === row.state && this.apply(current, change, now)) changed.push(row.id)
    }
    return { changed, refused: [], more: candidates.length > limit }
  }

  /**
   * The oldest jobs of a filter that would change. Those that are as asked already would be met again by every further
   * call.
   */
  private candidates(
    filter: JobFilter,
    change: JobChange,
    now: number,
    limit: number,
    after: JobId | undefined
  ): ReadonlyArray<JobRow> {
    const states = statesFor(change._tag)
    const wanted = filter.states === undefined ? states : filter.states.filter((state) => states.includes(state))
    const candidates: Array<JobRow> = []
    let cursor = after
    do {
      const found = this.lookups.find(
        { ...filter, states: wanted },
        "oldest",
        cursor,
        limit - candidates.length,
        scannedAtATime
      )
      for (const row of found.rows) if (this.wouldChange(row, change, now)) candidates.push(row)
      cursor = found.cursor
    } while (cursor !== undefined && candidates.length < limit)
    return candidates
  }

  private wouldChange(row: JobRow, change: JobChange, now: number): boolean {
    switch (change._tag) {
      case "Cancel":
        return row.state !== States.running || this.signals.reason(row.id) === undefined
      case "Retry":
        return row.uniqueKey === null || this.keys.find(row.uniqueKey, now)?.live !== true
      case "Remove":
      case "Rank":
        return true
      case "Edit":
        return isEdit(editable(row), change)
    }
  }

  /** False: it does not allow it. */
  private apply(row: JobRow, change: JobChange, now: number): boolean {
    switch (change._tag) {
      case "Cancel":
        if (row.state === States.running) this.signals.cancel(row.id, row.session!, change.reason)
        else this.endings.endWaiting(row, States.cancelled, cancelledBecause(change.reason, row.attempt, now))
        return true
      case "Retry":
        return this.retry(row, change.rankings, now)
      case "Remove":
        this.remove(row, now)
        return true
      case "Edit":
        this.editWaiting(row, change, now)
        return true
      case "Rank": {
        const rank = rankOf(editable(row), change.rankings)
        if (rank === (row.ownRank ?? row.rank)) return true
        this.rows.move(row, { ...row, rank, ownRank: null })
        if (row.state === States.running) this.running.rank(row.id, rank)
        return true
      }
    }
  }

  private retry(row: JobRow, rankings: Rankings | undefined, now: number): boolean {
    if (row.uniqueKey !== null) {
      const holder = this.keys.find(row.uniqueKey, now)
      if (holder?.live === true) return false
      this.keys.take(row.uniqueKey, row.id, 0, now)
    }
    this.rows.dropProgress(row.id)
    const revived: JobRow = {
      ...withShares(row),
      state: States.pending,
      wait: Waiting.waitNone,
      due: now,
      rank: rankOfRetry(editable(row), rankings, now),
      attempt: 0,
      session: null,
      started: null,
      // It had its time; a redrive is to run.
      expires: null,
      failure: null,
      attempts: null,
      finished: null,
      keepUntil: null,
      result: null,
      lost: 0
    }
    if (row.expires !== null) this.rows.rewrite(revived)
    this.rows.move(row, revived)
    this.statistics.count(row.lane, "arrivals")
    return true
  }

  private remove(row: JobRow, now: number): void {
    this.rows.take(row)
    if (States.isLive(row.state)) this.endings.after(row, false, now)
    this.endings.discard(row)
  }

  private editWaiting(row: JobRow, change: Extract<JobChange, { readonly _tag: "Edit" }>, now: number): void {
    const before = editable(row)
    const { due, extra, group, isMoved, payload, priority, rank } = edited(before, change)
    const lane = group === before.group ? row.lane : this.laneCounters.lane(row.lane.task, group)
    const isPlaced = isMoved && !Waiting.isForOthers(row.wait)
    const wait = Waiting.outOfLine(row.wait)
    const moved: JobRow = {
      ...row,
      lane,
      payload: payload as string,
      checksum: checksumOf(row.id, payload as string),
      priority,
      extra: extra === before.extra ? row.extra : JSON.stringify(extra),
      due,
      rank,
      ownRank: null,
      state: isPlaced ? Waiting.stateWhile(wait, due, now) : row.state,
      wait: isPlaced ? Waiting.waitWhile(wait, due, now) : row.wait
    }
    this.rows.rewrite(moved)
    if (isMoved) this.rows.move(row, moved)
    if (lane !== row.lane) this.statistics.count(lane, "arrivals")
    if (change.tags !== undefined) this.rows.relabel(row, extra)
  }
}

const editable = ({ due, extra, lane, ownRank, payload, priority, rank }: JobRow): Editable => ({
  task: lane.task,
  group: lane.group.name,
  payload,
  priority,
  due,
  rank: ownRank ?? rank,
  extra: parseExtra(extra)
})
