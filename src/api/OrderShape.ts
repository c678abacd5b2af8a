import * as Schema from "effect/Schema"
import { type GroupOrder, Job, Order, type Place } from "../services/Queue/index.ts"

const ChoiceShape = Schema.Struct({
  order: Schema.Literals(Order.orders),
  /** Milliseconds; null: the order's default. */
  boundMs: Schema.NullOr(Schema.Finite)
})

/** One line of `queue order`. */
export const GroupOrderShape = Schema.Struct({
  group: Schema.String,
  /** In force. */
  order: Schema.Literals(Order.orders),
  /** A job is passed only by jobs that became due at most this long after it, in milliseconds. */
  boundMs: Schema.Finite,
  from: Schema.Literals(["operator", "declared", "default"]),
  /** What the program says and what an operator chose, else null. */
  declared: Schema.NullOr(ChoiceShape),
  operator: Schema.NullOr(ChoiceShape),
  /** Until all that waits is ranked by it. */
  changing: Schema.Boolean
})

const choice = (chosen: Order.OrderChoice | undefined) =>
  chosen === undefined ? null : { order: chosen.order, boundMs: chosen.boundMs ?? null }

export const toOrderShape = (order: GroupOrder): typeof GroupOrderShape.Type => ({
  group: order.group,
  order: order.order,
  boundMs: order.boundMs,
  from: order.from,
  declared: choice(order.declared),
  operator: choice(order.operator),
  changing: order.isChanging
})

/** Where a pending job stands in the order of its group. */
export const PlaceShape = Schema.Struct({
  order: Schema.Literals(Order.orders),
  boundMs: Schema.Finite,
  priority: Schema.Int,
  /** Times in RFC 3339. */
  deadline: Schema.NullOr(Schema.String),
  /** What a run of its task takes, in milliseconds; null when the order does not go by it or it is not known. */
  expectedRunMs: Schema.NullOr(Schema.Finite),
  /** Pending jobs that start before it; at least so many when `exact` is false. */
  ahead: Schema.Int,
  exact: Schema.Boolean,
  /** Those of them that became due after it, and the first three. */
  passing: Schema.Int,
  passedBy: Schema.Array(
    Schema.Struct({ id: Schema.String, task: Schema.String, priority: Schema.Int, dueAt: Schema.String })
  ),
  /** What becomes due then or later starts after it. */
  passedUntil: Schema.String
})

const time = (millis: number): string => new Date(millis).toISOString()

export const toPlaceShape = (place: Place): typeof PlaceShape.Type => ({
  order: place.order,
  boundMs: place.boundMs,
  priority: place.priority,
  deadline: place.deadline === undefined ? null : time(place.deadline),
  expectedRunMs: place.expectedRunMs ?? null,
  ahead: place.ahead,
  exact: place.isExact,
  passing: place.passing,
  passedBy: place.passedBy.map(({ due, id, priority, task }) => ({
    id: Job.formatJobId(id),
    task,
    priority,
    dueAt: time(due)
  })),
  passedUntil: time(place.passedUntil)
})
