/**
 * Carries orders out beside whoever gives them: at most one try at a time per group, failed ones tried again, and the
 * latest order wins.
 *
 * A control loop must not wait for a slow API, nor heap up what it ordered meanwhile. So only the latest level of each
 * group is kept, and giving up is not known: a failing order stays visible as `failing` until it succeeds or a later
 * one takes its place.
 */
import { Clock, Effect, Random, Result, type Scope, Semaphore } from "effect"
import { retryDelay, type RetryPolicy } from "../../Queue/policy/RetryDelay.ts"
import { ActuatorError, ActuatorFailed, type GroupTarget, type OrderStatus } from "./Actuator.ts"
import { line } from "../../Text/policy/SafeText.ts"

export interface OrdersOptions {
  /** The actuator's name. */
  readonly actuator: string
  /** One try. Idempotent, and bounded in time by itself. */
  readonly carryOut: (target: GroupTarget) => Effect.Effect<void, ActuatorError>
  /**
   * An order that was carried out is carried out again when it is placed again after this time, in milliseconds.
   * Default: never.
   */
  readonly repeatAfterMs?: number
  /**
   * Groups worked on at the same time. Default 4: a thousand groups must not become a thousand processes or requests at
   * once.
   */
  readonly concurrency?: number
}

export interface ScaleRequests {
  /** Never waits for the work. */
  readonly place: (targets: ReadonlyArray<GroupTarget>) => Effect.Effect<ReadonlyArray<OrderStatus>>
}

/** After about 1, 2, 4 … 60 s. A minute is the longest an operator who has repaired something waits to see it work. */
export const backoff: RetryPolicy = { times: Infinity, firstMs: 1000, factor: 2, stepMs: 0, capMs: 60_000, jitter: 0.2 }

interface Order {
  target: GroupTarget
  state: OrderStatus["state"]
  tries: number
  failure: ActuatorError | undefined
  /**
   * Failed tries since the last success, of earlier orders too: a new order is no reason to believe that the way is
   * free.
   */
  failures: number
  /** To be carried out once more, though it was. */
  due: boolean
  busy: boolean
  settledAt: number
}

export const make = (options: OrdersOptions): Effect.Effect<ScaleRequests, never, Scope.Scope> =>
  Effect.gen(function* () {
    const orders = new Map<string, Order>()
    const atOnce = yield* Semaphore.make(options.concurrency ?? 4)
    const scope = yield* Effect.scope

    const tryOnce = (target: GroupTarget) =>
      atOnce.withPermit(options.carryOut(target)).pipe(
        Effect.catchDefect((defect) =>
          Effect.fail(
            new ActuatorError({
              actuator: options.actuator,
              reason: new ActuatorFailed({ message: `a defect of the actuator: ${String(defect)}` })
            })
          )
        ),
        Effect.result
      )

    /** Until the latest order of the group is carried out. */
    const work = Effect.fnUntraced(function* (order: Order) {
      while (order.state !== "settled" || order.due) {
        const { target } = order
        order.due = false
        order.tries++
        const result = yield* tryOnce(target)
        const now = yield* Clock.currentTimeMillis
        if (Result.isSuccess(result)) {
          if (order.failures > 0)
            yield* Effect.logInfo(`${options.actuator} scaled ${line(target.group)} after ${order.failures} failures`)
          order.failure = undefined
          order.failures = 0
          order.state = order.target.desired === target.desired ? "settled" : "underway"
          order.settledAt = now
        } else {
          const { failure } = result
          order.state = "failing"
          order.failure = failure
          order.failures++
          const asked = failure.reason._tag === "ActuatorThrottled" ? failure.reason.retryAfterMs : 0
          // Once a series of failures is enough for a log; the tries go on.
          yield* (order.failures === 1 ? Effect.logWarning : Effect.logDebug)(
            `${failure.actuator} could not scale ${line(target.group)} to ${target.desired} slots, and tries on: ${line(failure.message)}`
          )
          yield* Effect.sleep(Math.max(asked, retryDelay(backoff, order.failures, yield* Random.next, now)))
        }
      }
      order.busy = false
    })

    const place = (target: GroupTarget, now: number) => {
      const order = orders.get(target.group)
      if (order === undefined) {
        const placed: Order = {
          target,
          state: "underway",
          tries: 0,
          failure: undefined,
          failures: 0,
          due: false,
          busy: false,
          settledAt: 0
        }
        orders.set(target.group, placed)
        return placed
      }
      const changed = order.target.desired !== target.desired
      order.target = target
      if (changed) {
        order.state = order.state === "failing" ? "failing" : "underway"
        order.tries = 0
      }
      order.due = order.state === "settled" && now - order.settledAt >= (options.repeatAfterMs ?? Infinity)
      return order
    }

    return {
      place: Effect.fnUntraced(function* (targets) {
        const now = yield* Clock.currentTimeMillis
        const placed = targets.map((target) => place(target, now))
        for (const order of placed) {
          if (order.busy || (order.state === "settled" && !order.due)) continue
          order.busy = true
          yield* Effect.forkIn(work(order), scope)
        }
        return placed.map(({ failure, state, target, tries }) => ({
          group: target.group,
          desired: target.desired,
          state,
          tries,
          failure
        }))
      })
    }
  })
