/**
 * One job of a batch: an attempt whose handler is to wait for its outcome. So its limits, its cancellation, its
 * progress and its end are those of every attempt; only the hard limit, met in company, is the batch's to judge.
 */
import { Effect, Exit } from "effect"
import type { BatchItem as Item } from "../../Batches/Batch.ts"
import type { ClaimedJob } from "../../Store/Turn.ts"
import { Attempt, type AttemptHost, type Runnable } from "./Attempt.ts"
import type { StopReason } from "./AttemptEnd.ts"

/** What an item asks of its batch. */
export interface Company {
  /** Others are in the same call, or were: the limit may have been missed for one of them. */
  readonly hasCompany: (item: BatchItem) => boolean
  /** Its hard limit passed in company. */
  readonly overran: (item: BatchItem) => void
  /** The worker takes all of them back. */
  readonly stopping: () => void
  /** Done when nothing works on it any more. */
  readonly left: (item: BatchItem) => Effect.Effect<void>
}

export class BatchItem extends Attempt implements Item<unknown, unknown, unknown, unknown> {
  readonly payload: unknown
  /** Its hard limit has passed; an outcome that comes all the same counts. */
  overrun = false
  /** It is, or was, in a call. */
  called = false
  private resume: ((exit: Exit.Exit<unknown, unknown>) => void) | undefined = undefined
  private readonly company: Company
  private readonly ended: AttemptHost["ended"]

  constructor(host: AttemptHost, company: Company, claimed: ClaimedJob, runnable: Runnable, payload: unknown) {
    super(host, claimed, runnable)
    this.ended = host.ended
    this.company = company
    this.payload = payload
  }

  protected override get isOwner(): boolean {
    return false
  }

  get job(): this {
    return this
  }

  get settle(): (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void> {
    return (exit) => Effect.sync(() => this.finish(exit))
  }

  /** It is in a call from now on. */
  enter(now: number): void {
    this.called = true
    this.start(this.payload, now)
  }

  /** What `start` runs for it. */
  readonly outcome: Effect.Effect<unknown, unknown> = Effect.callback((resume) => {
    this.resume = resume
    return Effect.suspend(() => this.company.left(this))
  })

  finish(exit: Exit.Exit<unknown, unknown>): void {
    const { resume } = this
    if (this.over || this.stop !== undefined || resume === undefined) return
    this.resume = undefined
    resume(exit)
  }

  /** Another item takes its place: this one ends without a trace. */
  retire(): void {
    this.over = true
    this.resume?.(Exit.void)
  }

  override halt(reason: StopReason, now?: number): void {
    if (this.over || this.stop !== undefined) return
    if (reason._tag === "HardLimit" && this.company.hasCompany(this)) return this.company.overran(this)
    if (reason._tag === "Stopping" || reason._tag === "Fenced") this.company.stopping()
    if (this.called) return super.halt(reason, now)
    this.stop = this.ending = reason
    this.over = true
    this.ended(this, Exit.interrupt())
  }
}

/** The handler of every item. */
export const awaitOutcome = (_payload: unknown, attempt: Attempt): Effect.Effect<unknown, unknown> =>
  (attempt as BatchItem).outcome
