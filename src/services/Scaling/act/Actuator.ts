/**
 * What turns a decision of the scaler into capacity: worker processes on this host, a command of the user's, a
 * Kubernetes workload.
 *
 * The unit is the slot: room for one running job of a group, over all workers. An actuator buys slots in pieces of its
 * own (a process, a replica) and rounds up. Orders are levels, not steps: "12 slots of network", so placing one twice
 * changes nothing, and a newer one takes the place of an older that was not carried out yet. Nothing is ever killed for
 * a smaller order: workers drain.
 */
import { Context, type Effect, Schema } from "effect"

/** Could not be reached, or answered with a fault of its own. Passes by itself; the actuator tries again. */
export class ActuatorUnreachable extends Schema.TaggedError<ActuatorUnreachable>()("ActuatorUnreachable", {
  message: Schema.String
}) {}

/** Did not answer in time; whether the order was carried out is unknown. Safe to place again; the actuator does. */
export class ActuatorTimedOut extends Schema.TaggedError<ActuatorTimedOut>()("ActuatorTimedOut", {
  message: Schema.String,
  afterMs: Schema.Finite
}) {}

/** Asked for fewer requests. The actuator waits that long before the next one. */
export class ActuatorThrottled extends Schema.TaggedError<ActuatorThrottled>()("ActuatorThrottled", {
  message: Schema.String,
  retryAfterMs: Schema.Finite
}) {}

/**
 * Someone else changed the same thing at the same moment, more than once. The actuator reads it anew and tries again.
 */
export class ActuatorConflict extends Schema.TaggedError<ActuatorConflict>()("ActuatorConflict", {
  message: Schema.String
}) {}

/** Not allowed. An operator has to grant what the message names. */
export class ActuatorDenied extends Schema.TaggedError<ActuatorDenied>()("ActuatorDenied", {
  message: Schema.String
}) {}

/** What it should scale or run does not exist. An operator has to correct the setting the message names. */
export class ActuatorTargetMissing extends Schema.TaggedError<ActuatorTargetMissing>()("ActuatorTargetMissing", {
  message: Schema.String
}) {}

/** Refused the order or failed at it; the message says how, with the end of what a command wrote. */
export class ActuatorFailed extends Schema.TaggedError<ActuatorFailed>()("ActuatorFailed", {
  message: Schema.String
}) {}

export const ActuatorReason = Schema.Union([
  ActuatorUnreachable,
  ActuatorTimedOut,
  ActuatorThrottled,
  ActuatorConflict,
  ActuatorDenied,
  ActuatorTargetMissing,
  ActuatorFailed
])
export type ActuatorReason = typeof ActuatorReason.Type

/** Why an order was not carried out, or why capacity is not known. */
export class ActuatorError extends Schema.TaggedError<ActuatorError>()("ActuatorError", {
  /** The actuator's name. */
  actuator: Schema.String,
  reason: ActuatorReason
}) {
  override get message() {
    return this.reason.message
  }
}

/** What the scaler wants of one group. */
export const GroupTarget = Schema.Struct({
  group: Schema.String,
  /** Slots wanted over all workers, a whole number. 0: none, where the bounds allow it. */
  desired: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** Slots there were when it was decided, ready and starting. */
  current: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** In a sentence, for people. */
  reason: Schema.String,
  /** Milliseconds since 1970, by the deciding leader's clock. */
  decidedAt: Schema.Finite
})
export type GroupTarget = typeof GroupTarget.Type

/** The slots of one group an actuator provides now. */
export interface GroupCapacity {
  readonly group: string
  /** In workers that claim. */
  readonly ready: number
  /** Ordered and not claiming yet. */
  readonly starting: number
  /** In workers that finish what they run and claim no more. */
  readonly draining: number
  /** The most it can provide; undefined: it knows no bound. */
  readonly most: number | undefined
}

/** How far an order has come. */
export interface OrderStatus {
  readonly group: string
  /** The latest order, in slots. */
  readonly desired: number
  /**
   * `settled`: carried out, capacity may still be starting. `underway`: being carried out. `failing`: tried without
   * success, tried again.
   */
  readonly state: "settled" | "underway" | "failing"
  /** Tries of this order so far. */
  readonly tries: number
  /** Why the latest try failed; undefined unless `failing`. */
  readonly failure: ActuatorError | undefined
}

/** From order to capacity, as seen. */
export interface StartUp {
  /**
   * Milliseconds from an order to the first claim (or the joining) of the worker it brought, at the 90th percentile of
   * the latest 20.
   */
  readonly p90Ms: number
  /** How many of them it rests on, 1 to 20. */
  readonly seen: number
}

export interface Actuator {
  /** Shown to operators and kept with each decision: `processes`, `command`, `kubernetes`. */
  readonly name: string
  /** Whether it provides slots of this group; targets of others are passed over. */
  readonly serves: (group: string) => boolean
  /**
   * Orders these levels and answers how far each order has come, the failure of an earlier try included. Never fails
   * and never waits for the work: it is done beside the caller, one try at a time per group, with retries, and the
   * latest order wins. Idempotent. Groups that are not named keep their order.
   */
  readonly apply: (targets: ReadonlyArray<GroupTarget>) => Effect.Effect<ReadonlyArray<OrderStatus>>
  /** The slots it provides, per group. Reads; may ask over a network and then takes at most 10 s. */
  readonly capacity: Effect.Effect<ReadonlyArray<GroupCapacity>, ActuatorError>
  /** How long its capacity takes to start; undefined until it has seen one start. */
  readonly startUp: Effect.Effect<StartUp | undefined>
}

/** The actuators of this process, besides the slots of its own worker. None unless provided. */
export const Actuators = Context.Reference<ReadonlyArray<Actuator>>("sluice/services/Scaling/act/Actuators", {
  defaultValue: () => []
})
