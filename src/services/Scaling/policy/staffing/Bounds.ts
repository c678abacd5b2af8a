/**
 * From what is needed to what is asked for: held, bounded, in steps, and never below what runs. Up at once, down when
 * less has sufficed for as long as the hold: the highest need within it counts (the stabilisation window of Kubernetes'
 * horizontal autoscaler).
 */
import { leaked, settled } from "./Turnover.ts"

export interface Limits {
  /** The fewest slots, and the most. */
  readonly minSlots: number
  readonly maxSlots: number
  /** For so long less must have sufficed. */
  readonly holdDownMs: number
  /** Changes of the target, in an hour, up to which slots are taken away. */
  readonly changesPerHour: number
  /** The most slots that one decision adds, and takes away. */
  readonly mostUp: number
  readonly mostDown: number
}

/** A need, and when it was. */
export interface Need {
  readonly at: number
  readonly slots: number
}

export interface Present {
  readonly at: number
  /** Slots, those starting included. */
  readonly slots: number
  readonly running: number
  /** Whether zero slots would make nobody wait. */
  readonly mayBeZero: boolean
}

/** What kept the target from the need. */
export type Limitation = "hold" | "bounds" | "step limit" | "running" | "not yet zero"

/** What is remembered from one decision to the next. Plain JSON. */
export interface Held {
  /** Needs within the hold that a later one does not exceed: the first is the highest. */
  readonly needs: ReadonlyArray<Need>
  /** The last target, and when it was. Undefined: there was none. */
  readonly last: Need | undefined
  /** Changes of the target that have not leaked away. */
  readonly changes: number
}

export const nothingHeld: Held = { needs: [], last: undefined, changes: 0 }

export interface Bounded {
  readonly target: number
  /** In the order in which they took hold. */
  readonly limitedBy: ReadonlyArray<Limitation>
  readonly held: Held
}

/** Needs that still count at `now`, with one more. A clock that went back starts anew from the highest one. */
const stillHeld = (needs: ReadonlyArray<Need>, need: Need, holdMs: number): ReadonlyArray<Need> => {
  const kept = needs
    .map((each) => (each.at > need.at ? { ...each, at: need.at } : each))
    .filter(({ at, slots }) => at > need.at - holdMs && slots > need.slots)
  return [...kept, need]
}

/** The bounds hold whatever else does: a maximum below what runs drains, and takes no job from the slots it removes. */
export const bounded = (
  wanted: number,
  { at, mayBeZero, running, slots }: Present,
  before: Held,
  { changesPerHour, holdDownMs, maxSlots, minSlots, mostDown, mostUp }: Limits
): Bounded => {
  const limitedBy: Array<Limitation> = []
  const needs = stillHeld(before.needs, { at, slots: wanted }, holdDownMs)
  const { last } = before
  const changes = last === undefined ? 0 : leaked(before.changes, at - last.at, changesPerHour)
  let target = wanted
  const to = (next: number, limitation: Limitation) => {
    if (next === target) return
    target = next
    limitedBy.push(limitation)
  }
  to(Math.max(target, needs[0]!.slots), "hold")
  if (last !== undefined) to(settled(target, last.slots, changes, changesPerHour), "hold")
  to(Math.max(target, running), "running")
  if (target === 0 && !mayBeZero) to(1, "not yet zero")
  to(Math.max(slots - mostDown, Math.min(slots + mostUp, target)), "step limit")
  to(Math.max(target, Math.min(running, slots)), "running")
  to(Math.max(Math.min(minSlots, maxSlots), Math.min(maxSlots, target)), "bounds")
  const isChange = last !== undefined && target !== last.slots
  return { target, limitedBy, held: { needs, last: { at, slots: target }, changes: changes + (isChange ? 1 : 0) } }
}
