/** The limited keys of a group that has a policy, or a key with one of its own. */
import type { GroupPolicy } from "../../Limits/GroupPolicy.ts"
import { isForgettable, windowOf } from "../../Limits/policy/KeyAdmission.ts"
import { type OwnRule, policyOf } from "../../Limits/policy/KeyRules.ts"
import type { Group } from "./Lane.ts"
import { LimitedKey } from "./LimitedKey.ts"

export class GroupLimits {
  readonly group: Group
  /** What operators set for one key. */
  readonly own = new Map<string, OwnRule>()
  readonly keys = new Map<string, LimitedKey>()
  /** Rated keys of which a claim may start a job now, as far as was seen. */
  readonly due = new Set<LimitedKey>()
  isFair = false
  /** Live jobs that do not run, by partition key; where a rule bounds them. */
  backlogs: Map<string, number> | undefined = undefined

  constructor(group: Group) {
    this.group = group
  }

  get policy(): GroupPolicy {
    return this.group.policy
  }

  /** The key, if its jobs are limited. */
  key(name: string): LimitedKey | undefined {
    const known = this.keys.get(name)
    if (known !== undefined) return known
    const own = this.own.get(name)
    const policy = policyOf(this.policy, name, own)
    if (policy === undefined) return undefined
    const { group } = this
    const key = new LimitedKey(group, name, policy, windowOf(this.policy, policy, group.limit), own?.paused === true)
    this.keys.set(name, key)
    return key
  }

  /** Lets go of a key of which nothing has to be remembered. */
  forget(key: LimitedKey, now: number): void {
    if (!isForgettable(key, this.isFair ? this.group.time : Number.POSITIVE_INFINITY, now)) return
    if (this.keys.get(key.name) === key) this.keys.delete(key.name)
  }
}
