/**
 * The store over one open file, synchronous: every method is one transaction and throws what went wrong. It is hosted
 * twice, on the caller's thread by `DirectHost` and on a thread of its own by `ThreadHost`; neither knows more than
 * these methods.
 */
import { statfsSync, statSync } from "node:fs"
import path from "node:path"
import type { JobId, JobRecord } from "../../Queue/Job.ts"
import type { ChangeResult, JobChange } from "../JobChange.ts"
import type { Count, DueCount, JobFilter, Page, PageRequest, Steps } from "../JobQuery.ts"
import type { CounterRecord, GroupRecord, RankedJob } from "../GroupRecord.ts"
import type { JournalEntry, StoredDocument } from "../StoredDocument.ts"
import type { LogLine, Turn } from "../Turn.ts"
import type { ResourceRollUp, RollUp, RollUpQuery } from "../RollUp.ts"
import type { KeyFilter, KeyRecord, UnitsRequest, UnitsTaken } from "../KeyRecord.ts"
import type { UsageRecord } from "../UsageRecord.ts"
import type { GroupDeclaration, GroupSettings, RetentionPolicy, StoreStatus, Wake } from "../JobStore.ts"
import type { WorkerInfo, WorkerRecord } from "../WorkerRecord.ts"
import { Answers } from "./Answers.ts"
import type { SweepResult } from "../WorkerRegistry.ts"
import { Changes } from "./Changes.ts"
import { BatchClaims } from "./BatchClaims.ts"
import { Claims } from "./Claims.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import type { EngineTurnResult } from "./Engine.ts"
import { Documents } from "./Documents.ts"
import { Due } from "./Due.ts"
import { Endings } from "./Endings.ts"
import { Enqueues } from "./Enqueues.ts"
import { Groups, type KeySettings } from "./Groups.ts"
import { JobRows } from "./JobRows.ts"
import { Keys } from "./Keys.ts"
import { KeyRepair } from "./KeyRepair.ts"
import { KeySlots } from "./KeySlots.ts"
import { LaneCounters } from "./LaneCounters.ts"
import { LimitChanges } from "./LimitChanges.ts"
import { LimitKeys } from "./LimitKeys.ts"
import { Lookups } from "./Lookups.ts"
import { Notes } from "./Notes.ts"
import { Recovery } from "./Recovery.ts"
import { Reseats } from "./Reseats.ts"
import { Retention } from "./Retention.ts"
import { Running } from "./Running.ts"
import { type Beat, type Moment, Sessions } from "./Sessions.ts"
import { SetAside } from "./SetAside.ts"
import { Settlement } from "./Settlement.ts"
import { Signals } from "./Signals.ts"
import { Statistics } from "./Statistics.ts"
import { type StoreTurnResult, Turns } from "./Turns.ts"
import { Usage } from "./Usage.ts"

export interface SqliteStoreOptions {
  /** Live jobs beyond which enqueues are refused as `Overloaded`. */
  readonly maxLive: number
  /** Called after a commit that others may wait for. */
  readonly onCommit: (wakes: ReadonlyArray<Wake>) => void
}

export class SqliteStore {
  private readonly db: Database
  private readonly onCommit: SqliteStoreOptions["onCommit"]
  private readonly maxLive: number
  readonly laneCounters: LaneCounters
  readonly answers: Answers
  private readonly running = new Running()
  private readonly setAside: SetAside
  private readonly keyRecords: LimitKeys
  private readonly reseats: Reseats
  private readonly keyRepair: KeyRepair
  private readonly slots: KeySlots
  private readonly statistics: Statistics
  private readonly endings: Endings
  private readonly notes: Notes
  private readonly sessions: Sessions
  private readonly lookups: Lookups
  private readonly changes: Changes
  private readonly groupTable: Groups
  private readonly documentTable: Documents
  private readonly recovery: Recovery
  private readonly retention: Retention
  private readonly turns: Turns
  /** Made when somebody asks. */
  private usageOfJobs: Usage | undefined
  private readonly insertListener: Query<[]>
  private readonly keepListeners: Query<[]>
  private readonly dataVersion: Query<[number]>
  private readonly checkpoint: Query<[busy: number]>
  private lastNow = 0

  constructor(db: Database, options: SqliteStoreOptions) {
    this.db = db
    this.onCommit = options.onCommit
    this.maxLive = options.maxLive
    this.insertListener = db.prepare("INSERT OR IGNORE INTO listener(path) VALUES (?)")
    this.keepListeners = db.prepare("DELETE FROM listener WHERE path NOT IN (SELECT value FROM json_each(?))")
    this.dataVersion = db.prepare("PRAGMA data_version")
    this.checkpoint = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)")
    const { running } = this
    this.setAside = new SetAside(db)
    const laneCounters = new LaneCounters(db)
    const statistics = new Statistics(db, laneCounters)
    const limitKeys = new LimitKeys(db, laneCounters)
    const reseats = new Reseats(db, laneCounters, limitKeys)
    const slots = new KeySlots(db, laneCounters, limitKeys, reseats, statistics)
    const rows = new JobRows(db, laneCounters, slots)
    const limitChanges = new LimitChanges(db, { laneCounters, keys: limitKeys, slots, rows, reseats })
    const keys = new Keys(db)
    this.answers = new Answers(db, rows)
    const endings = new Endings(db, { laneCounters, rows, keys, slots, statistics })
    const signals = new Signals(db, laneCounters)
    const notes = new Notes(db, laneCounters)
    const sessions = new Sessions(db, statistics)
    const claims = new Claims(db, { laneCounters, rows, running, slots, endings, statistics })
    const batches = new BatchClaims(db, laneCounters, claims)
    const enqueues = new Enqueues(
      { laneCounters, rows, keys, slots, claims, endings, signals, statistics },
      options.maxLive
    )
    const settlement = new Settlement(db, {
      laneCounters,
      rows,
      running,
      endings,
      enqueues,
      slots,
      signals,
      statistics
    })
    const due = new Due(db, laneCounters, rows, slots)
    const lookups = new Lookups(db, { laneCounters, rows, endings, notes, setAside: this.setAside })
    this.laneCounters = laneCounters
    this.keyRecords = limitKeys
    this.reseats = reseats
    this.keyRepair = new KeyRepair(db, laneCounters, limitKeys, reseats, slots)
    this.slots = slots
    this.statistics = statistics
    this.endings = endings
    this.notes = notes
    this.sessions = sessions
    this.lookups = lookups
    this.groupTable = new Groups(db, {
      laneCounters,
      keys: limitKeys,
      reseats,
      changes: limitChanges
    })
    this.documentTable = new Documents(db, laneCounters)
    this.changes = new Changes({
      laneCounters,
      rows,
      running,
      keys,
      lookups,
      endings,
      signals,
      statistics,
      setAside: this.setAside
    })
    this.recovery = new Recovery(db, { laneCounters, rows, sessions, settlement, signals, endings, statistics })
    this.retention = new Retention(db, { laneCounters, rows, keys, endings })
    this.turns = new Turns({
      laneCounters,
      sessions,
      notes,
      settlement,
      endings,
      due,
      enqueues,
      slots,
      changes: limitChanges,
      claims,
      batches,
      signals,
      running
    })
  }

  /** A write transaction over the newest counters; `now` paces the roll-ups. */
  private write<A>(now: number, body: () => A, flushesStatistics = false): A {
    this.lastNow = now
    const attempt = () => this.transaction(now, body, flushesStatistics)
    const { answer, flushed, wakes } = this.setAside.around(now, attempt, this.forget)
    if (flushed) this.statistics.flushed()
    this.statistics.commit(now)
    this.running.commit()
    this.answers.commit()
    if (wakes.length > 0) this.onCommit(wakes)
    return answer
  }

  /** What is known of the file is out of date. */
  private readonly forget = () => this.laneCounters.invalidate()

  private transaction<A>(now: number, body: () => A, flushesStatistics: boolean) {
    try {
      return this.db.write(() => {
        this.laneCounters.refresh()
        this.keyRecords.begin(now)
        this.reseats.begin()
        this.slots.begin()
        this.running.begin(this.laneCounters.limitChanges)
        const again = this.answers.again()
        if (again !== undefined) return { answer: again.answer as A, flushed: false, wakes: [] }
        const answer = body()
        this.endings.cascade(now)
        const flushed = flushesStatistics || this.statistics.isDue(now)
        if (flushed) this.statistics.flush(now)
        this.answers.keep(answer, now)
        this.keyRecords.write()
        return { answer, flushed, wakes: this.laneCounters.flush() }
      })
    } catch (error) {
      this.laneCounters.invalidate()
      this.slots.invalidate()
      this.endings.invalidate()
      this.statistics.invalidate()
      this.running.rollback()
      this.answers.rollback()
      throw error
    }
  }

  private read<A>(body: () => A): A {
    return this.setAside.around(
      this.lastNow,
      () =>
        this.db.read(() => {
          this.laneCounters.refresh()
          this.keyRecords.begin(this.lastNow)
          this.reseats.begin()
          return body()
        }),
      this.forget
    )
  }

  /** `complete`: makes of what was done the answer that its caller gets, and a call that is asked again. */
  turn<A extends StoreTurnResult | EngineTurnResult = StoreTurnResult>(
    turn: Turn,
    complete?: (result: StoreTurnResult) => A
  ): A {
    return this.write(turn.now, () => {
      const result = this.turns.take(turn)
      return complete === undefined ? (result as A) : complete(result)
    })
  }

  get(ids: ReadonlyArray<JobId>): ReadonlyArray<JobRecord> {
    return this.read(() => this.lookups.get(ids))
  }

  list(filter: JobFilter, page: PageRequest): Page {
    return this.read(() => this.lookups.list(filter, page))
  }

  count(filter: JobFilter): Count {
    return this.read(() => this.lookups.count(filter))
  }

  counters(): ReadonlyArray<CounterRecord> {
    return this.read(() =>
      [...this.lookups.cells({})].map(({ count, lane, state }) => ({
        group: lane.group.name,
        task: lane.task,
        state: States.stateNames[state]!,
        count
      }))
    )
  }

  usage(): ReadonlyArray<UsageRecord> {
    this.usageOfJobs ??= new Usage(this.db, this.lookups)
    const { usageOfJobs } = this
    return this.read(() => usageOfJobs.all())
  }

  oldestPending(): ReadonlyMap<string, number> {
    return this.read(() => this.lookups.oldestPending())
  }

  dueIn(steps: Steps): ReadonlyArray<DueCount> {
    return this.read(() => this.lookups.dueIn(steps))
  }

  upNext(group: string, limit: number): ReadonlyArray<RankedJob> {
    return this.read(() => this.lookups.upNext(group, Math.max(0, Math.min(1_000, limit))))
  }

  logs(id: JobId, after: number, limit: number): { readonly lines: ReadonlyArray<LogLine>; readonly next: number } {
    return this.read(() => this.notes.read(id, after, limit))
  }

  step(id: JobId, name: string): string | undefined {
    return this.read(() => this.notes.stepOf(id, name))
  }

  rollUps(query: RollUpQuery): ReadonlyArray<RollUp> {
    this.flushStatistics()
    return this.read(() => this.statistics.query(query))
  }

  resourceRollUps(query: RollUpQuery): ReadonlyArray<ResourceRollUp> {
    this.flushStatistics()
    return this.read(() => this.statistics.queryResources(query))
  }

  status(): StoreStatus {
    const size = (suffix: string): number => statSync(this.db.path + suffix, { throwIfNoEntry: false })?.size ?? 0
    const disk = statfsSync(path.dirname(this.db.path))
    return this.read(() => {
      let finished = 0
      for (const { counts } of this.laneCounters.lanes.values()) {
        finished += counts[States.completed] + counts[States.failed] + counts[States.cancelled]
      }
      return {
        bytes: size("") + size("-wal") + size("-shm"),
        freeBytes: disk.bavail * disk.bsize,
        live: this.laneCounters.live,
        maxLive: this.maxLive,
        finished
      }
    })
  }

  change(filter: JobFilter, change: JobChange, now: number, limit: number, after: JobId | undefined): ChangeResult {
    const result = this.write(now, () => this.changes.change(filter, change, now, Math.min(limit, 1_000), after))
    this.finishCascades(now)
    return result
  }

  /** Follows a long chain of dependent jobs to its end, in transactions short enough for others to get in between. */
  private finishCascades(now: number): void {
    while (this.laneCounters.hasCascades) this.write(now, () => undefined)
  }

  declareGroups(groups: ReadonlyArray<GroupDeclaration>, now: number): void {
    if (!this.read(() => this.groupTable.isNews(groups))) return
    this.write(now, () => this.groupTable.declare(groups))
  }

  groups(): ReadonlyArray<GroupRecord> {
    return this.read(() => this.groupTable.list())
  }

  setGroup(name: string, settings: GroupSettings, now: number): GroupRecord {
    return this.write(now, () => this.groupTable.set(name, settings))
  }

  limitKeys(filter: KeyFilter, limit: number): ReadonlyArray<KeyRecord> {
    return this.read(() => this.keyRecords.list(filter, Math.max(0, Math.min(1_000, limit))))
  }

  setKey(group: string, key: string, settings: KeySettings, now: number): KeyRecord {
    return this.write(now, () => this.groupTable.setKey(group, key, settings))
  }

  takeUnits(request: UnitsRequest): UnitsTaken {
    return this.write(request.now, () => this.groupTable.takeUnits(request))
  }

  repairKeys(now: number): number {
    return this.write(now, () => this.keyRepair.repair())
  }

  removeGroup(name: string): boolean {
    return this.write(this.lastNow, () => this.groupTable.remove(name))
  }

  paused(): boolean {
    return this.read(() => this.laneCounters.paused)
  }

  setPaused(paused: boolean): void {
    this.write(this.lastNow, () => this.groupTable.setPaused(paused))
  }

  document(kind: string, key: string): StoredDocument | undefined {
    return this.read(() => this.documentTable.get(kind, key))
  }

  documents(kind: string): ReadonlyArray<StoredDocument> {
    return this.read(() => this.documentTable.all(kind))
  }

  putDocument(
    kind: string,
    key: string,
    text: string | undefined,
    now: number,
    version: number | undefined
  ): number | undefined {
    return this.write(now, () => this.documentTable.put(kind, key, text, now, version))
  }

  journal(
    kind: string,
    key: string | undefined,
    before: number | undefined,
    limit: number
  ): ReadonlyArray<JournalEntry> {
    return this.read(() => this.documentTable.journal(kind, key, before ?? Number.MAX_SAFE_INTEGER, limit))
  }

  appendJournal(
    kind: string,
    entries: ReadonlyArray<{ readonly key: string; readonly text: string }>,
    now: number,
    keep: number
  ): void {
    this.write(now, () => this.documentTable.append(kind, entries, now, keep))
  }

  join(worker: WorkerInfo, moment: Moment, leaseMs: number): number {
    return this.write(moment.now, () => this.sessions.join(worker, moment, leaseMs))
  }

  beat(session: number, beat: Beat): boolean {
    return this.write(beat.now, () => this.sessions.beat(session, beat))
  }

  /** Renews for a worker whose event loop does not answer since `since`. */
  renewBlocked(session: number, since: number, moment: Moment, leaseMs: number): boolean {
    return this.write(moment.now, () => {
      this.laneCounters.controlChanged()
      return this.sessions.renewBlocked(session, { since, jobs: this.running.idsOf(session) }, moment, leaseMs)
    })
  }

  leave(session: number, now: number): void {
    this.write(now, () => this.recovery.leave(session, now))
    this.running.forget(session)
  }

  workers(moment: Moment): ReadonlyArray<WorkerRecord> {
    return this.read(() => {
      this.setAside.checkWorkers()
      return this.sessions.list(moment)
    })
  }

  drain(session: number): boolean {
    return this.write(this.lastNow, () => {
      this.laneCounters.controlChanged()
      return this.sessions.drain(session)
    })
  }

  sweep(moment: Moment, limit: number): SweepResult {
    return this.write(moment.now, () => this.recovery.sweep(moment, limit))
  }

  /** Mostly a look: who leads renews in every other pass, and who does not leads only once the leader is gone. */
  lead(role: string, session: number, now: number, ttlMs: number): boolean {
    const stands = this.read(() => this.sessions.leads(role, session, now, ttlMs))
    return stands ?? this.write(now, () => this.sessions.lead(role, session, now, ttlMs))
  }

  prune(policy: RetentionPolicy, now: number, limit: number): number {
    return this.write(now, () => {
      this.answers.prune(now)
      return this.retention.prune(policy, now, limit)
    })
  }

  pruneRollUps(now: number): void {
    this.write(now, () => this.statistics.prune(now))
  }

  addListener(name: string): void {
    this.write(this.lastNow, () => {
      this.keepOnly(this.laneCounters.listeners)
      this.insertListener.run(name)
    })
  }

  removeListeners(names: ReadonlyArray<string>): void {
    this.write(this.lastNow, () => this.keepOnly(this.laneCounters.listeners.filter((each) => !names.includes(each))))
  }

  /** Rows that name no socket, whatever put them there, go with the others. */
  private keepOnly(names: ReadonlyArray<string>): void {
    this.keepListeners.run(JSON.stringify(names))
    this.laneCounters.listeners = names
  }

  /** Moves when another process commits. */
  version(): number {
    return this.dataVersion.get()![0]
  }

  /** What other processes have changed since the last call, as what they would have said of it. */
  news(): ReadonlyArray<Wake> {
    return this.read(() => this.laneCounters.takeNews())
  }

  /** Moves the WAL into the file and truncates it; false when a reader holds it. */
  emptyWal(): boolean {
    return this.checkpoint.get()![0] === 0
  }

  /** Writes the roll-ups that rest in memory, if any. */
  flushStatistics(): void {
    if (this.statistics.isDirty) this.write(this.lastNow, () => undefined, true)
  }
}
