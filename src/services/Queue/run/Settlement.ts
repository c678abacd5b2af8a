/** How an attempt is settled. Tells the waiters and subscribers of this process once that is durable. */
import type { Failure, JobId } from "../Job.ts"
import type { FollowUp, Settle, SettleOutcome } from "../../Store/Turn.ts"
import { type JobWaiters, tellAll, type Waiter } from "../attempt/JobWaiters.ts"
import type { GroupOrders } from "../GroupOrders.ts"
import { rankIn } from "../policy/Order.ts"
import type { QueueEvents } from "../QueueEvents.ts"
import type { SettleFate, SettleListener } from "../../Store/StoreTurns.ts"
import type { Attempt } from "./Attempt.ts"
import type { AttemptEnd } from "./AttemptEnd.ts"

/** What all settlements of a worker share. */
export interface Announcing {
  readonly outcomes: JobWaiters["Service"]
  readonly events: QueueEvents["Service"]
  readonly orders: GroupOrders["Service"]
  /** The end of an attempt in this group was refused. */
  readonly leaseLost: (group: string) => void
  /** An attempt failed, and is tried again or was the last. */
  readonly failed: (run: Attempt, settle: Settle) => void
}

export class Settlement implements Settle, SettleListener {
  readonly id: JobId
  readonly attempt: number
  readonly outcome: SettleOutcome
  readonly result: unknown
  readonly failure: Failure | undefined
  readonly due: number
  readonly rank: number
  readonly runMs: number
  readonly followUp: FollowUp | undefined
  readonly heldBackUntil: number | undefined
  private readonly announcing: Announcing
  private readonly run: Attempt
  private readonly value: unknown
  private readonly error: unknown

  /** `value` is the handler's own result, for waiters of this process. */
  constructor(announcing: Announcing, run: Attempt, end: AttemptEnd, runMs: number, value: unknown) {
    const { claimed } = run
    this.id = claimed.id
    this.attempt = claimed.attempt
    this.outcome = end.outcome
    this.result = end.result
    this.failure = end.failure
    this.due = end.due
    this.rank = rankIn(
      announcing.orders.rankings(),
      claimed.group,
      claimed.task,
      end.due,
      claimed.priority,
      claimed.extra?.deadline
    )
    this.runMs = runMs
    this.followUp = end.followUp
    this.heldBackUntil = end.heldBackUntil
    this.announcing = announcing
    this.run = run
    this.value = value
    this.error = end.error
  }

  settled(fate: SettleFate, at: number): void {
    const { run } = this
    if (run.startedAt >= 0) run.runnable.meter.stored(run.group, run.startedAt + this.runMs)
    const { events, outcomes } = this.announcing
    // What became of it is looked up by who waits for it; it is not known that the lease was lost.
    if (fate === "unheard") return
    const accepted = fate === "accepted"
    if (!accepted) this.announcing.leaseLost(run.group)
    else if (this.outcome === "retry" || this.outcome === "failed") this.announcing.failed(run, this)
    if (events.active()) this.publish(accepted, at)
    if (!accepted || this.outcome === "retry" || this.outcome === "release") return
    const waiters = outcomes.take(this.id)
    if (waiters !== undefined) tellAll(waiters, (waiter) => this.tell(waiter))
  }

  private tell(waiter: Waiter): void {
    if (this.outcome === "completed") waiter.completed(this.value)
    else waiter.failed(this.outcome === "cancelled" ? "cancelled" : "failed", this.failure!, this.error)
  }

  private publish(accepted: boolean, at: number): void {
    const {
      announcing: { events },
      attempt,
      failure,
      id,
      runMs
    } = this
    const { group, task } = this.run
    if (!accepted) return events.publish({ _tag: "LeaseLost", id, task, group, attempt, at })
    switch (this.outcome) {
      case "completed":
        return events.publish({ _tag: "Completed", id, task, group, attempt, runMs, at })
      case "retry":
        return events.publish({
          _tag: "Retried",
          id,
          task,
          group,
          attempt,
          runMs,
          failure: failure!,
          due: this.due,
          at
        })
      case "release":
        if (this.heldBackUntil === undefined) return events.publish({ _tag: "Released", id, task, group, at })
        return events.publish({
          _tag: "LimitHeldBack",
          id,
          task,
          group,
          key: this.run.claimed.partitionKey,
          until: this.heldBackUntil,
          at
        })
      case "failed":
        return events.publish({ _tag: "Failed", id, task, group, attempt, runMs, failure: failure!, at })
      case "cancelled":
        return events.publish({ _tag: "Cancelled", id, task, group, attempt, runMs, failure: failure!, at })
    }
  }
}
