/** Limits that have become others, applied to the jobs that are there. */
import type { KeyPolicy } from "../../Limits/GroupPolicy.ts"
import { windowOf } from "../../Limits/policy/KeyAdmission.ts"
import { isUnlimited, policyOf } from "../../Limits/policy/KeyRules.ts"
import { boundsStarts } from "../../Limits/policy/Starts.ts"
import { isWaiting, liveCodes, pending, running, stateNames } from "../../Queue/policy/jobs/States.ts"
import { isForTimeOnly } from "../../Queue/policy/jobs/Waiting.ts"
import type { KeyRecord } from "../KeyRecord.ts"
import { GroupLimits } from "./GroupLimits.ts"
import type { JobTable } from "./JobTable.ts"
import { recordOf } from "./KeyRecords.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { Group } from "./Lane.ts"
import type { LimitedKey } from "./LimitedKey.ts"
import { otherWaitOf, rareOf, slotsIn, type StoredJob } from "./StoredJob.ts"

const allLive: ReadonlyArray<(typeof stateNames)[number]> = stateNames.slice(0, liveCodes)

const isSame = (a: KeyPolicy, b: KeyPolicy): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

const limitsOf = (group: Group): GroupLimits => {
  group.limits ??= new GroupLimits(group)
  return group.limits
}

export class LimitChanges {
  private readonly table: JobTable
  private readonly slots: KeySlots

  constructor(table: JobTable, slots: KeySlots) {
    this.table = table
    this.slots = slots
  }

  /**
   * The group's policy or limit, or what an operator set for a key of it, is another now: it holds for the jobs that
   * are there. `only`: of this key.
   */
  apply(group: Group, now: number, only?: string): void {
    const { slots } = this
    if (group.policy.hours !== undefined) slots.bound(group)
    if (group.limits === undefined && isUnlimited(group.policy)) return
    const limits = limitsOf(group)
    if (boundsStarts(group.policy)) slots.bound(group)
    const isFair = group.policy.fair === true
    const staysFair = isFair === limits.isFair
    limits.isFair = isFair
    if (!isFair) {
      group.time = 0
      for (const key of limits.keys.values()) key.time = 0
    }
    slots.changing(now, () => {
      const moved = new Set<StoredJob>()
      for (const key of [...limits.keys.values()]) {
        if (only !== undefined && key.name !== only) continue
        for (const job of this.changeKey(limits, key, staysFair)) moved.add(job)
      }
      const filter = { groups: [group.name], states: allLive, ...(only !== undefined && { partitionKey: only }) }
      for (const job of this.table.matching(filter, "oldest", undefined, Number.POSITIVE_INFINITY)) {
        if (job.rare?.admission === undefined && !moved.has(job) && this.isNewlyLimited(job)) moved.add(job)
      }
      return [...moved].sort((a, b) => a.id - b.id)
    })
    limits.backlogs = this.table.backlogsOf(group)
    for (const key of limits.keys.values()) if (only === undefined || key.name === only) slots.promote(key, now)
    if (isUnlimited(group.policy) && limits.own.size === 0) group.limits = undefined
  }

  /** Gives a key the policy that holds for it now. Answers the jobs that have to be placed anew. */
  private changeKey(limits: GroupLimits, key: LimitedKey, staysFair: boolean): ReadonlyArray<StoredJob> {
    const own = limits.own.get(key.name)
    const policy = policyOf(limits.policy, key.name, own)
    const window = policy === undefined ? 0 : windowOf(limits.policy, policy, key.group.limit)
    const isPaused = own?.paused === true
    if (
      policy !== undefined &&
      isSame(policy, key.policy) &&
      window === key.window &&
      isPaused === key.paused &&
      staysFair
    )
      return []
    const waiting = key.line.peek(key.waiting)
    const jobs = this.slots.lift(key, [...[...key.holders].filter(({ state }) => isWaiting(state)), ...waiting])
    if (policy === undefined) {
      for (const job of key.holders) this.slots.leave(job)
      limits.keys.delete(key.name)
      limits.due.delete(key)
      this.slots.forget(key)
    } else key.change(policy, window, isPaused)
    return jobs
  }

  /**
   * Whether a live job that no limit had to do with has to be placed anew; a running one holds its slots from now on.
   */
  private isNewlyLimited(job: StoredJob): boolean {
    const isFree = job.state !== running && isForTimeOnly(otherWaitOf(job))
    const key = job.state === running || isFree ? this.slots.keyOf(job) : undefined
    if (key === undefined) return false
    if (job.state === running) {
      rareOf(job).admission = { key, holds: false, ownRank: job.rank, tag: undefined }
      this.slots.hold(job, key)
      key.running += slotsIn(job)
      return false
    }
    if (job.state !== pending && !key.holds) return false
    this.slots.lists.unlist(job)
    return true
  }

  /** What an operator sets for one key. */
  set(
    group: Group,
    name: string,
    { paused, policy }: { readonly policy?: KeyPolicy | null; readonly paused?: boolean },
    now: number
  ): KeyRecord {
    const limits = limitsOf(group)
    const before = limits.own.get(name)
    const own = {
      policy: policy === undefined ? before?.policy : (policy ?? undefined),
      paused: paused ?? before?.paused ?? false
    }
    if (own.policy === undefined && !own.paused) limits.own.delete(name)
    else limits.own.set(name, own)
    this.apply(group, now, name)
    return recordOf(limits, name)
  }
}
