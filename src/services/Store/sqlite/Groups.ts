/** Resource groups as the file keeps them: what programs declared and operators set, and what that means for jobs. */
import { type GroupPolicy, type KeyPolicy, noPolicy } from "../../Limits/GroupPolicy.ts"
import { opensAt } from "../../Limits/policy/Holding.ts"
import { takeUnits } from "../../Limits/policy/Starts.ts"
import type { GroupRecord } from "../GroupRecord.ts"
import type { GroupDeclaration, GroupSettings } from "../JobStore.ts"
import type { KeyRecord, UnitsRequest, UnitsTaken } from "../KeyRecord.ts"
import { unlimited } from "../../Queue/policy/GroupLimit.ts"
import type { Database, Query } from "./Database.ts"
import { feedbackText } from "./FeedbackText.ts"
import { type Group, type LaneCounters, limitOf, policyOf } from "./LaneCounters.ts"
import type { LimitChanges } from "./LimitChanges.ts"
import { type LimitKeys, ownRuleOf } from "./LimitKeys.ts"
import { limitsOf, type Reseats } from "./Reseats.ts"

/** Of one key: what is left out stays. `policy: null`: by the rules of its group. */
export interface KeySettings {
  readonly policy?: KeyPolicy | null
  readonly paused?: boolean
}

export class Groups {
  private readonly laneCounters: LaneCounters
  private readonly keys: LimitKeys
  private readonly reseats: Reseats
  private readonly changes: LimitChanges
  private readonly upsert: Query<[]>
  private readonly delete: Query<[]>
  private readonly deleteKeys: Query<[]>
  private readonly setMeta: Query<[]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly keys: LimitKeys
      readonly reseats: Reseats
      readonly changes: LimitChanges
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.keys = parts.keys
    this.reseats = parts.reseats
    this.changes = parts.changes
    this.upsert = db.prepare(
      `INSERT OR REPLACE INTO resource_group(name, declared, operator, paused, policy, operator_policy, time, tat, held_back, feedback)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
    )
    this.delete = db.prepare("DELETE FROM resource_group WHERE name = ?")
    this.deleteKeys = db.prepare("DELETE FROM limit_key WHERE resource_group = ?")
    this.setMeta = db.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('paused', ?)")
  }

  private save(group: Group): void {
    group.declared ??= unlimited
    const { declared, declaredPolicy, heldBackUntil, name, operator, operatorPolicy, paused, tat, time } = group
    this.upsert.run(
      name,
      declared,
      operator ?? null,
      paused ? 1 : 0,
      JSON.stringify(declaredPolicy),
      operatorPolicy === undefined ? null : JSON.stringify(operatorPolicy),
      time,
      tat,
      heldBackUntil,
      feedbackText(group.feedback)
    )
    this.laneCounters.controlChanged()
  }

  /** Whether a declaration says anything new. */
  isNews(groups: ReadonlyArray<GroupDeclaration>): boolean {
    return groups.some((group) => this.says(group))
  }

  private says({ limit, name, policy }: GroupDeclaration): boolean {
    const group = this.laneCounters.groups.get(name)
    return group?.declared !== limit || (policy !== undefined && !isSame(policy, group.declaredPolicy))
  }

  declare(groups: ReadonlyArray<GroupDeclaration>): void {
    for (const declaration of groups) {
      if (!this.says(declaration)) continue
      const { limit, name, policy } = declaration
      this.change(this.laneCounters.group(name), (group) => {
        group.declared = limit
        if (policy !== undefined) group.declaredPolicy = policy
      })
    }
  }

  private change(group: Group, make: (group: Group) => void): void {
    const limits = limitsOf(group)
    make(group)
    this.save(group)
    this.changes.apply(group, { limits })
  }

  list(): ReadonlyArray<GroupRecord> {
    return [...this.laneCounters.groups.values()]
      .filter((group) => group.declared !== undefined)
      .map(toRecord)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  set(name: string, { limit, paused, policy }: GroupSettings): GroupRecord {
    const group = this.laneCounters.group(name)
    this.change(group, () => {
      if (limit !== undefined) group.operator = limit ?? undefined
      if (paused !== undefined) group.paused = paused
      if (policy !== undefined) group.operatorPolicy = policy ?? undefined
    })
    return toRecord(group)
  }

  setKey(name: string, key: string, { paused, policy }: KeySettings): KeyRecord {
    const group = this.laneCounters.group(name)
    if (group.declared === undefined) this.save(group)
    const limited = this.keys.named(group, key)
    const own = ownRuleOf(limited)
    if (policy !== undefined) limited.own = policy ?? undefined
    if (paused !== undefined) limited.paused = paused
    this.keys.touch(limited)
    this.changes.apply(group, { limits: limitsOf(group), only: { name: key, own } })
    this.laneCounters.controlChanged()
    return this.keys.recordOf(this.keys.named(group, key))
  }

  /** Takes units of the rate of a group or key for what is not a job. */
  takeUnits({ cost, group: name, key: keyName, now }: UnitsRequest): UnitsTaken {
    const group = this.laneCounters.groups.get(name)
    if (group === undefined) return { taken: true, at: now }
    const key = keyName === undefined ? undefined : this.keys.find(group, keyName)
    const of = keyName === undefined ? group : key
    if (of === undefined) return { taken: true, at: now }
    const keeps = {
      isPaused: this.laneCounters.paused || group.paused || key?.paused === true,
      opensAt: opensAt(policyOf(group), now)
    }
    const units = takeUnits(key?.policy ?? policyOf(group), of, keeps, cost, now)
    if (!units.taken) return units
    of.tat = units.tat
    if (key === undefined) this.laneCounters.touchGroup(group)
    else this.keys.touch(key)
    return { taken: true, at: now }
  }

  remove(name: string): boolean {
    const group = this.laneCounters.group(name)
    if (group.lanes.some(({ counts }) => counts.some((count) => count > 0))) return false
    this.delete.run(name)
    this.deleteKeys.run(name)
    this.reseats.remove(group)
    this.keys.forget()
    group.declared = undefined
    group.operator = undefined
    group.paused = false
    group.declaredPolicy = noPolicy
    group.operatorPolicy = undefined
    group.hasLimitedKeys = false
    group.time = group.tat = group.heldBackUntil = 0
    group.feedback = undefined
    this.laneCounters.controlChanged()
    return true
  }

  setPaused(paused: boolean): void {
    this.laneCounters.paused = paused
    this.setMeta.run(paused ? 1 : 0)
    this.laneCounters.controlChanged()
  }
}

const isSame = (a: GroupPolicy, b: GroupPolicy): boolean => JSON.stringify(a) === JSON.stringify(b)

const toRecord = (group: Group): GroupRecord => ({
  name: group.name,
  limit: limitOf(group),
  declaredLimit: group.declared ?? unlimited,
  operatorLimit: group.operator,
  paused: group.paused,
  busy: group.busy,
  policy: policyOf(group),
  declaredPolicy: group.declaredPolicy,
  operatorPolicy: group.operatorPolicy,
  heldBackUntil: group.heldBackUntil,
  tat: group.tat,
  feedback: group.feedback
})
