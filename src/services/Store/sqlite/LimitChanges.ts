/**
 * Limits that have become others: in force at once, applied to the jobs that were there in pages. A change says for
 * running jobs whose slots they hold now; every other job that it concerns goes back to where it arrives when its page
 * comes (`Reseats`), or when a claim meets it, and its key promotes as ever.
 */
import { boundsBacklogs, limitsKeys } from "../../Limits/policy/KeyRules.ts"
import { labelsOf } from "../../Queue/policy/jobs/Labels.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { JobId } from "../../Queue/Job.ts"
import type { Database, Query } from "./Database.ts"
import type { JobRows } from "./JobRows.ts"
import type { KeySlots } from "./KeySlots.ts"
import { type Group, type LaneCounters, policyOf } from "./LaneCounters.ts"
import type { LimitKeys } from "./LimitKeys.ts"
import { type Before, type GroupLimits, limitsOf, type Reseat, type Reseats } from "./Reseats.ts"

/** Jobs looked at in one page. */
export const jobsPerPage = 250

/** Keys looked at in one page. */
const keysPerPage = 500

/** Jobs looked at in each lane, however many there are. */
const leastOfEach = 8

type Place = [id: JobId, partitionKey: string | null, wait: number, due: number, limiter: number | null]

const wasReady = -1

const ofKeys = ({ policy: { fair, keys, tiers } }: GroupLimits): string => JSON.stringify([fair === true, keys, tiers])

export class LimitChanges {
  private readonly laneCounters: LaneCounters
  private readonly keys: LimitKeys
  private readonly slots: KeySlots
  private readonly rows: JobRows
  private readonly reseats: Reseats
  private readonly forgetTimesOf: Query<[]>
  private readonly selectRunning: Query<[id: JobId, partitionKey: string | null, limiter: number | null, slots: number]>
  private readonly setLimiter: Query<[]>
  private readonly selectBacklogs: Query<[key: string]>
  private readonly selectWaiting: Query<Place>
  private readonly selectReady: Query<Place>
  private readonly selectOfKey: Query<[id: JobId]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly keys: LimitKeys
      readonly slots: KeySlots
      readonly rows: JobRows
      readonly reseats: Reseats
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.keys = parts.keys
    this.slots = parts.slots
    this.rows = parts.rows
    this.reseats = parts.reseats
    this.forgetTimesOf = db.prepare("UPDATE limit_key SET time = 0 WHERE resource_group = ? AND time <> 0")
    this.selectRunning = db.prepare(
      `SELECT running.id, partition_key, limiter, slots FROM running CROSS JOIN job ON job.id = running.id
       WHERE running.lane IN (SELECT value FROM json_each(?))`
    )
    this.setLimiter = db.prepare("UPDATE running SET limiter = ? WHERE id = ?")
    this.selectBacklogs = db.prepare("SELECT key FROM limit_key WHERE resource_group = ? AND backlog > 0")
    const page = (table: string, wait: string) =>
      `SELECT ${table}.id, partition_key, ${wait}, due, limiter FROM ${table} CROSS JOIN job ON job.id = ${table}.id
       WHERE ${table}.lane = ? AND ${table}.id > ? AND ${table}.id <= ? ORDER BY ${table}.id LIMIT ?`
    this.selectWaiting = db.prepare(page("scheduled", "wait"))
    this.selectReady = db.prepare(page("pending", String(wasReady)))
    this.selectOfKey = db.prepare("SELECT id FROM label WHERE label = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?")
  }

  /** What has been set holds from now on. */
  apply(group: Group, before: Before): void {
    this.keys.write()
    this.keys.forget()
    this.reseats.rulesChanged()
    this.setHasLimitedKeys(group)
    this.laneCounters.startsLater()
    if (!this.mayMove(group, before)) return
    if (policyOf(group).fair !== true) this.forgetTimes(group)
    const held = this.reseats.add(group, before)
    group.hasLimitedKeys = true
    this.forgetBacklogs(group, held)
    this.seatRunning(group)
    this.laneCounters.limitsChanged()
    this.goOn()
    this.slots.promoteFreed()
  }

  private setHasLimitedKeys(group: Group): void {
    group.hasLimitedKeys = limitsKeys(policyOf(group)) || this.reseats.isUnderWay(group) || this.keys.hasOwn(group)
  }

  /** Whether jobs may stand elsewhere by it. */
  private mayMove(group: Group, { limits, only }: Before): boolean {
    if (only !== undefined) return this.reseats.verdict(group, { limits, only }, only.name).isChanged
    const after = limitsOf(group)
    return ofKeys(limits!) !== ofKeys(after) || (after.policy.fair === true && limits!.slots !== after.slots)
  }

  /** Virtual times of a group that is not fair, or no more. */
  private forgetTimes(group: Group): void {
    group.time = 0
    this.laneCounters.touchGroup(group)
    this.forgetTimesOf.run(group.name)
  }

  /** Of keys whose waiting jobs are counted no more, or anew. */
  private forgetBacklogs(group: Group, before: Before): void {
    if (before.limits !== undefined && !boundsBacklogs(before.limits.policy, this.keys.ownRules(group))) return
    for (const [name] of this.selectBacklogs.all(group.name)) {
      const key = this.keys.stored(group, name)!
      if (key.policy.backlog !== undefined && !this.reseats.verdict(group, before, name).isNewlyBounded) continue
      key.backlog = 0
      this.keys.touch(key)
    }
  }

  /** Running jobs hold slots of the keys that are limited now, and of no others. */
  private seatRunning(group: Group): void {
    for (const [id, partitionKey, limiter, slots] of this.selectRunning.all(lanesOf(group))) {
      const key = this.keys.find(group, partitionKey)
      if ((key?.id ?? null) === limiter) continue
      this.slots.passOn(limiter, key, slots)
      this.setLimiter.run(key?.id ?? null, id)
    }
  }

  /** Whether a change is to go on at once. */
  get areUnderWay(): boolean {
    return this.reseats.next() !== undefined
  }

  /** Does the next page of a change that is under way: of its jobs, and after the last of them of its keys. */
  goOn(): void {
    const reseat = this.reseats.next()
    if (reseat === undefined) return
    const { group, last } = reseat
    const name = reseat.before.only?.name
    const done = name === undefined || name === "" ? this.pageOf(reseat) : this.pageOfKey(reseat, name)
    this.reseats.advance(reseat, done, reseat.forgotten)
    this.slots.promoteFreed()
    if (done < last) return
    const forgotten = this.forgetUnlimited(reseat)
    if (forgotten !== undefined) return this.reseats.advance(reseat, done, forgotten)
    this.reseats.end(reseat)
    this.setHasLimitedKeys(group)
  }

  /** Forgets keys that are limited no more. Answers up to which they have been looked at; undefined: all have been. */
  private forgetUnlimited({ before: { only }, forgotten, group }: Reseat): string | undefined {
    const names = only === undefined ? this.keys.namesAfter(group, forgotten, keysPerPage) : [only.name]
    this.keys.forgetUnlimited(group, names)
    return names.length < keysPerPage ? undefined : names.at(-1)
  }

  /** Answers up to which id jobs have their seats. */
  private pageOf(reseat: Reseat): JobId {
    const { done, group, last } = reseat
    let upTo = last
    const found: Array<Place> = []
    const sources = group.lanes.flatMap(({ counts, id }) => [
      ...(counts[States.scheduled] > 0 ? [{ lane: id, query: this.selectWaiting }] : []),
      ...(counts[States.pending] > 0 ? [{ lane: id, query: this.selectReady }] : [])
    ])
    const each = Math.max(leastOfEach, Math.ceil(jobsPerPage / sources.length))
    for (const { lane, query } of sources) {
      const places = query.all(lane, done, last, each)
      found.push(...places)
      if (places.length === each) upTo = Math.min(upTo, places.at(-1)![0]) as JobId
    }
    for (const place of found.sort(byId)) if (place[0] <= upTo) this.reseat(reseat, place)
    return upTo
  }

  private reseat(reseat: Reseat, [id, partitionKey, wait, due, limiter]: Place): void {
    const { group } = reseat
    const { isChanged, isNewlyBounded } = this.reseats.of(reseat, partitionKey ?? "")
    if (!isChanged) return
    const key = this.keys.find(group, partitionKey)
    if (isNewlyBounded) this.slots.countWaiting(key!, 1)
    if (wait !== wasReady && key !== undefined && this.slots.staysInLine(key, { wait, due, limiter })) return
    const row = this.rows.live(id)
    if (row !== undefined) this.rows.reseat(row)
  }

  /** The same of the jobs of one key, which their label names. */
  private pageOfKey(reseat: Reseat, name: string): JobId {
    const { done, group, last } = reseat
    const { isNewlyBounded } = this.reseats.of(reseat, name)
    const ids = this.selectOfKey.all(labelsOf(name, undefined)[0]!, done, last, jobsPerPage)
    for (const [id] of ids) {
      const row = this.rows.live(id)
      if (row?.lane.group !== group || !States.isWaiting(row.state)) continue
      const key = this.keys.find(group, name)
      if (isNewlyBounded) this.slots.countWaiting(key!, 1)
      if (key === undefined || !this.slots.staysInLine(key, row)) this.rows.reseat(row)
    }
    return ids.length < jobsPerPage ? last : ids.at(-1)![0]
  }
}

const lanesOf = (group: Group): string => JSON.stringify(group.lanes.map(({ id }) => id))

const byId = (a: Place, b: Place): number => a[0] - b[0]
