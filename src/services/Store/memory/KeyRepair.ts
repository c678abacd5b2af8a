/**
 * Compares the records of limited keys with their jobs, some at a time, and mends what differs: a watch on the rest of
 * this folder, which must find nothing.
 */
import { isLive, running } from "../../Queue/policy/jobs/States.ts"
import type { JobTable } from "./JobTable.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { LimitedKey } from "./LimitedKey.ts"
import { slotsIn } from "./StoredJob.ts"

export class KeyRepair {
  private readonly table: JobTable
  private readonly slots: KeySlots
  private repaired: Iterator<LimitedKey> | undefined = undefined

  constructor(table: JobTable, slots: KeySlots) {
    this.table = table
    this.slots = slots
  }

  /** Compares up to `most` keys with their jobs. Answers how many were mended. */
  repair(now: number, most: number): number {
    let mended = 0
    for (let i = 0; i < most; i++) {
      this.repaired ??= this.allKeys()
      const { done, value: key } = this.repaired.next()
      if (done === true) {
        this.repaired = undefined
        break
      }
      if (this.mend(key, now)) mended++
      key.group.limits?.forget(key, now)
    }
    return mended
  }

  private *allKeys(): Generator<LimitedKey> {
    for (const group of this.table.groups.values()) {
      const { limits } = group
      if (limits === undefined) continue
      const keys = [...limits.keys.values()]
      // A fair group at rest begins anew.
      if (limits.isFair && keys.every(({ held, waiting }) => held === 0 && waiting === 0))
        group.time = keys.reduce((latest, { time }) => Math.max(latest, time), group.time)
      yield* keys
    }
  }

  private mend(key: LimitedKey, now: number): boolean {
    let held = 0
    let started = 0
    for (const job of key.holders) {
      if (!isLive(job.state) || job.rare?.admission?.key !== key) {
        key.holders.delete(job)
        continue
      }
      held += slotsIn(job)
      if (job.state === running) started += slotsIn(job)
    }
    const isRight = held === key.held && started === key.running
    key.held = held
    key.running = started
    const waiting = key.waiting
    this.slots.promote(key, now)
    return !isRight || key.waiting !== waiting
  }
}
