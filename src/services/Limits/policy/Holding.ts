/** What keeps a whole group from starting anything, but for slots and rates: a rest it was told to take, its hours. */
import * as Bounds from "../../Queue/policy/Bounds.ts"
import type { GroupPolicy } from "../GroupPolicy.ts"
import { type Hours, type Opening, openingTimes } from "./Hours.ts"

const known = new WeakMap<Hours, (now: number) => Opening>()

/** Of hours in a zone that this Node does not know, kept by one that does: nothing starts outside of them. */
const neverOpens: Opening = { isOpen: false, changesAt: Bounds.lastTime }

const openingIn = (hours: Hours, now: number): Opening => {
  let opening = known.get(hours)
  if (opening === undefined) {
    try {
      opening = openingTimes(hours)
    } catch {
      opening = () => neverOpens
    }
    known.set(hours, opening)
  }
  return opening(now)
}

/** When a group that is closed opens, in milliseconds since 1970; 0: it is open, or works at all hours. */
export const opensAt = ({ hours }: GroupPolicy, now: number): number => {
  if (hours === undefined) return 0
  const { changesAt, isOpen } = openingIn(hours, now)
  return isOpen ? 0 : changesAt!
}

/** Nothing of the group starts before, in milliseconds since 1970; at or before `now`: nothing of this keeps it. */
export const heldUntil = (group: { readonly heldBackUntil: number }, policy: GroupPolicy, now: number): number =>
  policy.hours === undefined ? group.heldBackUntil : Math.max(group.heldBackUntil, opensAt(policy, now))
