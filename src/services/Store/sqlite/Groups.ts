/** Resource groups as the file keeps them: declared and operators' limits, pauses. */
import { noPolicy } from "../../Limits/GroupPolicy.ts"
import type { GroupRecord } from "../GroupRecord.ts"
import { unlimited } from "../../Queue/policy/GroupLimit.ts"
import type { Database, Query } from "./Database.ts"
import { type Group, type LaneCounters, limitOf } from "./LaneCounters.ts"

export class Groups {
  private readonly laneCounters: LaneCounters
  private readonly upsert: Query<[]>
  private readonly delete: Query<[]>
  private readonly setMeta: Query<[]>

  constructor(db: Database, laneCounters: LaneCounters) {
    this.laneCounters = laneCounters
    this.upsert = db.prepare(
      "INSERT OR REPLACE INTO resource_group(name, declared, operator, paused) VALUES (?, ?, ?, ?)"
    )
    this.delete = db.prepare("DELETE FROM resource_group WHERE name = ?")
    this.setMeta = db.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('paused', ?)")
  }

  private save(group: Group): void {
    group.declared ??= unlimited
    this.upsert.run(group.name, group.declared, group.operator ?? null, group.paused ? 1 : 0)
    this.laneCounters.controlChanged()
  }

  /** Whether a declaration says anything new. */
  isNews(groups: ReadonlyArray<{ readonly name: string; readonly limit: number }>): boolean {
    return groups.some(({ limit, name }) => this.laneCounters.groups.get(name)?.declared !== limit)
  }

  declare(groups: ReadonlyArray<{ readonly name: string; readonly limit: number }>): void {
    for (const { limit, name } of groups) {
      const group = this.laneCounters.group(name)
      if (group.declared === limit) continue
      group.declared = limit
      this.save(group)
    }
  }

  list(): ReadonlyArray<GroupRecord> {
    return [...this.laneCounters.groups.values()]
      .filter((group) => group.declared !== undefined)
      .map(toRecord)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  set(name: string, settings: { readonly limit?: number | null; readonly paused?: boolean }): GroupRecord {
    const group = this.laneCounters.group(name)
    if (settings.limit !== undefined) group.operator = settings.limit ?? undefined
    if (settings.paused !== undefined) group.paused = settings.paused
    this.save(group)
    return toRecord(group)
  }

  remove(name: string): boolean {
    const group = this.laneCounters.group(name)
    if (group.lanes.some(({ counts }) => counts.some((count) => count > 0))) return false
    this.delete.run(name)
    group.declared = undefined
    group.operator = undefined
    group.paused = false
    this.laneCounters.controlChanged()
    return true
  }

  setPaused(paused: boolean): void {
    this.laneCounters.paused = paused
    this.setMeta.run(paused ? 1 : 0)
    this.laneCounters.controlChanged()
  }
}

const toRecord = (group: Group): GroupRecord => ({
  name: group.name,
  limit: limitOf(group),
  declaredLimit: group.declared ?? unlimited,
  operatorLimit: group.operator,
  paused: group.paused,
  busy: group.busy,
  policy: noPolicy,
  declaredPolicy: noPolicy,
  operatorPolicy: undefined,
  heldBackUntil: 0,
  tat: 0,
  feedback: undefined
})
