/**
 * Compares the records of limited keys with their jobs, some at a time, and mends what differs: a watch on the rest of
 * this folder, which must find nothing.
 */
import { isStale } from "../../Limits/policy/Feedback.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { feedbackIn } from "./FeedbackText.ts"
import type { KeySlots } from "./KeySlots.ts"
import { type LaneCounters, policyOf } from "./LaneCounters.ts"
import type { LimitKeys } from "./LimitKeys.ts"
import type { Reseats } from "./Reseats.ts"

/** What each key holds, and how many wait for it, by the jobs. */
export const limitedJobs = `SELECT limiter, sum(slots) AS held, sum(waits) AS waiting FROM (
  SELECT limiter, slots, 0 AS waits FROM running WHERE limiter IS NOT NULL
  UNION ALL SELECT limiter, slots, 0 FROM pending WHERE limiter IS NOT NULL
  UNION ALL SELECT limiter, iif(wait >= ${Waiting.waitLimit}, 0, slots), wait >= ${Waiting.waitLimit} FROM scheduled
    WHERE limiter IS NOT NULL
) GROUP BY limiter`

/** Keys compared in one call. */
const keysAtATime = 1_000

export class KeyRepair {
  private readonly laneCounters: LaneCounters
  private readonly keys: LimitKeys
  private readonly reseats: Reseats
  private readonly slots: KeySlots
  private cursor = 0
  private readonly selectIds: Query<[id: number]>
  private readonly sumHeld: Query<[id: number, slots: number]>
  private readonly countWaiting: Query<[id: number, count: number]>
  private readonly selectTimes: Query<[group: string, time: number, isAtRest: number]>
  private readonly selectIdle: Query<[id: number, feedback: string | null]>
  private readonly deleteOne: Query<[]>

  constructor(db: Database, laneCounters: LaneCounters, keys: LimitKeys, reseats: Reseats, slots: KeySlots) {
    this.laneCounters = laneCounters
    this.keys = keys
    this.reseats = reseats
    this.slots = slots
    this.selectIds = db.prepare("SELECT id FROM limit_key WHERE id > ? ORDER BY id LIMIT ?")
    const lanes = "SELECT lane.id FROM lane WHERE resource_group IN (SELECT resource_group FROM limit_key)"
    this.sumHeld = db.prepare(
      `SELECT limiter, sum(slots) FROM (
         SELECT limiter, slots FROM running WHERE limiter BETWEEN ?1 AND ?2
         UNION ALL SELECT limiter, slots FROM pending WHERE lane IN (${lanes}) AND limiter BETWEEN ?1 AND ?2
         UNION ALL SELECT limiter, slots FROM scheduled INDEXED BY scheduled_holder
           WHERE limiter IS NOT NULL AND wait < ${Waiting.waitLimit} AND limiter BETWEEN ?1 AND ?2
       ) GROUP BY limiter`
    )
    this.countWaiting = db.prepare(
      `SELECT limiter, count(*) FROM scheduled INDEXED BY scheduled_line
       WHERE wait >= ${Waiting.waitLimit} AND limiter BETWEEN ? AND ? GROUP BY limiter`
    )
    this.selectTimes = db.prepare(
      "SELECT resource_group, max(time), max(held) = 0 AND max(waiting) = 0 FROM limit_key GROUP BY resource_group"
    )
    const idle = `id BETWEEN ?1 AND ?2 AND held = 0 AND waiting = 0 AND backlog = 0 AND tat <= ?3
       AND held_back <= ?3 AND paused = 0 AND own_policy IS NULL
       AND time <= (SELECT resource_group.time FROM resource_group WHERE name = limit_key.resource_group)`
    this.selectIdle = db.prepare(`SELECT id, feedback FROM limit_key WHERE ${idle}`)
    this.deleteOne = db.prepare("DELETE FROM limit_key WHERE id = ?")
  }

  /** Answers how many keys were mended. */
  repair(): number {
    const ids = this.selectIds.all(this.cursor, keysAtATime).map(([id]) => id)
    this.cursor = ids.length < keysAtATime ? 0 : ids.at(-1)!
    const [first] = ids
    if (first === undefined) return 0
    this.restFairGroups()
    const last = ids.at(-1)!
    const held = new Map(this.sumHeld.all(first, last))
    const waiting = new Map(this.countWaiting.all(first, last))
    const mended = ids.filter((id) => this.mend(id, held.get(id) ?? 0, waiting.get(id) ?? 0)).length
    this.keys.write()
    const { now } = this.keys
    for (const [id, feedback] of this.selectIdle.all(first, last, now))
      if (isStale(feedbackIn(feedback), now)) this.deleteOne.run(id)
    this.keys.forget()
    return mended
  }

  private mend(id: number, held: number, waiting: number): boolean {
    const key = this.keys.get(id)
    const isRight = key.held === held && key.waiting === waiting
    if (!isRight) {
      key.held = held
      key.waiting = waiting
      key.since = waiting === 0 ? 0 : key.since || this.keys.now
      this.keys.touch(key)
    }
    const { isBehind } = key
    this.slots.promote(key)
    return !isRight || (key.waiting !== waiting && !isBehind && !this.reseats.isUnderWay(key.group))
  }

  /** Where nothing of a fair group is held or waits, it begins anew, and none of its keys is ahead. */
  private restFairGroups(): void {
    for (const [name, time, isAtRest] of this.selectTimes.all()) {
      const group = this.laneCounters.groups.get(name)
      if (group === undefined || isAtRest === 0 || policyOf(group).fair !== true || time <= group.time) continue
      group.time = time
      this.laneCounters.touchGroup(group)
    }
  }
}
