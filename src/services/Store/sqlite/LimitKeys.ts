/**
 * The records of limited keys: what each holds and what waits for it. Each record that a transaction has touched is
 * written once, by `flush`; the copies hold while no other connection commits.
 *
 * A key without a rule has no record, and one whose record says nothing (`isForgettable`) may lose it.
 */
import { heldUntil } from "../../Limits/policy/Holding.ts"
import type { KeyPolicy } from "../../Limits/GroupPolicy.ts"
import { isForgettable, isRated, type KeyState, newKey, nextAt, windowOf } from "../../Limits/policy/KeyAdmission.ts"
import { type OwnRule, policyOf, unruled } from "../../Limits/policy/KeyRules.ts"
import type { JobId } from "../../Queue/Job.ts"
import { labelsOf } from "../../Queue/policy/jobs/Labels.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { KeyFilter, KeyRecord } from "../KeyRecord.ts"
import type { Database, Query } from "./Database.ts"
import { type Group, type Lane, type LaneCounters, limitOf, policyOf as groupPolicyOf } from "./LaneCounters.ts"
import { feedbackIn, feedbackText } from "./FeedbackText.ts"
import { keyPolicyIn } from "./PolicyText.ts"
import { UnreadableRow } from "./RowRules.ts"

/** A limited key, with what is in force for it. */
export interface LimitKey extends Mutable<KeyState> {
  readonly id: number
  readonly group: Group
  /** The partition key; `""` for jobs without one. */
  readonly key: string
  readonly policy: KeyPolicy
  /** What an operator set for this key alone. */
  own: KeyPolicy | undefined
  /** Since when jobs wait for it without a break; 0: none does. */
  since: number
  /** Live jobs of it that do not run, where its policy bounds them. */
  backlog: number
  /** Jobs that nothing keeps may be in its line still: it is to be promoted again. */
  isBehind: boolean
  isNew: boolean
  isTouched: boolean
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** A job that waits for its key. */
export type Waiter = [lane: number, id: JobId, rank: number, due: number, slots: number, cost: number]

type KeyRow = [
  id: number,
  group: string,
  key: string,
  held: number,
  waiting: number,
  since: number,
  backlog: number,
  time: number,
  tat: number,
  heldBack: number,
  paused: number,
  own: string | null,
  feedback: string | null,
  promotesAt: number | null
]

const columns =
  "id, resource_group, key, held, waiting, since, backlog, time, tat, held_back, paused, own_policy, feedback, promotes_at"

/** What an operator set for the key, if anything. */
export const ownRuleOf = (key: LimitKey | undefined): OwnRule | undefined =>
  key === undefined || (key.own === undefined && !key.paused) ? undefined : { policy: key.own, paused: key.paused }

/** The labels of partition keys. */
const labelStart = labelsOf("", undefined)[0]!
const labelEnd = `${labelStart.slice(0, -1)};`

/** Keys that are promoted again in one transaction. */
const promotedAtOnce = 256

/** Copies kept from one transaction to the next. */
const keptMost = 20_000

export class LimitKeys {
  private readonly laneCounters: LaneCounters
  private readonly byId = new Map<number, LimitKey>()
  /** By group and key; null: not limited. */
  private readonly byName = new Map<Group, Map<string, LimitKey | null>>()
  private readonly touched: Array<LimitKey> = []
  private size = 0
  private lastId: number | undefined
  private copy = -1
  private nextPromotion: number | undefined
  private nextPromotionKnown = false
  /** By the store's clock, in milliseconds since 1970. */
  now = 0
  private readonly selectByName: Query<KeyRow>
  private readonly selectById: Query<KeyRow>
  private readonly deleteByName: Query<[]>
  private readonly selectOwn: Query<[policy: string | null, paused: number]>
  private readonly selectLabels: Query<[label: string]>
  private readonly selectNames: Query<[name: string]>
  private readonly sumRunning: Query<[id: number, slots: number]>
  private readonly countWaiting: Query<[id: number, count: number]>
  private readonly selectSpeaking: Query<[id: number]>
  private readonly selectLastId: Query<[number]>
  private readonly insert: Query<[]>
  private readonly update: Query<[]>
  private readonly selectFirst: Query<Waiter>
  private readonly selectFirstInLine: Query<Waiter>
  private readonly selectDue: Query<[id: number, nextAt: number]>
  private readonly selectWaitedFor: Query<[id: number]>
  private readonly selectNext: Query<[nextAt: number | null]>
  private readonly selectPromoting: Query<[id: number]>
  private readonly selectNextPromotion: Query<[promotesAt: number | null]>

  constructor(db: Database, laneCounters: LaneCounters) {
    this.laneCounters = laneCounters
    this.selectByName = db.prepare(`SELECT ${columns} FROM limit_key WHERE resource_group = ? AND key = ?`)
    this.selectById = db.prepare(`SELECT ${columns} FROM limit_key WHERE id = ?`)
    this.deleteByName = db.prepare("DELETE FROM limit_key WHERE resource_group = ? AND key = ?")
    this.selectOwn = db.prepare(
      "SELECT own_policy, paused FROM limit_key WHERE resource_group = ? AND (own_policy IS NOT NULL OR paused = 1)"
    )
    const next = `SELECT min(label) FROM label WHERE label > known.label AND label < '${labelEnd}'`
    this.selectLabels = db.prepare(
      `WITH RECURSIVE known(label) AS (
         SELECT min(label) FROM label WHERE label >= ?1 AND label < '${labelEnd}'
         UNION ALL SELECT (${next}) FROM known WHERE label IS NOT NULL
       ) SELECT label FROM known WHERE label IS NOT NULL`
    )
    this.selectNames = db.prepare("SELECT key FROM limit_key WHERE resource_group = ?")
    this.sumRunning = db.prepare("SELECT limiter, sum(slots) FROM running WHERE limiter IS NOT NULL GROUP BY limiter")
    this.countWaiting = db.prepare(
      `SELECT limiter, count(*) FROM scheduled INDEXED BY scheduled_line WHERE wait >= ${Waiting.waitLimit} GROUP BY limiter`
    )
    this.selectSpeaking = db.prepare(
      `SELECT id FROM limit_key WHERE (held > 0 OR waiting > 0 OR paused = 1 OR own_policy IS NOT NULL OR held_back > 0)
       AND (?1 IS NULL OR resource_group = ?1) AND (?2 IS NULL OR key IN (SELECT value FROM json_each(?2)))
       ORDER BY waiting DESC, resource_group, key LIMIT ?3`
    )
    this.selectLastId = db.prepare("SELECT ifnull(max(id), 0) FROM limit_key")
    this.insert = db.prepare(
      `INSERT INTO limit_key(held, waiting, since, backlog, time, tat, held_back, paused, own_policy, feedback, next_at, next_lane, promotes_at, id, resource_group, key)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
    )
    this.update = db.prepare(
      `UPDATE limit_key SET held = ?, waiting = ?, since = ?, backlog = ?, time = ?, tat = ?, held_back = ?, paused = ?, own_policy = ?,
       feedback = ?, next_at = ?, next_lane = ?, promotes_at = ? WHERE id = ?`
    )
    const first = (order: string) =>
      `SELECT lane, id, rank, due, slots, cost FROM scheduled WHERE limiter = ? AND wait >= ${Waiting.waitLimit} ORDER BY ${order} LIMIT ?`
    this.selectFirst = db.prepare(first("rank, id"))
    this.selectFirstInLine = db.prepare(first("id"))
    this.selectDue = db.prepare(
      "SELECT id, next_at FROM limit_key WHERE next_lane = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?"
    )
    this.selectWaitedFor = db.prepare("SELECT id FROM limit_key WHERE resource_group = ? AND waiting > 0 ORDER BY key")
    this.selectNext = db.prepare("SELECT min(next_at) FROM limit_key WHERE next_lane = ? AND next_at > ?")
    this.selectPromoting = db.prepare(
      "SELECT id FROM limit_key WHERE promotes_at <= ? ORDER BY promotes_at, id LIMIT ?"
    )
    this.selectNextPromotion = db.prepare("SELECT min(promotes_at) FROM limit_key WHERE promotes_at IS NOT NULL")
  }

  /** Call first in every transaction, once the counters are fresh. */
  begin(now: number): void {
    this.now = now
    if (this.copy === this.laneCounters.copies && this.size <= keptMost) return
    this.forget()
  }

  /** What is known of the file is out of date. */
  forget(): void {
    this.copy = this.laneCounters.copies
    this.byId.clear()
    this.byName.clear()
    this.touched.length = 0
    this.size = 0
    this.lastId = undefined
    this.nextPromotionKnown = false
  }

  /** The limited key that a partition key of the group is; undefined: its jobs are not limited. */
  find(group: Group, partitionKey: string | null): LimitKey | undefined {
    if (!group.hasLimitedKeys) return undefined
    const name = partitionKey ?? ""
    let named = this.byName.get(group)
    const known = named?.get(name)
    if (known !== undefined) return known ?? undefined
    if (named === undefined) {
      named = new Map()
      this.byName.set(group, named)
    }
    const found = this.read(group, name)
    named.set(name, found ?? null)
    this.size++
    return found
  }

  private read(group: Group, name: string): LimitKey | undefined {
    const row = this.selectByName.get(group.name, name)
    if (row !== undefined) {
      const known = this.byId.get(row[0]) ?? this.keyOf(row, group)
      return this.isLimited(known) ? known : undefined
    }
    const policy = policyOf(groupPolicyOf(group), name, undefined)
    return policy === undefined ? undefined : this.make(group, name, policy)
  }

  private isLimited({ group, key, own, paused }: LimitKey): boolean {
    return policyOf(groupPolicyOf(group), key, { policy: own, paused }) !== undefined
  }

  /** The record of a key, if there is one, whether a rule names it or not. */
  stored(group: Group, name: string): LimitKey | undefined {
    const row = this.selectByName.get(group.name, name)
    return row === undefined ? undefined : (this.byId.get(row[0]) ?? this.keyOf(row, group))
  }

  /** The same, made when there is none. */
  named(group: Group, name: string): LimitKey {
    return (
      this.stored(group, name) ??
      this.byName.get(group)?.get(name) ??
      this.make(group, name, policyOf(groupPolicyOf(group), name, undefined) ?? unruled)
    )
  }

  /** Forgets a key that is limited no more. */
  remove(group: Group, name: string): void {
    this.deleteByName.run(group.name, name)
  }

  /** Whether operators set anything for a key of the group. */
  hasOwn(group: Group): boolean {
    return this.selectOwn.get(group.name) !== undefined
  }

  ownRules(group: Group): ReadonlyArray<OwnRule> {
    return this.selectOwn.all(group.name).map(([policy, paused]) => ({
      policy: policy === null ? undefined : keyPolicyIn(policy),
      paused: paused === 1
    }))
  }

  /** The keys that jobs may have or that have records in the group, and that of the jobs without one. */
  namesOf(group: Group): ReadonlySet<string> {
    const names = new Set([""])
    for (const [label] of this.selectLabels.all(labelStart)) names.add(label.slice(labelStart.length))
    for (const [name] of this.selectNames.all(group.name)) names.add(name)
    return names
  }

  /** Slots of running jobs, by key. */
  heldByRunning(): ReadonlyMap<number, number> {
    return new Map(this.sumRunning.all())
  }

  /** Jobs in lines, by key. */
  inLines(): ReadonlyMap<number, number> {
    return new Map(this.countWaiting.all())
  }

  /** Keys that have something to say: those with the most waiting jobs first. */
  list({ group, keys }: KeyFilter, limit: number): ReadonlyArray<KeyRecord> {
    const running = this.heldByRunning()
    return this.selectSpeaking
      .all(group ?? null, keys === undefined ? null : JSON.stringify(keys), limit)
      .map(([id]) => this.recordOf(this.get(id), running))
  }

  recordOf(key: LimitKey, running = this.heldByRunning()): KeyRecord {
    return {
      group: key.group.name,
      key: key.key,
      policy: key.policy,
      ownPolicy: key.own,
      held: key.held,
      running: running.get(key.id) ?? 0,
      waiting: key.waiting,
      waitingSince: key.waiting === 0 ? undefined : key.since,
      nextAt: this.nextAt(key),
      heldBackUntil: key.heldBackUntil,
      tat: key.tat,
      feedback: key.feedback,
      paused: key.paused
    }
  }

  private make(group: Group, key: string, policy: KeyPolicy): LimitKey {
    this.lastId = (this.lastId ?? this.selectLastId.get()![0]) + 1
    const made: LimitKey = {
      ...newKey,
      id: this.lastId,
      group,
      key,
      policy,
      own: undefined,
      since: 0,
      backlog: 0,
      isBehind: false,
      isNew: true,
      isTouched: false
    }
    this.byId.set(made.id, made)
    return made
  }

  /** The record that a job's `limiter` names. */
  get(id: number): LimitKey {
    const known = this.byId.get(id)
    if (known !== undefined) return known
    const row = this.selectById.get(id)
    const group = row === undefined ? undefined : this.laneCounters.groups.get(row[1])
    if (row === undefined || group === undefined) throw new UnreadableRow("a limited key is not there")
    this.size++
    return this.keyOf(row, group)
  }

  private keyOf(row: KeyRow, group: Group): LimitKey {
    const [id, , key, held, waiting, since, backlog, time, tat, heldBackUntil, paused, ownText, feedback, promotesAt] =
      row
    const own = ownText === null ? undefined : keyPolicyIn(ownText)
    const made: LimitKey = {
      held,
      waiting,
      time,
      tat,
      feedback: feedbackIn(feedback),
      heldBackUntil,
      paused: paused === 1,
      id,
      group,
      key,
      policy: policyOf(groupPolicyOf(group), key, { policy: own, paused: paused === 1 }) ?? unruled,
      own,
      since,
      backlog,
      isBehind: promotesAt !== null,
      isNew: false,
      isTouched: false
    }
    this.byId.set(id, made)
    return made
  }

  /** Slots that its jobs may hold together. */
  windowOf({ group, policy }: LimitKey): number {
    return windowOf(groupPolicyOf(group), policy, limitOf(group))
  }

  /** The first that wait for it, in the order in which they are let go. */
  first(key: LimitKey, limit: number): ReadonlyArray<Waiter> {
    return (key.policy.order === "fifo" ? this.selectFirstInLine : this.selectFirst).all(key.id, limit)
  }

  touch(key: LimitKey): void {
    if (key.isTouched) return
    key.isTouched = true
    this.touched.push(key)
  }

  /**
   * The rated keys of a group that may start a job of `tasks` now, as far as time goes: those that may have longest, at
   * most `limit`.
   */
  due(group: Group, tasks: ReadonlySet<string>, limit: number): ReadonlyArray<LimitKey> {
    if (!group.hasLimitedKeys) return []
    this.write()
    return lanesOf(group, tasks)
      .flatMap(({ id }) => this.selectDue.all(id, this.now, limit))
      .sort(([idA, a], [idB, b]) => a - b || idA - idB)
      .slice(0, limit)
      .map(([id]) => this.get(id))
  }

  /** The keys of a group for which jobs wait. */
  waitedFor(group: Group): ReadonlyArray<LimitKey> {
    this.write()
    return this.selectWaitedFor.all(group.name).map(([id]) => this.get(id))
  }

  /**
   * When time alone lets a rated key of the group start a job of `tasks` that it may not start yet; past: but for its
   * group.
   */
  nextStart(group: Group, tasks: ReadonlySet<string>): number | undefined {
    if (!group.hasLimitedKeys) return undefined
    this.write()
    const after = heldUntil(group, groupPolicyOf(group), this.now) > this.now ? 0 : this.now
    const times = lanesOf(group, tasks).flatMap(({ id }) => this.selectNext.get(id, after)![0] ?? [])
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** When the next key is to be promoted again: those that are behind, and those held back that have no rate. */
  nextPromotionAt(): number | undefined {
    if (!this.nextPromotionKnown) {
      this.nextPromotion = this.selectNextPromotion.get()![0] ?? undefined
      this.nextPromotionKnown = true
    }
    return this.nextPromotion
  }

  /** Those of `nextPromotionAt` whose time has come, some at a time. */
  promoting(): ReadonlyArray<LimitKey> {
    const next = this.nextPromotionAt()
    if (next === undefined || next > this.now) return []
    const keys = this.selectPromoting.all(this.now, promotedAtOnce).map(([id]) => this.get(id))
    for (const key of keys) this.touch(key)
    return keys
  }

  /** When time alone lets the next job of the key start, as `policy/KeyAdmission` says. */
  nextAt(key: LimitKey): number | undefined {
    return this.next(key)?.at
  }

  private next(key: LimitKey): { readonly at: number; readonly lane: number } | undefined {
    const head = key.waiting === 0 ? undefined : this.first(key, 1)[0]
    if (head === undefined) return undefined
    const [lane, , , , slots, cost] = head
    const at = nextAt(key, key.policy, this.windowOf(key), slots, cost)
    return at === undefined ? undefined : { at, lane }
  }

  /** A key of which nothing has to be remembered begins anew. */
  private forgetIdle(key: LimitKey): void {
    const { fair } = groupPolicyOf(key.group)
    if (!isForgettable(key, fair === true ? key.group.time : Number.POSITIVE_INFINITY, this.now)) return
    key.time = key.tat = key.heldBackUntil = 0
  }

  /** Writes what was touched. Call last in every write transaction, before the counters are flushed. */
  write(): void {
    if (this.touched.length === 0) return
    for (const key of this.touched) {
      this.forgetIdle(key)
      const { backlog, group, heldBackUntil, held, id, isBehind, own, paused, since, tat, time, waiting } = key
      const isOfClaims = isRated(key.policy)
      const next = isOfClaims ? this.next(key) : undefined
      const isHeldBack = !isOfClaims && heldBackUntil > this.now
      const promotes = waiting === 0 ? null : isHeldBack ? heldBackUntil : isBehind ? this.now : null
      const values = [
        held,
        waiting,
        since,
        backlog,
        time,
        tat,
        heldBackUntil,
        paused ? 1 : 0,
        own === undefined ? null : JSON.stringify(own),
        feedbackText(key.feedback),
        next?.at ?? null,
        next?.lane ?? null,
        promotes,
        id
      ] as const
      if (key.isNew) this.insert.run(...values, group.name, key.key)
      else this.update.run(...values)
      key.isNew = false
      key.isTouched = false
    }
    this.touched.length = 0
    this.nextPromotionKnown = false
  }
}

const lanesOf = ({ lanes }: Group, tasks: ReadonlySet<string>): ReadonlyArray<Lane> =>
  lanes.filter(({ counts, task }) => counts[States.scheduled] > 0 && tasks.has(task))
