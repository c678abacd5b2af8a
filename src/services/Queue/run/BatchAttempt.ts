/**
 * Many jobs in one slot and, if all goes well, one handler call.
 *
 * A call that fails, dies or overruns as a whole does not say which item was the cause: those without an outcome run
 * again in two halves, one after the other, and so on down to single items, whose ends are their own. One bad item
 * among n costs about 2 log2(n) calls more; where all fail, 2n - 1 calls are made, about two per job.
 *
 * The first job holds the slot in the store, so it is settled last, when no call runs any more; the others as they end.
 */
import { Cause, Context, Effect, Exit, type Fiber } from "effect"
import { formatJobId, type JobId } from "../Job.ts"
import type { ClaimedJob } from "../../Store/Turn.ts"
import type { AnyTask } from "../Task.ts"
import type { BatchTaskHandler } from "../TaskRegistry.ts"
import { abandonAfterMs, type Attempt, type AttemptHost, type Runnable } from "./Attempt.ts"
import { attemptEnd, type AttemptEnd, undecodable } from "./AttemptEnd.ts"
import { BatchItem, type Company } from "./BatchItem.ts"
import { type AttemptOfFiber, CurrentAttempt } from "../attempt/CurrentAttempt.ts"
import type { Expiring } from "./Deadlines.ts"
import { isPutOff } from "./Refusals.ts"
import { forkAs, type Owner } from "./LooseFailures.ts"

/** A runnable of a batch task. */
export interface BatchRunnable extends Runnable {
  readonly together: BatchTaskHandler
}

/** What a batch asks of its worker. */
export interface BatchHost extends Omit<AttemptHost, "ended" | "arm"> {
  readonly arm: (entry: Expiring, at: number) => void
  readonly disarm: (entry: Expiring) => void
  /** Its job counts as running here from now on, until `stopped`. */
  readonly runs: (attempt: Attempt) => void
  readonly stopped: (attempt: Attempt) => void
  readonly settle: (
    attempt: Attempt,
    end: AttemptEnd,
    runMs: number,
    exit: Exit.Exit<unknown, unknown> | undefined
  ) => void
  /** A call answered: how many items it had, and how long it took. */
  readonly measured: (task: AnyTask, size: number, ms: number) => void
  /** A call failed as a whole and its items run again apart. */
  readonly split: (task: AnyTask) => void
  /** Nothing of it runs any more: its slot is free. */
  readonly over: (batch: BatchAttempt) => void
}

interface Call {
  readonly items: ReadonlyArray<BatchItem>
  readonly startedAt: number
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  interrupted: boolean
}

const noOutcome = Exit.die(
  new Error("The batch handler gave no outcome for this item; it answers one per item, in their order")
)

export class BatchAttempt implements Expiring, Company {
  bucket = -1
  before: Expiring | undefined = undefined
  after: Expiring | undefined = undefined
  readonly group: string
  private readonly host: BatchHost
  private readonly runnable: BatchRunnable
  readonly ids: ReadonlyArray<JobId>
  private readonly first: ClaimedJob
  private lastCalled: ReadonlyArray<BatchItem> = []
  /** Items still to be called, the next one last. */
  private readonly waiting: Array<ReadonlyArray<BatchItem>> = []
  private call: Call | undefined = undefined
  private calling = false
  /** Jobs that have not ended. */
  private open: number
  private stops = false
  private readonly leaving: Array<() => void> = []
  private settleFirst: (() => void) | undefined = undefined
  private readonly itemHost: AttemptHost

  constructor(host: BatchHost, jobs: ReadonlyArray<ClaimedJob>, runnable: BatchRunnable) {
    this.host = host
    this.runnable = runnable
    this.first = jobs[0]!
    this.ids = jobs.map(({ id }) => id)
    this.group = this.first.group
    this.open = jobs.length
    this.itemHost = { ...host, ended: (item, exit) => this.ended(item as BatchItem, exit) }
    const items: Array<BatchItem> = []
    for (const job of jobs) {
      let payload: unknown
      try {
        payload = runnable.codec.payload.decode(job.payload)
      } catch (cause) {
        const item = this.item(job, undefined)
        item.over = true
        this.settle(item, undecodable(cause, job, host.now()), 0, undefined)
        continue
      }
      items.push(this.item(job, payload))
    }
    if (items.length > 0) this.waiting.push(items)
  }

  private item(job: ClaimedJob, payload: unknown): BatchItem {
    const item = new BatchItem(this.itemHost, this, job, this.runnable, payload)
    item.waitMs = Math.max(0, this.host.now() - job.due)
    this.host.runs(item)
    return item
  }

  /** Those the last call was, or is, for. */
  get called(): ReadonlyArray<Attempt> {
    return this.lastCalled
  }

  /** Runs the handler at once, as far as it goes without waiting; then call after call until every item has ended. */
  start(): void {
    if (this.calling) return
    this.calling = true
    while (this.call === undefined) {
      const items = this.waiting.pop()?.filter(({ over }) => !over)
      if (items === undefined) break
      if (items.length > 0) this.run(items)
    }
    this.calling = false
    this.finish()
  }

  private finish(): void {
    if (this.call !== undefined || this.calling || this.open > 0) return
    this.settleFirst?.()
    this.host.over(this)
  }

  private run(items: ReadonlyArray<BatchItem>): void {
    const { host, runnable } = this
    const call: Call = { items, startedAt: host.monotonic(), fiber: undefined, interrupted: false }
    this.call = call
    this.lastCalled = items
    for (const item of items) item.enter(call.startedAt)
    let effect: Effect.Effect<unknown, unknown>
    try {
      effect = runnable.together(items)
    } catch (defect) {
      return this.answered(call, Exit.die(defect))
    }
    call.fiber = forkAs(this.ownerOf(call), effect, Context.add(runnable.context, CurrentAttempt, logOf(items)))
    const exit = call.fiber.pollUnsafe()
    if (exit !== undefined) this.answered(call, exit)
    else {
      // All items may have ended before the handler first waited.
      call.fiber.addObserver((late) => this.answered(call, late))
      this.release(call)
    }
  }

  /** Of what the handler leaves behind in this call. */
  private ownerOf(call: Call): Owner {
    const isOver = () => this.call !== call
    return {
      get over() {
        return isOver()
      },
      label: `a call of ${this.runnable.registration.task.name} for ${call.items.length} jobs`,
      fail: (error) => {
        const { fiber } = call
        this.answered(call, Exit.die(error))
        fiber?.interruptUnsafe()
      }
    }
  }

  private answered(call: Call, exit: Exit.Exit<unknown, unknown>): void {
    if (this.call !== call) return
    this.call = undefined
    this.host.disarm(this)
    for (const resume of this.leaving.splice(0)) resume()
    const open = call.items.filter(({ over, stop }) => !over && stop === undefined)
    // What one of them heard the handler heard, and what it makes of it is for all.
    const heard = open.find(({ ending }) => ending !== undefined)?.ending
    if (exit._tag === "Success") {
      this.host.measured(this.runnable.registration.task, call.items.length, this.host.monotonic() - call.startedAt)
      const outcomes = exit.value
      for (const item of open) item.finish(outcomeOf(outcomes, call.items.indexOf(item)))
    } else if (call.items.length === 1 || isForAll(exit) || heard !== undefined) {
      for (const item of open) {
        item.ending ??= heard
        item.finish(exit)
      }
    } else if (open.length > 0 && !this.stops) {
      this.host.split(this.runnable.registration.task)
      this.halve(open, call.interrupted ? "ran into its time limit" : reasonOf(exit))
    }
    this.start()
  }

  private halve(items: ReadonlyArray<BatchItem>, why: string): void {
    const again = items.map((item) => {
      this.host.disarm(item)
      this.host.stopped(item)
      item.retire()
      const next = this.item(item.claimed, item.payload)
      if (item.leaves) next.leave()
      return next
    })
    logOf(again).log("warning", `A call for ${items.length} jobs ${why}; they run again in smaller calls`)
    const middle = again.length >> 1
    this.waiting.push(again.slice(middle))
    if (middle > 0) this.waiting.push(again.slice(0, middle))
  }

  private ended(item: BatchItem, exit: Exit.Exit<unknown, unknown>): void {
    const runMs = item.called ? this.host.monotonic() - item.startedAt : 0
    item.runMs = runMs
    if (item.called) this.runnable.meter.ended(item, runMs, true, exit._tag === "Success")
    this.host.disarm(item)
    if (item.stop?._tag === "Fenced") {
      this.open--
      this.host.stopped(item)
    } else this.settle(item, attemptEnd(exit, item.claimed, item.ending, this.runnable.end), runMs, exit)
    if (this.call !== undefined) this.release(this.call)
    this.finish()
  }

  private settle(item: BatchItem, end: AttemptEnd, runMs: number, exit: Exit.Exit<unknown, unknown> | undefined): void {
    this.open--
    const settle = () => {
      this.host.stopped(item)
      this.host.settle(item, end, runMs, exit)
    }
    if (item.id === this.first.id) this.settleFirst = settle
    else settle()
  }

  /** A call nobody waits for any more is interrupted. */
  private release(call: Call): void {
    for (const { over, overrun, stop } of call.items) if (!over && !overrun && stop === undefined) return
    this.interrupt(call)
  }

  private interrupt(call: Call): void {
    if (call.interrupted || call.fiber === undefined) return
    call.interrupted = true
    this.host.arm(this, this.host.monotonic() + abandonAfterMs)
    call.fiber.interruptUnsafe()
  }

  /** The interrupted handler did not end in time: it is waited for no longer. */
  expired(): void {
    const { call } = this
    if (call !== undefined)
      this.answered(call, Exit.die(new Error("The batch handler did not end when it was interrupted")))
  }

  hasCompany(item: BatchItem): boolean {
    return this.call !== undefined && this.call.items.length > 1 && this.call.items.includes(item)
  }

  overran(item: BatchItem): void {
    item.overrun = true
    if (this.call !== undefined) this.release(this.call)
  }

  stopping(): void {
    this.stops = true
    if (this.call !== undefined) this.interrupt(this.call)
  }

  left(item: BatchItem): Effect.Effect<void> {
    const { call } = this
    if (call === undefined || !call.items.includes(item)) return Effect.void
    this.release(call)
    // A handler that goes on for the others leaves this one behind.
    if (!call.interrupted) return Effect.void
    return Effect.callback<void>((resume) => {
      if (this.call !== call) return resume(Effect.void)
      this.leaving.push(() => resume(Effect.void))
    })
  }
}

/** What is said of a call is said of each of its jobs that has not ended. */
const logOf = (items: ReadonlyArray<BatchItem>): AttemptOfFiber => ({
  task: items[0]!.task,
  group: items[0]!.group,
  log: (level, message) => {
    for (const item of items) if (!item.over) item.log(level, message)
  },
  annotations: { task: items[0]!.task, jobs: items.map(({ id }) => formatJobId(id)).join(" ") }
})

const outcomeOf = (outcomes: unknown, index: number): Exit.Exit<unknown, unknown> => {
  if (outcomes === undefined) return Exit.void
  const outcome: unknown = Array.isArray(outcomes) ? outcomes[index] : undefined
  return Exit.isExit(outcome) ? (outcome as Exit.Exit<unknown, unknown>) : noOutcome
}

/** The handler puts off all of it. */
const isForAll = (exit: Exit.Exit<unknown, unknown>): boolean =>
  exit._tag === "Failure" && exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && isPutOff(reason.error))

const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  const error = exit._tag === "Failure" ? Cause.squash(exit.cause) : undefined
  return `failed (${error instanceof Error ? error.message || error.name : "without a message"})`
}
