/** Which policy holds for a key of a group: the first rule that fits, its tier below it. */
import type { GroupPolicy, KeyPolicy } from "../GroupPolicy.ts"
import { boundsStarts } from "./Starts.ts"

/** Whether a key fits a pattern in which each `*` stands for any text. Linear in the key for each piece. */
export const fitsPattern = (pattern: string, key: string): boolean => {
  const pieces = pattern.split("*")
  const first = pieces[0]!
  if (pieces.length === 1) return key === first
  const last = pieces.at(-1)!
  if (key.length < first.length + last.length || !key.startsWith(first) || !key.endsWith(last)) return false
  let from = first.length
  const to = key.length - last.length
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i]!
    const found = key.indexOf(piece, from)
    if (found < 0 || found + piece.length > to) return false
    from = found + piece.length
  }
  return true
}

/** Of a key that is limited though no rule names it. */
export const unruled: KeyPolicy = {}

/** Whether any jobs of a group may be limited by their keys, where no operator set anything for one. */
export const limitsKeys = ({ fair, keys = [] }: GroupPolicy): boolean => fair === true || keys.length > 0

/** What operators set for one key. */
export interface OwnRule {
  /** Holds over the rules of the group. */
  readonly policy: KeyPolicy | undefined
  readonly paused: boolean
}

/** Whether any key may have a bounded backlog. */
export const boundsBacklogs = ({ keys = [], tiers = {} }: GroupPolicy, own: Iterable<OwnRule>): boolean =>
  [...keys, ...own].some(({ policy }) => policy?.backlog !== undefined) ||
  Object.values(tiers).some(({ backlog }) => backlog !== undefined)

/** Whether nothing is limited by it. */
export const isUnlimited = (policy: GroupPolicy): boolean =>
  policy.backlog === undefined && !limitsKeys(policy) && !boundsStarts(policy)

/**
 * The policy of a key. Undefined: its jobs are not limited. In a fair group every job is, those without a key (`""`) as
 * one; and the jobs of a paused key are.
 */
export const policyOf = (group: GroupPolicy, key: string, own: OwnRule | undefined): KeyPolicy | undefined => {
  if (key !== "") {
    if (own?.policy !== undefined) return own.policy
    const rule = group.keys?.find(({ keys }) => fitsPattern(keys, key))
    if (rule !== undefined)
      return { ...(rule.tier === undefined ? undefined : group.tiers?.[rule.tier]), ...rule.policy }
    if (own?.paused === true) return unruled
  }
  return group.fair === true ? unruled : undefined
}
