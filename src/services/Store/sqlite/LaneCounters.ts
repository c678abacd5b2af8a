/**
 * What a turn must know before it touches a job: the lanes with their counters, the groups with limits and pauses, the
 * last id, the next due time. All of it rests in the file; this is the copy in memory, exact while a transaction is
 * open. `refresh` compares `PRAGMA data_version` (0.2 µs), which moves when another connection commits, and reads
 * everything anew only then.
 *
 * A *lane* is a pair of task and group with an integer id. Jobs carry the lane, so that counters, claims and look-ups
 * work per lane. Here alone their names are read, and become names where a file of others holds anything else
 * (`storedName`).
 */
import type { JobId } from "../../Queue/Job.ts"
import { jobIdFloor } from "../../Queue/policy/JobIds.ts"
import type { Wake } from "../JobStore.ts"
import type { Feedback } from "../../Limits/policy/Feedback.ts"
import { type GroupPolicy, noPolicy } from "../../Limits/GroupPolicy.ts"
import { limitsKeys } from "../../Limits/policy/KeyRules.ts"
import { unlimited } from "../../Queue/policy/GroupLimit.ts"
import { storedName } from "../../Queue/policy/StoredName.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { feedbackIn, feedbackText } from "./FeedbackText.ts"
import { groupPolicyIn } from "./PolicyText.ts"
import { UnreadableRow } from "./RowRules.ts"
import { isSocketName, isWatchName } from "./WakeSocketPlace.ts"

export interface Group {
  readonly name: string
  declared: number | undefined
  operator: number | undefined
  paused: boolean
  declaredPolicy: GroupPolicy
  operatorPolicy: GroupPolicy | undefined
  /** Whether jobs of it may be limited by their keys. */
  hasLimitedKeys: boolean
  /** Virtual time of a fair group: the largest start tag that was claimed. */
  time: number
  /** Theoretical arrival time of its rate, in milliseconds since 1970. */
  tat: number
  /** Nothing of it starts before, in milliseconds since 1970; 0: it was never held back. */
  heldBackUntil: number
  /** What is known of its other side. */
  feedback: Feedback | undefined
  /** What is above changed in the open transaction, by starts or ends of jobs. */
  isTouched: boolean
  readonly lanes: Array<Lane>
  /** Slots taken by all its lanes, over all workers: those of running jobs, of a batch those of its first job. */
  busy: number
  /** Slots freed by the open transaction, less those it took. */
  freed: number
}

export interface Lane {
  readonly id: number
  readonly task: string
  readonly group: Group
  /** Jobs by state code. */
  readonly counts: [number, number, number, number, number, number]
  /** Slots that its running jobs take. */
  slots: number
  touched: boolean
  /** A job became pending in the open transaction. */
  stirred: boolean
}

/** Concurrent jobs of a group over all workers. */
export const limitOf = (group: Group): number => group.operator ?? group.declared ?? unlimited

/** What limits its jobs beside its slots. */
export const policyOf = (group: Group): GroupPolicy => group.operatorPolicy ?? group.declaredPolicy

const isCount = (value: unknown): boolean => Number.isSafeInteger(value)

const noCounts: Lane["counts"] = [0, 0, 0, 0, 0, 0]

type LaneRow = [
  id: number,
  task: string,
  group: string,
  slots: number,
  ...counts: [number, number, number, number, number, number]
]
type GroupRow = [
  name: string,
  declared: number,
  operator: number | null,
  paused: number,
  policy: string,
  operatorPolicy: string | null,
  time: number,
  tat: number,
  heldBack: number,
  feedback: string | null
]
type FlagsRow = [
  paused: number | null,
  lastId: number,
  dependencies: number,
  cascades: number,
  signals: number,
  steps: number,
  document: number | null,
  limits: number | null
]

export class LaneCounters {
  readonly groups = new Map<string, Group>()
  readonly lanes = new Map<number, Lane>()
  private readonly byGroupAndTask = new Map<string, Map<string, Lane>>()
  paused = false
  lastId = 0
  /** Jobs that have ended, here and elsewhere, since this copy was made. */
  endedCount = 0
  /** Live jobs of all lanes. */
  live = 0
  /** Whether the tables of the rarely used features may hold rows; they are not looked at otherwise. */
  hasDependencies = false
  hasCascades = false
  hasSignals = false
  hasSteps = false
  /** Names of the sockets of processes that listen. */
  listeners: ReadonlyArray<string> = []
  /** Some of them want to hear what is noted of jobs. */
  private isWatched = false
  private noted = false

  /** How often this copy was made. */
  copies = 0
  /** How often limits were applied to jobs that were there: what is remembered of those before then may be wrong. */
  limitChanges = 0
  private version = -1
  private removed = false
  private finished = false
  private dueSooner = false
  private control = false
  private nextDueKnown = false
  private nextDueValue: number | undefined
  private readonly touchedLanes: Array<Lane> = []
  private readonly touchedGroups: Array<Group> = []
  private readonly news = new Set<Wake>()
  private documentVersion: number | null = null
  private readonly dataVersion: Query<[number]>
  private readonly selectLanes: Query<LaneRow>
  private readonly selectGroups: Query<GroupRow>
  private readonly selectFlags: Query<FlagsRow>
  private readonly selectLimited: Query<[group: string]>
  private readonly upsertGroup: Query<[]>
  private readonly setLimitChanges: Query<[]>
  private readonly countLive: Query<[state: number, count: number, slots: number]>
  private readonly selectListeners: Query<[string]>
  private readonly insertLane: Query<[number]>
  private readonly updateLane: Query<[]>
  private readonly selectNextDue: Query<[number]>
  private readonly upsertLastId: Query<[]>

  constructor(db: Database) {
    this.dataVersion = db.prepare("PRAGMA data_version")
    this.selectLanes = db.prepare(
      "SELECT id, task, resource_group, slots, scheduled, pending, running, completed, failed, cancelled FROM lane"
    )
    this.selectGroups = db.prepare(
      "SELECT name, declared, operator, paused, policy, operator_policy, time, tat, held_back, feedback FROM resource_group"
    )
    this.selectLimited = db.prepare(
      "SELECT DISTINCT resource_group FROM limit_key WHERE own_policy IS NOT NULL OR paused = 1"
    )
    this.upsertGroup = db.prepare(
      `INSERT INTO resource_group(declared, time, tat, held_back, feedback, name) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET time = excluded.time, tat = excluded.tat, held_back = excluded.held_back,
       feedback = excluded.feedback`
    )
    this.setLimitChanges = db.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('limits', ?)")
    this.selectFlags = db.prepare(`SELECT
      (SELECT value FROM meta WHERE key = 'paused'),
      max(ifnull((SELECT max(id) FROM job), 0), ifnull((SELECT value FROM meta WHERE key = 'lastId'), 0)),
      EXISTS (SELECT 1 FROM dependency), EXISTS (SELECT 1 FROM cascade), EXISTS (SELECT 1 FROM signal),
      EXISTS (SELECT 1 FROM step), (SELECT max(version) FROM document), (SELECT value FROM meta WHERE key = 'limits')`)
    this.countLive = db.prepare(
      `SELECT ${States.scheduled}, count(*), 0 FROM scheduled WHERE lane = ?1 UNION ALL
       SELECT ${States.pending}, count(*), 0 FROM pending WHERE lane = ?1 UNION ALL
       SELECT ${States.running}, count(*), ifnull(sum(CASE wait WHEN ${Waiting.rides} THEN 0 ELSE slots END), 0)
       FROM running WHERE lane = ?1`
    )
    this.selectListeners = db.prepare("SELECT path FROM listener")
    this.insertLane = db.prepare("INSERT INTO lane(task, resource_group) VALUES (?, ?) RETURNING id")
    this.updateLane = db.prepare(
      `UPDATE lane SET scheduled = ?, pending = ?, running = ?, completed = ?, failed = ?, cancelled = ?, slots = ?
       WHERE id = ?`
    )
    this.selectNextDue = db.prepare("SELECT due FROM scheduled WHERE wait IN (1, 2) ORDER BY due LIMIT 1")
    this.upsertLastId = db.prepare(
      "INSERT INTO meta(key, value) VALUES ('lastId', ?1) ON CONFLICT DO UPDATE SET value = max(value, ?1)"
    )
  }

  /** Call first in every transaction. */
  refresh(): void {
    const version = this.dataVersion.get()![0]
    if (version === this.version) return
    this.version = version
    this.copies++
    // Lanes and groups keep their identity: claimed rows point at them.
    const before = new Map(this.lanes)
    const unset = new Set(this.groups.values())
    for (const group of unset) {
      group.lanes.length = 0
      group.busy = 0
      group.freed = 0
    }
    this.lanes.clear()
    this.byGroupAndTask.clear()
    this.touchedLanes.length = 0
    this.touchedGroups.length = 0
    this.live = 0
    this.nextDueKnown = false
    this.removed = false
    this.finished = false
    this.dueSooner = false
    this.control = false
    for (const row of this.selectGroups.all()) {
      const [name, declared, operator, paused, policy, operatorPolicy, time, tat, heldBack, feedback] = row
      const standing = [time, tat, heldBack] as const
      if (!isCount(declared) || !(operator === null || isCount(operator)) || !standing.every(Number.isFinite))
        throw new UnreadableRow("a group cannot be read")
      const group = this.group(storedName(name))
      unset.delete(group)
      const overruling = operatorPolicy === null ? undefined : groupPolicyIn(operatorPolicy)
      this.set(group, declared, operator ?? undefined, paused !== 0, groupPolicyIn(policy), overruling)
      ;[group.time, group.tat, group.heldBackUntil] = standing
      group.feedback = feedbackIn(feedback)
      group.isTouched = false
    }
    for (const group of unset) {
      this.set(group, undefined, undefined, false, noPolicy, undefined)
      group.time = group.tat = group.heldBackUntil = 0
      group.feedback = undefined
    }
    for (const [name] of this.selectLimited.all()) this.group(storedName(name)).hasLimitedKeys = true
    for (const [id, taskName, groupName, slots, ...counts] of this.selectLanes.all()) {
      if (!isCount(slots) || !counts.every(isCount)) throw new UnreadableRow("a counter cannot be read")
      const known = before.get(id)
      const isSame = known?.task === taskName && known.group.name === groupName
      const task = isSame ? known.task : storedName(taskName)
      const group = isSame ? known.group : this.group(storedName(groupName))
      if (known === undefined || known.task !== task || known.group !== group) {
        this.compare(noCounts, counts)
        this.addLane({ id, task, group, counts, slots, touched: false, stirred: false })
      } else {
        this.compare(known.counts, counts)
        for (let state = 0; state < counts.length; state++) known.counts[state] = counts[state]!
        known.slots = slots
        known.touched = false
        known.stirred = false
        this.addLane(known)
      }
    }
    const [paused, lastId, dependencies, cascades, signals, steps, document, limits] = this.selectFlags.get()!
    if (this.paused !== (paused === 1) || signals !== 0 || this.documentVersion !== document) this.news.add("control")
    this.documentVersion = document
    this.limitChanges = limits ?? 0
    this.paused = paused === 1
    this.lastId = lastId
    this.hasDependencies = dependencies !== 0
    this.hasCascades = cascades !== 0
    this.hasSignals = signals !== 0
    this.hasSteps = steps !== 0
    this.listeners = this.selectListeners.all().flatMap(([name]) => (isSocketName(name) ? [name] : []))
    this.isWatched = this.listeners.some(isWatchName)
  }

  private set(
    group: Group,
    declared: number | undefined,
    operator: number | undefined,
    paused: boolean,
    declaredPolicy: GroupPolicy,
    operatorPolicy: GroupPolicy | undefined
  ): void {
    if (
      group.declared !== declared ||
      group.operator !== operator ||
      group.paused !== paused ||
      group.declaredPolicy !== declaredPolicy ||
      group.operatorPolicy !== operatorPolicy
    )
      this.news.add("control")
    group.declared = declared
    group.operator = operator
    group.paused = paused
    group.declaredPolicy = declaredPolicy
    group.operatorPolicy = operatorPolicy
    group.hasLimitedKeys = limitsKeys(policyOf(group))
  }

  private compare(before: Lane["counts"], after: Lane["counts"]): void {
    if (
      after[States.pending] > before[States.pending] ||
      after[States.scheduled] > before[States.scheduled] ||
      after[States.running] < before[States.running]
    ) {
      this.news.add("ready")
    }
    for (let state = States.liveCodes; state < after.length; state++)
      if (after[state]! > before[state]!) {
        this.news.add("finished")
        this.endedCount += after[state]! - before[state]!
      }
  }

  /**
   * Whom commits of other connections concern that were read since this was asked last. What is back where it was at
   * the last look is none, nor is a drain or a document that was removed: who follows those looks for them.
   */
  takeNews(): ReadonlyArray<Wake> {
    const news = [...this.news]
    this.news.clear()
    return news
  }

  /** After a rollback: the copy holds what never happened. */
  invalidate(): void {
    this.version = -1
  }

  /** A group, made known to this copy (not to the file) when new. */
  group(name: string): Group {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = {
        name,
        declared: undefined,
        operator: undefined,
        paused: false,
        declaredPolicy: noPolicy,
        operatorPolicy: undefined,
        hasLimitedKeys: false,
        time: 0,
        tat: 0,
        heldBackUntil: 0,
        feedback: undefined,
        isTouched: false,
        lanes: [],
        busy: 0,
        freed: 0
      }
      this.groups.set(name, group)
    }
    return group
  }

  find(task: string, group: string): Lane | undefined {
    return this.byGroupAndTask.get(group)?.get(task)
  }

  /** The lane of a task and group, stored when new. */
  lane(task: string, group: string): Lane {
    return (
      this.find(task, group) ??
      this.addLane({
        id: this.insertLane.get(task, group)![0],
        task,
        group: this.group(group),
        counts: [0, 0, 0, 0, 0, 0],
        slots: 0,
        touched: false,
        stirred: false
      })
    )
  }

  private addLane(lane: Lane): Lane {
    const { counts, group } = lane
    group.lanes.push(lane)
    group.busy += lane.slots
    for (let state = 0; state < States.liveCodes; state++) this.live += counts[state]!
    this.lanes.set(lane.id, lane)
    let tasks = this.byGroupAndTask.get(group.name)
    if (tasks === undefined) {
      tasks = new Map()
      this.byGroupAndTask.set(group.name, tasks)
    }
    tasks.set(lane.task, lane)
    return lane
  }

  /** Counts jobs into or out of a state; `slots`: of running ones. */
  add(lane: Lane, state: number, delta: number, slots = delta): void {
    lane.counts[state]! += delta
    if (state === States.running) {
      lane.slots += slots
      lane.group.busy += slots
      lane.group.freed -= slots
    } else if (state === States.pending) {
      if (delta > 0) lane.stirred = true
    } else if (state >= States.liveCodes) {
      this.finished = true
      if (delta > 0) this.endedCount += delta
    }
    if (state < States.liveCodes) this.live += delta
    this.touch(lane)
  }

  /** A job of the lane has ended and leaves nothing. */
  ended(lane: Lane): void {
    this.finished = true
    this.endedCount++
    this.touch(lane)
  }

  /** Lanes whose counters moved in the open transaction. */
  get touched(): ReadonlyArray<Lane> {
    return this.touchedLanes
  }

  /** Counts the live jobs of a lane anew. */
  recount(lane: Lane): void {
    for (const [state, count, slots] of this.countLive.all(lane.id))
      this.add(lane, state, count - lane.counts[state]!, slots - lane.slots)
  }

  private touch(lane: Lane): void {
    if (lane.touched) return
    lane.touched = true
    this.touchedLanes.push(lane)
  }

  move(lane: Lane, from: number, to: number): void {
    this.add(lane, from, -1)
    this.add(lane, to, 1)
  }

  /** The next id: later than every id before it, also than those of jobs that are gone. */
  nextId(now: number): JobId {
    this.lastId = Math.max(this.lastId + 1, jobIdFloor(now))
    return this.lastId as JobId
  }

  /** A job goes for good: its id must not be given again, even when it was the highest. */
  jobRemoved(): void {
    this.removed = true
  }

  /** When the next job that waits for its time becomes due. */
  nextDue(): number | undefined {
    if (!this.nextDueKnown) {
      this.nextDueValue = this.selectNextDue.get()?.[0]
      this.nextDueKnown = true
    }
    return this.nextDueValue
  }

  /** A job was scheduled for `due`. */
  scheduledFor(due: number): void {
    if (this.nextDueKnown && this.nextDueValue !== undefined && due >= this.nextDueValue) return
    if (this.nextDueKnown) this.nextDueValue = due
    this.dueSooner = true
  }

  /** A worker must hear of a signal, a limit, a pause or a drain. */
  controlChanged(): void {
    this.control = true
  }

  /** A running job has reported. */
  jobNoted(): void {
    this.noted = true
  }

  /** Its standing among the limits has changed. */
  touchGroup(group: Group): void {
    if (group.isTouched) return
    group.isTouched = true
    this.touchedGroups.push(group)
  }

  /** A job waits that time alone, or a claim, lets start. */
  startsLater(): void {
    this.dueSooner = true
  }

  /** Limits were applied to jobs that were there. */
  limitsChanged(): void {
    this.limitChanges++
    this.setLimitChanges.run(this.limitChanges)
    this.controlChanged()
  }

  /** A scheduled job changed or went. */
  forgetNextDue(): void {
    this.nextDueKnown = false
  }

  /**
   * Call last in every write transaction: one UPDATE per lane whose counters moved. Answers whom its commit concerns.
   */
  flush(): ReadonlyArray<Wake> {
    const wakes: Array<Wake> = []
    let ready = this.dueSooner
    const isNoted = this.isWatched && (this.noted || this.touchedLanes.length > 0)
    for (const lane of this.touchedLanes) {
      const [scheduled, pending, running, completed, failed, cancelled] = lane.counts
      this.updateLane.run(scheduled, pending, running, completed, failed, cancelled, lane.slots, lane.id)
      if (pending > 0 && lane.stirred) ready = true
      else if (lane.group.freed > 0 && lane.group.lanes.some((other) => other.counts[States.pending] > 0)) ready = true
      lane.touched = false
      lane.stirred = false
    }
    for (const lane of this.touchedLanes) lane.group.freed = 0
    this.touchedLanes.length = 0
    for (const group of this.touchedGroups) {
      group.declared ??= unlimited
      this.upsertGroup.run(
        group.declared,
        group.time,
        group.tat,
        group.heldBackUntil,
        feedbackText(group.feedback),
        group.name
      )
      group.isTouched = false
    }
    this.touchedGroups.length = 0
    if (this.removed) this.upsertLastId.run(this.lastId)
    if (ready) wakes.push("ready")
    if (this.finished) wakes.push("finished")
    if (this.control) wakes.push("control")
    if (isNoted) wakes.push("noted")
    this.noted = false
    this.removed = false
    this.finished = false
    this.dueSooner = false
    this.control = false
    return wakes
  }
}
