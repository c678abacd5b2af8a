/** A limited key of a group as the store knows it: what limits it, what it holds, what waits for it. */
import type { KeyPolicy } from "../Limits/GroupPolicy.ts"
import type { StartState } from "../Limits/policy/Starts.ts"

/** With what its rate, its adaptive rate and its breaker go by. */
export interface KeyRecord extends StartState {
  readonly group: string
  /** The partition key; `""` for the jobs without one, which a fair group takes as one key. */
  readonly key: string
  /** In force: the key's own, else by the first rule of its group that fits. */
  readonly policy: KeyPolicy
  /** What an operator set for this key alone. */
  readonly ownPolicy: KeyPolicy | undefined
  /** Slots that its jobs hold: those that run, those that are ready, those that keep their place in a line. */
  readonly held: number
  /** Of those, slots of running jobs. */
  readonly running: number
  /** Jobs `scheduled` for the reason `limit`. */
  readonly waiting: number
  /** Since when, without a break, jobs wait for it, in milliseconds since 1970; undefined: none does. */
  readonly waitingSince: number | undefined
  /**
   * When time alone lets the next of them start, in milliseconds since 1970: past, for one that could at once.
   * Undefined: none waits, or slots have to be given back first.
   */
  readonly nextAt: number | undefined
  /** Nothing of it starts before, in milliseconds since 1970; 0: it was never held back. */
  readonly heldBackUntil: number
  readonly paused: boolean
}

/** Which keys; fields are joined by "and". */
export interface KeyFilter {
  readonly group?: string
  readonly keys?: ReadonlyArray<string>
}

/** A start outside jobs, against the rate that the jobs of a group, or of a key of it, are started by. */
export interface UnitsRequest {
  readonly group: string
  /** Absent: the group's own rate. */
  readonly key?: string
  /** Units of the rate, more than 0. */
  readonly cost: number
  readonly now: number
}

export interface UnitsTaken {
  readonly taken: boolean
  /** When they may be taken at the earliest, in milliseconds since 1970: `now` where they were. */
  readonly at: number
  /** Not taken since the group is outside of its hours: when it opens, in milliseconds since 1970. */
  readonly opensAt?: number
}
