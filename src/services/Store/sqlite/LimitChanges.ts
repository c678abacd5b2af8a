/**
 * Limits that have become others, applied to the jobs that are there, whatever their number: they move by statements
 * about all of them. What was ready of a key that has changed is in its line then, and the key promotes as ever.
 */
import type { GroupPolicy } from "../../Limits/GroupPolicy.ts"
import { timeAfterReturn } from "../../Limits/policy/FairShare.ts"
import { holdsWhileWaiting, windowOf } from "../../Limits/policy/KeyAdmission.ts"
import { boundsBacklogs, limitsKeys, type OwnRule, policyOf as policyOfKey } from "../../Limits/policy/KeyRules.ts"
import { labelsOf } from "../../Queue/policy/jobs/Labels.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database } from "./Database.ts"
import { copyInto } from "./JobColumns.ts"
import type { KeySlots } from "./KeySlots.ts"
import { type Group, type LaneCounters, limitOf, policyOf } from "./LaneCounters.ts"
import { type LimitKey, type LimitKeys, ownRuleOf } from "./LimitKeys.ts"

/** What says which jobs of a group are ready. */
export interface GroupLimits {
  readonly policy: GroupPolicy
  readonly slots: number
}

export const limitsOf = (group: Group): GroupLimits => ({ policy: policyOf(group), slots: limitOf(group) })

/** One key of a group, and what an operator had set for it. */
interface One {
  readonly name: string
  readonly own: OwnRule | undefined
}

const { waitLimit, waitLimitRetry, waitNone, waitRetry, waitTime } = Waiting

const intoLine = `CASE wait WHEN ${waitRetry} THEN ${waitLimitRetry} ELSE ${waitLimit} END`
const outOfLine = (otherwise: number) => `CASE wait WHEN ${waitLimitRetry} THEN ${waitRetry} ELSE ${otherwise} END`

const ofKeys = ({ fair, keys, tiers }: GroupPolicy): string => JSON.stringify([fair === true, keys, tiers])

export class LimitChanges {
  private readonly db: Database
  private readonly laneCounters: LaneCounters
  private readonly keys: LimitKeys
  private readonly slots: KeySlots

  constructor(db: Database, laneCounters: LaneCounters, keys: LimitKeys, slots: KeySlots) {
    this.db = db
    this.laneCounters = laneCounters
    this.keys = keys
    this.slots = slots
  }

  /** `before`: what held until now; `only`: nothing but this key has changed. */
  apply(group: Group, before: GroupLimits, only?: One): void {
    this.keys.write()
    this.keys.forget()
    group.hasLimitedKeys = limitsKeys(policyOf(group)) || this.keys.hasOwn(group)
    this.laneCounters.startsLater()
    if (only === undefined && !this.mayMove(group, before)) return
    if (policyOf(group).fair !== true) this.forgetTimes(group)
    const changed = this.changedKeys(group, before, only)
    if (changed.size > 0) this.reseat(group, before, changed, only)
    if (only === undefined || changed.size > 0) this.countBacklogs(group)
  }

  /** Virtual times of a group that is not fair, or no more. */
  private forgetTimes(group: Group): void {
    group.time = 0
    this.laneCounters.touchGroup(group)
    this.db.prepare("UPDATE limit_key SET time = 0 WHERE resource_group = ?").run(group.name)
  }

  private mayMove(group: Group, before: GroupLimits): boolean {
    const after = limitsOf(group)
    return (
      ofKeys(before.policy) !== ofKeys(after.policy) || (after.policy.fair === true && before.slots !== after.slots)
    )
  }

  /** The keys for which something else holds now; undefined: they are not limited any more. */
  private changedKeys(group: Group, before: GroupLimits, only: One | undefined): Map<string, LimitKey | undefined> {
    const after = limitsOf(group)
    const staysFair = (before.policy.fair === true) === (after.policy.fair === true)
    const changed = new Map<string, LimitKey | undefined>()
    for (const name of only === undefined ? this.keys.namesOf(group) : [only.name]) {
      const own = ownRuleOf(this.keys.stored(group, name))
      const had = policyOfKey(before.policy, name, only === undefined ? own : only.own)
      const has = policyOfKey(after.policy, name, own)
      if (had === undefined && has === undefined) continue
      const isSame =
        had !== undefined &&
        has !== undefined &&
        staysFair &&
        JSON.stringify(had) === JSON.stringify(has) &&
        windowOf(before.policy, had, before.slots) === windowOf(after.policy, has, after.slots) &&
        (only === undefined || (only.own?.paused === true) === (own?.paused === true))
      if (!isSame) changed.set(name, has === undefined ? undefined : this.keys.named(group, name))
    }
    return changed
  }

  private reseat(
    group: Group,
    before: GroupLimits,
    changed: ReadonlyMap<string, LimitKey | undefined>,
    only: One | undefined
  ): void {
    const { raw } = this.db
    raw.exec("CREATE TEMP TABLE ruled(name TEXT PRIMARY KEY, limiter INTEGER, holds INTEGER NOT NULL) WITHOUT ROWID")
    raw.exec("CREATE TEMP TABLE moved(lane INTEGER, rank INTEGER, id INTEGER, limiter INTEGER, holds INTEGER, PRIMARY KEY(lane, rank, id)) WITHOUT ROWID")
    try {
      const rule = this.db.prepare("INSERT INTO ruled(name, limiter, holds) VALUES (?, ?, ?)")
      for (const [name, key] of changed)
        rule.run(name, key?.id ?? null, key !== undefined && holdsWhileWaiting(key.policy) ? 1 : 0)
      const times = before.policy.fair === true ? this.returnedTags(group) : new Map<number, number>()
      this.move(group, only)
      for (const lane of group.lanes) this.laneCounters.recount(lane)
      this.laneCounters.forgetNextDue()
      this.laneCounters.limitsChanged()
      this.settle(group, changed, times)
    } finally {
      raw.exec("DROP TABLE moved; DROP TABLE ruled")
    }
  }

  /** By key the least tag of those that go back. */
  private returnedTags(group: Group): ReadonlyMap<number, number> {
    return new Map(
      this.db
        .prepare<[limiter: number, tag: number]>(
          `SELECT limiter, min(rank) FROM pending WHERE limiter IS NOT NULL AND lane IN (SELECT value FROM json_each(?))
           GROUP BY limiter`
        )
        .all(lanesOf(group))
    )
  }

  /** Jobs of the ruled keys: those that run and have arrived are of their key, and all that were ready wait. */
  private move(group: Group, only: One | undefined): void {
    const lanes = lanesOf(group)
    const { now } = this.keys
    const label = only === undefined || only.name === "" ? null : labelsOf(only.name, undefined)[0]!
    const run = (sql: string, ...values: ReadonlyArray<string | number | null>) => this.db.prepare(sql).run(...values)
    /** The jobs of a table whose key is ruled. */
    const pick = (table: string, where: string): void => {
      run("DELETE FROM moved")
      const jobs =
        label === null
          ? `json_each(?1) AS place CROSS JOIN ${table} ON ${table}.lane = place.value CROSS JOIN job ON job.id = ${table}.id`
          : `label CROSS JOIN job ON job.id = label.id AND job.lane IN (SELECT value FROM json_each(?1))
             CROSS JOIN ${table} ON ${table}.lane = job.lane AND ${table}.id = job.id`
      run(
        `INSERT INTO moved SELECT ${table}.lane, ${table}.rank, ${table}.id, ruled.limiter, ruled.holds FROM ${jobs}
         CROSS JOIN ruled ON ruled.name = ifnull(job.partition_key, '')
         WHERE (?2 IS NULL OR ${label === null ? "1" : "label.label = ?2"}) AND ?3 = ?3 AND ${where}`,
        lanes,
        label,
        now
      )
    }
    run(
      `UPDATE running SET limiter = ruled.limiter FROM job CROSS JOIN ruled
       WHERE job.id = running.id AND ruled.name = ifnull(job.partition_key, '')
       AND running.lane IN (SELECT value FROM json_each(?))`,
      lanes
    )
    pick("pending", "1")
    const isMoved = (condition: string) => `(lane, rank, id) IN (SELECT lane, rank, id FROM moved WHERE ${condition})`
    const limiter = (table: string) =>
      `(SELECT limiter FROM moved WHERE moved.lane = ${table}.lane AND moved.rank = ${table}.rank AND moved.id = ${table}.id)`
    run(
      `${copyInto("scheduled", "pending", { rank: "ifnull(own_rank, rank)", wait: intoLine, limiter: limiter("pending") })}
       WHERE ${isMoved("limiter IS NOT NULL")}`
    )
    run(`DELETE FROM pending WHERE ${isMoved("limiter IS NOT NULL")}`)
    run(
      `UPDATE pending SET limiter = NULL, rank = ifnull(own_rank, rank), own_rank = NULL
       WHERE ${isMoved("limiter IS NULL")}`
    )
    // Not those that went there just now, which have their limiter.
    pick(
      "scheduled",
      `scheduled.wait IN (${waitTime}, ${waitRetry}) AND (ruled.holds = 1 OR scheduled.limiter IS NOT NULL)`
    )
    const isOf = (condition: string) => `(lane, id) IN (SELECT lane, id FROM moved WHERE ${condition})`
    const limiterOf = "(SELECT moved.limiter FROM moved WHERE moved.lane = scheduled.lane AND moved.id = scheduled.id)"
    run(`UPDATE scheduled SET limiter = NULL WHERE ${isOf("holds = 0")}`)
    run(`UPDATE scheduled SET wait = ${intoLine}, limiter = ${limiterOf} WHERE ${isOf("holds = 1")}`)
    pick("scheduled", `scheduled.wait >= ${waitLimit} AND (ruled.limiter IS NULL OR (ruled.holds = 0 AND due > ?3))`)
    run(`UPDATE scheduled SET wait = ${outOfLine(waitTime)}, limiter = NULL WHERE ${isOf("1")} AND due > ?`, now)
    run(
      `${copyInto("pending", "scheduled", { wait: outOfLine(waitNone), limiter: "NULL" })} WHERE ${isOf("1")} AND due <= ?`,
      now
    )
    run(`DELETE FROM scheduled WHERE ${isOf("1")} AND due <= ?`, now)
  }

  /** Counts anew what the keys hold and what waits for them, and lets them promote. */
  private settle(
    group: Group,
    changed: ReadonlyMap<string, LimitKey | undefined>,
    times: ReadonlyMap<number, number>
  ): void {
    const held = this.keys.heldByRunning()
    const waiting = this.keys.inLines()
    const limited: Array<LimitKey> = []
    for (const [name, key] of changed) {
      if (key === undefined) {
        this.keys.remove(group, name)
        continue
      }
      const wasWaitedFor = key.waiting > 0
      key.held = held.get(key.id) ?? 0
      key.waiting = waiting.get(key.id) ?? 0
      if (key.waiting === 0) key.since = 0
      else if (!wasWaitedFor) key.since = this.keys.now
      const tag = times.get(key.id)
      if (tag !== undefined) key.time = timeAfterReturn(key.time, tag)
      this.keys.touch(key)
      limited.push(key)
    }
    for (const key of limited) this.slots.promote(key)
  }

  private countBacklogs(group: Group): void {
    if (!boundsBacklogs(policyOf(group), this.keys.ownRules(group))) return
    this.keys.write()
    this.keys.forget()
    this.db.prepare("UPDATE limit_key SET backlog = 0 WHERE resource_group = ?").run(group.name)
    const counts = this.db
      .prepare<[name: string, count: number]>(
        `SELECT partition_key, count(*) FROM (
           SELECT id FROM pending WHERE lane IN (SELECT value FROM json_each(?1))
           UNION ALL SELECT id FROM scheduled WHERE lane IN (SELECT value FROM json_each(?1))
         ) AS waiting JOIN job ON job.id = waiting.id WHERE partition_key IS NOT NULL GROUP BY partition_key`
      )
      .all(lanesOf(group))
    for (const [name, count] of counts) {
      const key = this.keys.find(group, name)
      if (key?.policy.backlog === undefined) continue
      key.backlog = count
      this.keys.touch(key)
    }
  }
}

const lanesOf = (group: Group): string => JSON.stringify(group.lanes.map(({ id }) => id))
