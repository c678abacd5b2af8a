/** Claimed jobs that are not run here go back unspent, as if they had never been claimed. */
import type { GroupOrders } from "../GroupOrders.ts"
import { rankIn } from "../policy/Order.ts"
import type { SettleListener, StoreTurns } from "../../Store/StoreTurns.ts"
import type { ClaimedJob } from "../../Store/Turn.ts"

type Claimed = Pick<ClaimedJob, "id" | "attempt" | "group" | "task" | "priority" | "extra">

const ignored: SettleListener = { settled: () => undefined }

export class HandBack {
  private readonly turns: StoreTurns["Service"]
  private readonly orders: GroupOrders["Service"]

  constructor(turns: StoreTurns["Service"], orders: GroupOrders["Service"]) {
    this.turns = turns
    this.orders = orders
  }

  /** To run again at `due`. */
  until(job: Claimed, due: number): void {
    this.turns.settle(
      {
        id: job.id,
        attempt: job.attempt,
        outcome: "release",
        result: undefined,
        failure: undefined,
        due,
        rank: rankIn(this.orders.rankings(), job.group, job.task, due, job.priority, job.extra?.deadline),
        runMs: 0
      },
      ignored
    )
  }

  /** The jobs of a batch: the first holds its slot, so it goes last. */
  batchUntil(batch: ReadonlyArray<ClaimedJob>, due: number): void {
    for (const job of [...batch].reverse()) this.until(job, due)
  }

  /** To its place in the order. */
  inPlace(job: ClaimedJob): void {
    this.until(job, job.due)
  }

  batchInPlace(batch: ReadonlyArray<ClaimedJob>): void {
    for (const job of [...batch].reverse()) this.inPlace(job)
  }
}
