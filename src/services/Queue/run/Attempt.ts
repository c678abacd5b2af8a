/**
 * One run of a job in this process: what its handler sees of it, its time limits, and its way to an end. It ends once,
 * whatever ends it first: the handler, its hard limit, a cancellation, a stop, a lost lease.
 */
import { Context, type Duration, Effect, Exit, type Fiber } from "effect"
import type { MeteredAttempt, TaskMeter } from "../../Profiling/AttemptMeter.ts"
import type { ClaimedJob, LogLevel } from "../../Store/Turn.ts"
import { formatJobId, type JobId } from "../Job.ts"
import * as Durations from "../policy/Durations.ts"
import { Snoozed, type JobContext, type JobSteps } from "../Task.ts"
import type { BatchTaskHandler, Registration } from "../TaskRegistry.ts"
import type { TaskCodec } from "../codec/TaskCodec.ts"
import type { EndPolicy, StopReason } from "./AttemptEnd.ts"
import { type AttemptOfFiber, CurrentAttempt } from "../attempt/CurrentAttempt.ts"
import type { Expiring } from "./Deadlines.ts"
import { enter, type Owner } from "./LooseFailures.ts"
import { endOfRefused, refusalIn } from "./Refusals.ts"
import type { Placed } from "./RunningAttempts.ts"

/**
 * How long an interrupted handler may take to clean up before its slot is given on and its job settled without it, in
 * milliseconds.
 */
export const abandonAfterMs = 5000

/** A registration made ready to run: schemas compiled, environment prepared. */
export interface Runnable {
  readonly registration: Registration
  readonly codec: TaskCodec
  readonly context: Context.Context<never>
  readonly run: (payload: unknown, attempt: Attempt) => Effect.Effect<unknown, unknown>
  /** The handler of many jobs; undefined for a task whose jobs run in calls of their own. */
  readonly together: BatchTaskHandler | undefined
  readonly softLimitMs: number
  readonly hardLimitMs: number
  readonly end: EndPolicy
  readonly meter: TaskMeter
}

/** What an attempt asks of its worker. */
export interface AttemptHost {
  readonly monotonic: () => number
  readonly arm: (attempt: Attempt, at: number) => void
  readonly ended: (attempt: Attempt, exit: Exit.Exit<unknown, unknown>) => void
  readonly progress: (attempt: Attempt, value: unknown) => void
  readonly log: (attempt: Attempt, level: LogLevel, message: string) => void
  readonly steps: (attempt: Attempt) => JobSteps
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const stopping: StopReason = { _tag: "Stopping" }

const noHeaders: Readonly<Record<string, string>> = {}

export class Attempt implements JobContext<unknown, unknown>, Expiring, AttemptOfFiber, Placed, MeteredAttempt, Owner {
  place = -1
  bucket = -1
  before: Expiring | undefined = undefined
  after: Expiring | undefined = undefined
  stop: StopReason | undefined = undefined
  /** What a failure from now on is put down to. */
  ending: StopReason | undefined = undefined
  /** Set once; whatever comes later is ignored. */
  over = false
  /** The worker stops and waits for it. */
  leaves = false
  /** False while it waits for a thread: its limits and its run time count from then on. */
  hasBegun = true
  /** By the worker's monotonic clock, in milliseconds; below 0 until it starts. */
  startedAt = -1
  /** Set when it is over. */
  runMs = 0
  waitMs = 0
  heldUs = 0
  private fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  private warned = false
  private told = false
  private refused = false
  private stage: "soft" | "hard" | "abandon" = "soft"
  private warning: AbortController | undefined = undefined
  private controller: AbortController | undefined = undefined
  private readonly host: AttemptHost
  readonly claimed: ClaimedJob
  readonly runnable: Runnable

  constructor(host: AttemptHost, claimed: ClaimedJob, runnable: Runnable) {
    this.host = host
    this.claimed = claimed
    this.runnable = runnable
  }

  get id(): JobId {
    return this.claimed.id
  }
  get task(): string {
    return this.claimed.task
  }
  get group(): string {
    return this.claimed.group
  }
  get attempt(): number {
    return this.claimed.attempt
  }
  get maxAttempts(): number {
    return this.claimed.maxAttempts
  }
  get version(): number {
    return this.claimed.version
  }
  get priority(): number {
    return this.claimed.priority
  }
  get headers(): Readonly<Record<string, string>> {
    return this.claimed.extra?.headers ?? noHeaders
  }

  /** A getter, so that handlers may take it out of the context and attempts that report nothing pay nothing. */
  get progress(): (value: unknown) => Effect.Effect<void> {
    return (value) => Effect.sync(() => this.report(value))
  }

  report(value: unknown): void {
    this.host.progress(this, value)
  }

  get steps(): JobSteps {
    return this.host.steps(this)
  }

  get softLimit(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.over) return resume(Effect.void)
      if (this.warned) {
        this.heard()
        return resume(Effect.void)
      }
      this.warning ??= new AbortController()
      const { signal } = this.warning
      const warned = () => {
        this.heard()
        resume(Effect.void)
      }
      signal.addEventListener("abort", warned, { once: true })
      return Effect.sync(() => signal.removeEventListener("abort", warned))
    })
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.told || this.over) this.controller.abort()
    }
    return this.controller.signal
  }

  get snooze(): (delay: Duration.Input) => Effect.Effect<never, Snoozed> {
    return (delay) => Effect.suspend(() => Effect.fail(new Snoozed({ delayMs: Durations.duration("snooze", delay) })))
  }

  log(level: LogLevel, message: string): void {
    this.host.log(this, level, message)
  }

  /**
   * Runs the handler at once, as far as it goes without waiting; the caller leaves its context (`LooseFailures`). `now`
   * by the worker's monotonic clock. Answers whether it still runs.
   */
  start(payload: unknown, now: number): boolean {
    const { runnable } = this
    this.startedAt = now
    let effect: Effect.Effect<unknown, unknown>
    try {
      effect = runnable.run(payload, this)
    } catch (defect) {
      this.end(Exit.die(defect))
      return false
    }
    const context = Context.add(runnable.context, CurrentAttempt, this)
    if (this.isOwner) enter(this)
    const fiber = Effect.runForkWith(context)(effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      this.end(exit)
      return !this.over
    }
    this.fiber = fiber
    fiber.addObserver((late) => this.end(late))
    if (this.hasBegun) this.armSoftLimit()
    return true
  }

  /** A thread was found for it. */
  begin(): void {
    if (this.over || this.hasBegun) return
    this.hasBegun = true
    this.startedAt = this.host.monotonic()
    if (this.stop === undefined) this.armSoftLimit()
  }

  private armSoftLimit(): void {
    this.host.arm(this, this.startedAt + this.softLimitMs())
  }

  get hardLimitMs(): number {
    return this.claimed.extra?.hardLimit ?? this.runnable.hardLimitMs
  }

  private softLimitMs(): number {
    return Math.min(this.claimed.extra?.softLimit ?? this.runnable.softLimitMs, this.hardLimitMs)
  }

  expired(now: number): void {
    switch (this.stage) {
      case "soft":
        this.stage = "hard"
        this.tell()
        return this.host.arm(this, this.startedAt + this.hardLimitMs)
      case "hard":
        return this.halt({ _tag: "HardLimit", limitMs: this.hardLimitMs }, now)
      case "abandon":
        return this.end(Exit.die(new Error("The handler did not end when it was interrupted")))
    }
  }

  /**
   * Asks the handler to finish, since the worker stops: what goes by the signal may still end well within the grace
   * period. One that hears of it and gives up has not failed: its job is handed back. One that did not ask and fails
   * has failed like any other.
   */
  leave(): void {
    this.leaves = true
    this.warn()
  }

  private heard(): void {
    if (this.leaves) this.ending ??= stopping
  }

  private warn(): void {
    this.warned = true
    this.warning?.abort()
  }

  /** Tells the handler, and all that goes by its signal, to finish now. */
  private tell(): void {
    this.told = true
    this.controller?.abort()
    this.warn()
  }

  /** Interrupts the handler. If it does not end, its slot and job are freed without it after `abandonAfterMs`. */
  halt(reason: StopReason, now = this.host.monotonic()): void {
    if (this.over || this.stop !== undefined) return
    this.stop = this.ending = reason
    this.tell()
    this.stage = "abandon"
    this.host.arm(this, now + abandonAfterMs)
    this.fiber?.interruptUnsafe()
  }

  /** Code of its own runs in its fiber; false where others' does. */
  protected get isOwner(): boolean {
    return true
  }

  get annotations(): Readonly<Record<string, unknown>> {
    return { job: formatJobId(this.id), task: this.task, attempt: this.attempt }
  }

  get label(): string {
    return `job ${formatJobId(this.id)} of ${this.task}, attempt ${this.attempt},`
  }

  /** Something that the handler left behind has failed; nobody knows what else is not done. */
  fail(error: Error): void {
    if (this.over || this.stop !== undefined) return
    const { fiber } = this
    this.tell()
    this.end(Exit.die(error))
    fiber?.interruptUnsafe()
  }

  private end(exit: Exit.Exit<unknown, unknown>): void {
    if (this.over) return
    const refusal = this.refused || this.stop !== undefined ? undefined : refusalIn(exit)
    if (refusal !== undefined) return this.judge(endOfRefused(refusal, this.steps, this.host.now()))
    this.over = true
    this.fiber = undefined
    this.host.ended(this, exit)
  }

  /** How it ends is looked up; the slot is its own meanwhile. */
  private judge(how: Effect.Effect<never, unknown>): void {
    this.refused = true
    const fiber = Effect.runForkWith(this.runnable.context)(how)
    this.fiber = fiber
    fiber.addObserver((exit) => this.end(exit))
  }
}
