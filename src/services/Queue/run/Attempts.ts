/**
 * What becomes of the jobs that a worker claims: each is started, or waits alone as a suspect, or goes back; and how
 * each attempt ended is on its way to the store when its slot is free.
 */
import { Clock, Duration, Effect, type Exit } from "effect"
import { BatchTuning } from "../../Batches/BatchTuning.ts"
import { GroupOrders } from "../GroupOrders.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { JobWaiters } from "../attempt/JobWaiters.ts"
import { QueueEvents } from "../QueueEvents.ts"
import { Settings } from "../QueueSettings.ts"
import { StoreTurns } from "../../Store/StoreTurns.ts"
import { isShellTask } from "../policy/Lane.ts"
import type { ClaimedJob, LogLevel, Settle } from "../../Store/Turn.ts"
import { Attempt, type AttemptHost } from "./Attempt.ts"
import { attemptEnd, type AttemptEnd, undecodable } from "./AttemptEnd.ts"
import { BatchAttempt, type BatchHost } from "./BatchAttempt.ts"
import { tunedBatch } from "./BatchClaims.ts"
import { Deadlines } from "./Deadlines.ts"
import type { HandBack } from "./HandBack.ts"
import { jobSteps } from "./JobSteps.ts"
import { blockingMs, LoopBlocks } from "./LoopBlocks.ts"
import { leave } from "./LooseFailures.ts"
import { monotonicOf } from "../host/Monotonic.ts"
import { Quarantine } from "./Quarantine.ts"
import type { RunnableOf } from "./Runnables.ts"
import { RunningAttempts } from "./RunningAttempts.ts"
import { Settlement } from "./Settlement.ts"
import type { Slots } from "./Slots.ts"

export interface AttemptsHost {
  readonly slots: Slots
  readonly runnableOf: RunnableOf
  readonly handBack: HandBack
  /** Whether claimed jobs are to start: the worker neither drains nor stops. */
  readonly starts: () => boolean
  /** An attempt runs on. */
  readonly works: () => void
  /** The end of an attempt in this group was refused. */
  readonly leaseLost: (group: string) => void
}

export const makeAttempts = Effect.fnUntraced(function* ({
  handBack,
  leaseLost,
  runnableOf,
  slots,
  starts,
  works
}: AttemptsHost) {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const events = yield* QueueEvents
  const outcomes = yield* JobWaiters
  const orders = yield* GroupOrders
  const tuning = yield* BatchTuning
  const settings = yield* Settings
  const clock = yield* Clock.Clock
  const monotonic = monotonicOf(clock)
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const pollMs = Duration.toMillis(settings.pollInterval)
  const now = () => clock.currentTimeMillisUnsafe()
  const running = new RunningAttempts<Attempt>()
  const blocks = new LoopBlocks(now, events)
  let quiet: Array<() => void> = []
  /** Whose handler is in our stack, as far as it goes without waiting. */
  let starting: Attempt | undefined

  const deadlines = new Deadlines(monotonic, fork)

  const runs = (attempt: Attempt) => {
    running.add(attempt)
    works()
  }

  const host: AttemptHost = {
    monotonic,
    arm: (attempt, at) => deadlines.arm(attempt, at),
    ended: (attempt, exit) => ended(attempt, exit),
    progress: (attempt, value) => {
      if (attempt.over) return
      turns.progress({
        id: attempt.id,
        attempt: attempt.attempt,
        value: attempt.runnable.codec.progress.encode(value)
      })
      if (events.active()) {
        events.publish({
          _tag: "Progress",
          id: attempt.id,
          task: attempt.task,
          group: attempt.group,
          value,
          at: clock.currentTimeMillisUnsafe()
        })
      }
    },
    log: (attempt, level, message) => log(attempt, level, message),
    steps: (attempt) => jobSteps(attempt, store, turns, settings.maxPayloadBytes),
    now
  }

  const log = (attempt: Attempt, level: LogLevel, message: string) =>
    turns.log({ id: attempt.id, attempt: attempt.attempt, at: clock.currentTimeMillisUnsafe(), level, message })

  const ended = (attempt: Attempt, exit: Exit.Exit<unknown, unknown>) => {
    const runMs = monotonic() - attempt.startedAt
    attempt.runMs = runMs
    attempt.runnable.meter.ended(attempt, runMs, attempt.place >= 0, exit._tag === "Success")
    deadlines.disarm(attempt)
    running.remove(attempt)
    slots.free(attempt.group)
    if (attempt.stop?._tag !== "Fenced")
      settle(attempt, attemptEnd(exit, attempt.claimed, attempt.ending, attempt.runnable.end), runMs, exit)
    else turns.kick()
    quarantine.ended(attempt.id)
    becomeQuiet()
  }

  /** A command's own output tells why it failed. */
  const failed = (attempt: Attempt, { due, failure, outcome }: Settle) => {
    if (isShellTask(attempt.task)) return
    const { attempt: number, claimed } = attempt
    const why = `${failure?.cause}: ${failure?.message}`
    const line =
      outcome === "retry"
        ? Effect.logDebug(
            `Attempt ${number} of ${claimed.maxAttempts} failed, the next is in ${due - now()} ms. ${why}`
          )
        : Effect.logWarning(`Gave up after attempt ${number} of ${claimed.maxAttempts}. ${why}`)
    fork(Effect.annotateLogs(line, attempt.annotations))
  }

  const announcing = { outcomes, events, orders, leaseLost, failed }

  const settle = (attempt: Attempt, end: AttemptEnd, runMs: number, exit: Exit.Exit<unknown, unknown> | undefined) => {
    const value = exit !== undefined && exit._tag === "Success" ? exit.value : undefined
    if (end.outcome === "completed") slots.succeed(attempt.group)
    if (end.heldBackUntil !== undefined) {
      const until = new Date(end.heldBackUntil).toISOString()
      log(attempt, "info", `The other side takes no more before ${until}: put off, no attempt spent`)
    }
    if (end.followUp !== undefined) for (const job of end.followUp.jobs) slots.heat(job.group)
    const settlement = new Settlement(announcing, attempt, end, runMs, value)
    turns.settle(settlement, settlement)
  }

  const publishStarted = (job: ClaimedJob, now: number) =>
    events.publish({
      _tag: "Started",
      id: job.id,
      task: job.task,
      group: job.group,
      attempt: job.attempt,
      waitMs: Math.max(0, now - job.due),
      at: now
    })

  /** `at` by the monotonic clock; answers that time once the handler has run as far as it goes without waiting. */
  const start = (job: ClaimedJob, now: number, at: number): number => {
    slots.take(job.group)
    const runnable = runnableOf(job.task)
    if (runnable === undefined) {
      // Its handler is gone, and the store has not heard of it yet.
      slots.free(job.group)
      handBack.until(job, now + pollMs)
      return at
    }
    if (runnable.together !== undefined) {
      slots.free(job.group)
      return startBatch([job], now, at)
    }
    const attempt = new Attempt(host, job, runnable)
    attempt.waitMs = Math.max(0, now - job.due)
    if (events.active()) publishStarted(job, now)
    let payload: unknown
    try {
      payload = runnable.codec.payload.decode(job.payload)
    } catch (cause) {
      slots.free(job.group)
      settle(attempt, undecodable(cause, job, now), 0, undefined)
      return at
    }
    starting = attempt
    const stillRuns = attempt.start(payload, at)
    starting = undefined
    if (stillRuns) runs(attempt)
    const heldMs = stillRuns ? monotonic() - at : attempt.runMs
    if (stillRuns) attempt.heldUs = Math.round(heldMs * 1000)
    if (heldMs > blockingMs) blocks.by([attempt], heldMs)
    return at + heldMs
  }

  const batchHost: BatchHost = {
    monotonic,
    arm: (entry, at) => deadlines.arm(entry, at),
    disarm: (entry) => deadlines.disarm(entry),
    progress: host.progress,
    log: host.log,
    steps: host.steps,
    now,
    runs,
    stopped: (item) => running.remove(item),
    settle,
    measured: (task, size, ms) => tuning.measured(tunedBatch(task), size, ms),
    split: (task) => tuning.split(tunedBatch(task)),
    over: (batch) => {
      slots.free(batch.group)
      turns.kick()
      for (const id of batch.ids) quarantine.ended(id)
      becomeQuiet()
    }
  }

  /** As `start`, of many jobs in one slot. */
  const startBatch = (jobs: ReadonlyArray<ClaimedJob>, now: number, at: number): number => {
    const { group, task } = jobs[0]!
    const runnable = runnableOf(task)
    if (runnable?.together === undefined) {
      handBack.batchUntil(jobs, now + pollMs)
      return at
    }
    slots.take(group)
    if (events.active()) for (const job of jobs) publishStarted(job, now)
    const batch = new BatchAttempt(batchHost, jobs, { ...runnable, together: runnable.together })
    batch.start()
    const heldMs = monotonic() - at
    if (heldMs > blockingMs) blocks.by(batch.called, heldMs)
    return at + heldMs
  }

  const startAll = (jobs: ReadonlyArray<ClaimedJob>, now: number) => {
    let at = monotonic()
    try {
      for (let i = 0; i < jobs.length; i++) at = start(jobs[i]!, now, at)
    } finally {
      leave()
    }
  }

  const quarantine = new Quarantine({
    running,
    starts,
    start: (job) => startAll([job], now()),
    handBack: (job) => handBack.inPlace(job),
    stored: (then) => void fork(Effect.andThen(turns.landed, Effect.sync(then))),
    after: (ms, then) => {
      const fiber = fork(Effect.andThen(Effect.sleep(ms), Effect.sync(then)))
      return () => fiber.interruptUnsafe()
    },
    opened: () => {
      becomeQuiet()
      slots.heatAll()
      turns.kick()
    }
  })

  /** A suspect comes in a batch of one, and is isolated as it is among single jobs. */
  const takeBatches = (batches: ReadonlyArray<ReadonlyArray<ClaimedJob>>, now: number) => {
    const suspects = batches.filter((batch) => quarantine.concerns(batch)).flat()
    if (starts() && suspects.length > 0) quarantine.isolate(suspects)
    for (const batch of batches) {
      if (!starts()) handBack.batchUntil(batch, now)
      else if (suspects.includes(batch[0]!)) continue
      else if (quarantine.isHolding) handBack.batchInPlace(batch)
      else startBatch(batch, now, monotonic())
    }
  }

  const isQuiet = () => running.size === 0 && !quarantine.isHolding

  const becomeQuiet = () => {
    if (quiet.length === 0 || !isQuiet()) return
    const waiting = quiet
    quiet = []
    for (const resume of waiting) resume()
  }

  const awaitQuiet = Effect.callback<void>((resume) => {
    if (isQuiet()) return resume(Effect.void)
    quiet.push(() => resume(Effect.void))
  })

  return {
    running,
    blocks,
    /** All that run now, whose handler is in the caller's stack first. */
    atWork: (): ReadonlyArray<Attempt> => (starting === undefined ? running.all() : [starting, ...running.all()]),
    /** Whether nothing is to be claimed now. */
    isShut: () => quarantine.isShut,
    /**
     * Jobs of a turn that began at `now`. What comes when the worker has begun to end goes back: nobody waits for it.
     */
    take: (jobs: ReadonlyArray<ClaimedJob>, now: number) => {
      if (!starts()) for (const job of jobs) handBack.until(job, now)
      else if (quarantine.concerns(jobs)) quarantine.isolate(jobs)
      else if (jobs.length > 0) startAll(jobs, now)
    },
    takeBatches,
    /** Completes when nothing runs. */
    awaitQuiet,
    /** The lease is lost: stops every handler, settles nothing. */
    fenced: () => {
      quarantine.fenced()
      for (const attempt of running.all()) attempt.halt({ _tag: "Fenced" })
    },
    /** No timer is left behind. */
    close: () => {
      deadlines.close()
      quarantine.close()
    }
  }
})
