/**
 * Changes of limits that are under way. What a change says is in force with its transaction; the jobs that were there
 * get their seats by it in pages, in order of id, each in a transaction of its own; then keys that are limited no more
 * are forgotten, in order of name. What is still to come rests in the file, so that whoever takes turns on it goes on,
 * whatever dies.
 */
import type { GroupPolicy } from "../../Limits/GroupPolicy.ts"
import { isFifo, windowOf } from "../../Limits/policy/KeyAdmission.ts"
import { type OwnRule, policyOf as policyOfKey } from "../../Limits/policy/KeyRules.ts"
import type { JobId } from "../../Queue/Job.ts"
import { storedName } from "../../Queue/policy/StoredName.ts"
import type { Database, Query } from "./Database.ts"
import { groupPolicyIn, keyPolicyIn } from "./PolicyText.ts"
import type { JobRow } from "./JobColumns.ts"
import { type Group, type LaneCounters, limitOf, policyOf } from "./LaneCounters.ts"
import { type LimitKeys, ownRuleOf } from "./LimitKeys.ts"

/** What says which jobs of a group are ready. */
export interface GroupLimits {
  readonly policy: GroupPolicy
  readonly slots: number
}

export const limitsOf = (group: Group): GroupLimits => ({ policy: policyOf(group), slots: limitOf(group) })

/** What held before a change; without `limits` anything may have: it stands for many changes one after the other. */
export interface Before {
  readonly limits?: GroupLimits | undefined
  /** Nothing but this key has changed, for which an operator had set this. */
  readonly only?: { readonly name: string; readonly own?: OwnRule | undefined } | undefined
}

/** What a change means for a key. */
interface Verdict {
  /** Its jobs go back to where they arrive. */
  readonly isChanged: boolean
  /** It starts jobs in order of enqueue, and did not. */
  readonly isNewlyFifo: boolean
  /** Its backlog is bounded and was not: what waits is yet to be counted. */
  readonly isNewlyBounded: boolean
}

export interface Reseat {
  readonly id: number
  readonly group: Group
  readonly before: Before
  /** Jobs up to here have their seats. */
  readonly done: JobId
  /** The last job that was there. */
  readonly last: JobId
  /** Keys up to here have been looked at, once all jobs have their seats. */
  readonly forgotten: string
}

type ReseatRow = [
  group: string,
  policy: string | null,
  slots: number | null,
  key: string | null,
  ownPolicy: string | null,
  ownPaused: number,
  done: JobId,
  last: JobId,
  forgotten: string,
  id: number
]

const columns = "resource_group, policy, slots, key, own_policy, own_paused, done, last, forgotten"

/** Changes of one group under way, beyond which one stands for all. */
const mostUnderWay = 4

const untouched: Verdict = { isChanged: false, isNewlyFifo: false, isNewlyBounded: false }

export class Reseats {
  private readonly laneCounters: LaneCounters
  private readonly keys: LimitKeys
  private readonly byGroup = new Map<Group, Array<Reseat>>()
  private verdicts = new Map<Reseat, Map<string, Verdict>>()
  private copy = -1
  private readonly selectAll: Query<ReseatRow>
  private readonly insert: Query<[]>
  private readonly update: Query<[]>
  private readonly delete: Query<[]>
  private readonly deleteOf: Query<[]>

  constructor(db: Database, laneCounters: LaneCounters, keys: LimitKeys) {
    this.laneCounters = laneCounters
    this.keys = keys
    this.selectAll = db.prepare(`SELECT ${columns}, id FROM reseat ORDER BY id`)
    this.insert = db.prepare(`INSERT INTO reseat(${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')`)
    this.update = db.prepare("UPDATE reseat SET done = ?, forgotten = ? WHERE id = ?")
    this.delete = db.prepare("DELETE FROM reseat WHERE id = ?")
    this.deleteOf = db.prepare("DELETE FROM reseat WHERE resource_group = ?")
  }

  /** Call in every transaction, once the counters are fresh. */
  begin(): void {
    if (this.copy !== this.laneCounters.copies) this.read()
  }

  private read(): void {
    this.copy = this.laneCounters.copies
    this.byGroup.clear()
    this.verdicts.clear()
    for (const row of this.selectAll.all()) {
      const reseat = this.reseatOf(row)
      const { group } = reseat
      group.hasLimitedKeys = true
      const those = this.byGroup.get(group)
      if (those === undefined) this.byGroup.set(group, [reseat])
      else those.push(reseat)
    }
  }

  private reseatOf([name, policy, slots, key, ownPolicy, ownPaused, done, last, forgotten, id]: ReseatRow): Reseat {
    const limits = policy === null || slots === null ? undefined : { policy: groupPolicyIn(policy), slots }
    const own = { policy: ownPolicy === null ? undefined : keyPolicyIn(ownPolicy), paused: ownPaused === 1 }
    const only = key === null ? undefined : { name: key, own }
    return { id, group: this.laneCounters.group(storedName(name)), before: { limits, only }, done, last, forgotten }
  }

  /** The change that is next to go on; undefined: none is under way. */
  next(): Reseat | undefined {
    const [those] = this.byGroup.values()
    return those?.[0]
  }

  isUnderWay(group: Group): boolean {
    return this.byGroup.has(group)
  }

  /** Jobs of the group that are there get their seats anew. Answers what is taken to have held before. */
  add(group: Group, before: Before): Before {
    const those = this.byGroup.get(group) ?? []
    const isOneForAll = those.length >= mostUnderWay
    if (isOneForAll) this.deleteOf.run(group.name)
    const held: Before = isOneForAll ? {} : before
    const { limits, only } = held
    this.insert.run(
      group.name,
      limits === undefined ? null : JSON.stringify(limits.policy),
      limits?.slots ?? null,
      only?.name ?? null,
      only?.own?.policy === undefined ? null : JSON.stringify(only.own.policy),
      only?.own?.paused === true ? 1 : 0,
      0,
      this.laneCounters.lastId
    )
    this.read()
    return held
  }

  /** Jobs up to `done` have their seats, keys up to `forgotten` have been looked at. */
  advance({ id }: Reseat, done: JobId, forgotten: string): void {
    this.update.run(done, forgotten, id)
    this.read()
  }

  /** All of it has been done. */
  end({ id }: Reseat): void {
    this.delete.run(id)
    this.read()
  }

  /** A group is gone. */
  remove(group: Group): void {
    this.deleteOf.run(group.name)
    this.read()
  }

  /** Other rules hold, or others may have set some. */
  rulesChanged(): void {
    this.verdicts.clear()
  }

  /** What a change means for one key. */
  of(reseat: Reseat, key: string): Verdict {
    const { only } = reseat.before
    if (only !== undefined && only.name !== key) return untouched
    let known = this.verdicts.get(reseat)
    if (known === undefined) {
      known = new Map()
      this.verdicts.set(reseat, known)
    }
    let verdict = known.get(key)
    if (verdict === undefined) {
      verdict = this.verdict(reseat.group, reseat.before, key)
      known.set(key, verdict)
    }
    return verdict
  }

  /** What changing from `before` to what holds now means for a key. */
  verdict(group: Group, { limits: before, only }: Before, key: string): Verdict {
    const after = limitsOf(group)
    const own = ownRuleOf(this.keys.stored(group, key))
    const has = policyOfKey(after.policy, key, own)
    const isBounded = has?.backlog !== undefined
    if (before === undefined)
      return { isChanged: true, isNewlyFifo: has !== undefined && isFifo(has), isNewlyBounded: isBounded }
    const had = policyOfKey(before.policy, key, only === undefined ? own : only.own)
    if (had === undefined && has === undefined) return untouched
    const isSame =
      had !== undefined &&
      has !== undefined &&
      (before.policy.fair === true) === (after.policy.fair === true) &&
      JSON.stringify(had) === JSON.stringify(has) &&
      windowOf(before.policy, had, before.slots) === windowOf(after.policy, has, after.slots) &&
      (only === undefined || (only.own?.paused === true) === (own?.paused === true))
    return {
      isChanged: !isSame,
      isNewlyFifo: has !== undefined && isFifo(has) && (had === undefined || !isFifo(had)),
      isNewlyBounded: isBounded && had?.backlog === undefined
    }
  }

  private some(
    group: Group,
    key: string,
    holds: (verdict: Verdict) => boolean,
    isMeant: (reseat: Reseat) => boolean
  ): boolean {
    const those = this.byGroup.get(group) ?? []
    return those.some((reseat) => isMeant(reseat) && holds(this.of(reseat, key)))
  }

  /** Whether a change is yet to give the job its seat. */
  awaits({ id, lane, partitionKey }: JobRow): boolean {
    if (this.byGroup.size === 0) return false
    return this.some(
      lane.group,
      partitionKey ?? "",
      (verdict) => verdict.isChanged,
      ({ done, last }) => done < id && id <= last
    )
  }

  /** Whether the job is yet to be counted as a waiting one of its key. */
  isUncounted({ id, lane, partitionKey }: JobRow): boolean {
    if (this.byGroup.size === 0) return false
    return this.some(
      lane.group,
      partitionKey ?? "",
      (verdict) => verdict.isNewlyBounded,
      ({ done, last }) => done < id && id <= last
    )
  }

  /** Whether jobs that were enqueued before this one are yet to come into the line of its key. */
  maySkip(group: Group, key: string, id: JobId): boolean {
    if (this.byGroup.size === 0) return false
    return this.some(
      group,
      key,
      (verdict) => verdict.isNewlyFifo,
      ({ done, last }) => done < Math.min(id, last)
    )
  }

  /** Whether what stands in the group has its rank as a start tag, as far as changes under way say. */
  wasFair(group: Group): boolean {
    return (this.byGroup.get(group) ?? []).every(({ before }) => before.limits?.policy.fair === true)
  }
}
