/**
 * The worker: asks each turn for as many jobs as its groups have free slots, starts what it gets, and hands back how each ended.
 * An idle worker takes one turn per poll interval.
 */
import { Clock, Context, Deferred, Duration, Effect, type Exit, Layer, Logger, Random } from "effect"
import { hostname } from "node:os"
import { AttemptMeters, type TaskMeter } from "./AttemptMeter.ts"
import { BatchTuning } from "./BatchTuning.ts"
import { GroupOrders } from "./GroupOrders.ts"
import type { JobId, JobRecord } from "./Job.ts"
import type { ClaimedJob, LogLevel, Settle } from "./Turn.ts"
import { JobStore } from "./JobStore.ts"
import { MemoryGate } from "./MemoryGate.ts"
import { Outcomes } from "./Outcomes.ts"
import { Placements } from "./Placements.ts"
import { rankIn } from "./policy/Order.ts"
import { QueueEvents } from "./QueueEvents.ts"
import { Settings } from "./QueueSettings.ts"
import * as ResourceGroup from "./ResourceGroup.ts"
import { Attempt, type AttemptHost, type Runnable } from "./run/Attempt.ts"
import { attemptEnd, type AttemptEnd, undecodable } from "./run/AttemptEnd.ts"
import { BatchAttempt, type BatchHost } from "./run/BatchAttempt.ts"
import { batchClaims, tunedBatch } from "./run/BatchClaims.ts"
import { awaitOutcome } from "./run/BatchItem.ts"
import { jobLogger } from "./run/CurrentAttempt.ts"
import { Deadlines } from "./run/Deadlines.ts"
import * as Heartbeat from "./run/Heartbeat.ts"
import { jobSteps } from "./run/JobSteps.ts"
import { moduleTask } from "./run/ModuleTask.ts"
import { monotonicOf } from "./run/Monotonic.ts"
import { Quarantine } from "./run/Quarantine.ts"
import { RunningAttempts } from "./run/RunningAttempts.ts"
import { Settlement } from "./run/Settlement.ts"
import { noClaims, Slots } from "./run/Slots.ts"
import { ThreadPool } from "./run/ThreadPool.ts"
import { threadTask } from "./run/ThreadTask.ts"
import { version } from "./run/version.ts"
import type { StoreError } from "./StoreError.ts"
import { type SettleListener, StoreTurns, type TurnWorker } from "./StoreTurns.ts"
import { type TaskCodec, taskCodec } from "./TaskCodec.ts"
import { type BatchTaskHandler, type Registration, TaskRegistry } from "./TaskRegistry.ts"
import { Worker, type WorkerOptions, type WorkerStatus } from "./Worker.ts"

/** A handler that holds the event loop longer than this is named, in milliseconds. */
const blockingMs = 1000

/** After the grace period: time for interrupted handlers to clean up and for their jobs to be handed back, in milliseconds. */
const handBackMs = 1500

/** The order in which the jobs of a batch are settled: the first holds its slot. */
const lastFirst = (batch: ReadonlyArray<ClaimedJob>) => [...batch].reverse()

const make = (options: WorkerOptions) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const turns = yield* StoreTurns
    const registry = yield* TaskRegistry
    const events = yield* QueueEvents
    const outcomes = yield* Outcomes
    const threads = yield* ThreadPool
    const tuning = yield* BatchTuning
    const placements = yield* Placements
    const settings = yield* Settings
    const meters = yield* AttemptMeters
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const gate = yield* MemoryGate
    const orders = yield* GroupOrders
    const context = yield* Effect.context<never>()
    const fork = Effect.runForkWith(context)

    const declared = Object.fromEntries(
      Object.entries(options.slots ?? {}).map(([group, each]) => [group, typeof each === "number" ? each : 0])
    )
    const name = options.name ?? `${hostname()}:${process.pid}`
    const monotonic = monotonicOf(clock)
    const leaseMs = Duration.toMillis(settings.lease)
    const running = new RunningAttempts<Attempt>()
    const runnables = new Map<string, Runnable>()
    let runnablesVersion = -1
    let runnablesPlaced = -1
    let session = 0
    let state: WorkerStatus["state"] = "running"
    /** Jobs may have been claimed for us in a turn whose answer was lost. */
    let suspect = false
    let reconciling = false
    let blockedNoteAt = 0
    const drained = yield* Deferred.make<void>()
    const hurried = yield* Deferred.make<void>()
    let quiet: Array<() => void> = []

    // Slots ------------------------------------------------------------------------------------------------------------

    const collects = batchClaims(registry, tuning.next)
    const slots = new Slots(options.slots, () => fork(Effect.ignore(refreshGroups)), collects)

    // Jobs that rest in this heap take less of it when they have run: then slowing down would keep memory from falling.
    if (store.traits.kind !== "memory") {
      const quitPressing = gate.onLevel((level) => {
        slots.press(level)
        turns.kick()
      })
      yield* Effect.addFinalizer(() => Effect.sync(quitPressing))
      slots.press(gate.level())
    }

    const refreshGroups: Effect.Effect<void, StoreError> = Effect.map(store.groups, (records) => {
      for (const { limit, name } of records) slots.limited(name, limit)
      turns.kick()
    })

    const now = () => clock.currentTimeMillisUnsafe()
    const randomDouble = () => random.nextDoubleUnsafe()

    // Handlers ---------------------------------------------------------------------------------------------------------

    const together = (run: BatchTaskHandler, meter: TaskMeter): BatchTaskHandler => {
      const metered = meter.wrap(
        (items: Parameters<BatchTaskHandler>[0], _first: { readonly id: JobId }) => run(items),
        true
      )
      return (items) => metered(items, items[0]!.job)
    }

    const inThread = ({ handler, task }: Extract<Registration, { readonly _tag: "Thread" }>) =>
      !handler.onceComputing || placements.computes(task.name)

    /** Whether its own call does the work on this event loop: an item of a batch waits for the batch's. */
    const runsHere = (registration: Registration): boolean =>
      registration._tag === "Fiber" || (registration._tag === "Thread" && !inThread(registration))

    const runOf = (registration: Registration, codec: TaskCodec, meter: TaskMeter): Runnable["run"] => {
      switch (registration._tag) {
        case "Fiber":
          return registration.run
        case "Batch":
          return awaitOutcome
        case "Thread": {
          const { handler } = registration
          if (!inThread(registration)) return moduleTask(handler, codec)
          return threadTask(threads, handler, codec, handler.onceComputing ? meter.ranInThread : undefined)
        }
      }
    }

    const toRunnable = (registration: Registration): Runnable => {
      const { task } = registration
      const codec = taskCodec(task, store.traits.payloads)
      const meter = meters.of(task.name)
      const handlerContext = registration._tag === "Thread" ? context : registration.context
      const loggers = new Set(Context.get(handlerContext, Logger.CurrentLoggers))
      loggers.add(jobLogger)
      return {
        registration,
        codec,
        context: Context.add(handlerContext, Logger.CurrentLoggers, loggers),
        meter,
        run: meter.wrap<unknown, Attempt>(runOf(registration, codec, meter), runsHere(registration)),
        together: registration._tag === "Batch" ? together(registration.run, meter) : undefined,
        softLimitMs: task.softLimitMs ?? Duration.toMillis(settings.softLimit),
        hardLimitMs: task.hardLimitMs ?? Duration.toMillis(settings.hardLimit),
        end: {
          codec,
          retry: task.retry ?? settings.retry,
          retryable: task.retryable,
          maxResultBytes: settings.maxPayloadBytes,
          now,
          random: randomDouble
        }
      }
    }

    /** The handler of a task as registered now. */
    const runnableOf = (task: string): Runnable | undefined => {
      if (runnablesVersion !== registry.version() || runnablesPlaced !== placements.version()) {
        runnables.clear()
        runnablesVersion = registry.version()
        runnablesPlaced = placements.version()
      }
      let there = runnables.get(task)
      if (there === undefined) {
        const registration = registry.get(task)
        if (registration === undefined) return undefined
        there = toRunnable(registration)
        runnables.set(task, there)
      }
      return there
    }

    const taskNames = () => registry.all().map((registration) => registration.task.name)

    // Attempts ---------------------------------------------------------------------------------------------------------

    const deadlines = new Deadlines(monotonic, fork)

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
      steps: (attempt) => jobSteps(attempt, store, turns, settings.maxPayloadBytes)
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

    const announcing = { outcomes, events, orders }

    const settle = (
      attempt: Attempt,
      end: AttemptEnd,
      runMs: number,
      exit: Exit.Exit<unknown, unknown> | undefined
    ) => {
      const value = exit !== undefined && exit._tag === "Success" ? exit.value : undefined
      if (end.outcome === "completed") slots.succeed(attempt.group)
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
        turns.settle(releaseOf(job, now + Duration.toMillis(settings.pollInterval)), ignored)
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
      const stillRuns = attempt.start(payload, at)
      if (stillRuns) {
        running.add(attempt)
        heartbeat.works()
      }
      const heldMs = stillRuns ? monotonic() - at : attempt.runMs
      if (stillRuns) attempt.heldUs = Math.round(heldMs * 1000)
      if (heldMs > blockingMs) blocked([attempt], heldMs)
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
      runs: (item) => {
        running.add(item)
        heartbeat.works()
      },
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
        for (const job of lastFirst(jobs))
          turns.settle(releaseOf(job, now + Duration.toMillis(settings.pollInterval)), ignored)
        return at
      }
      slots.take(group)
      if (events.active()) for (const job of jobs) publishStarted(job, now)
      const batch = new BatchAttempt(batchHost, jobs, { ...runnable, together: runnable.together })
      batch.start()
      const heldMs = monotonic() - at
      if (heldMs > blockingMs) blocked(batch.called, heldMs)
      return at + heldMs
    }

    const startAll = (jobs: ReadonlyArray<ClaimedJob>, now: number) => {
      let at = monotonic()
      for (let i = 0; i < jobs.length; i++) at = start(jobs[i]!, now, at)
    }

    /** Names who held the event loop: in the job's log, and to subscribers. */
    const blocked = (suspects: ReadonlyArray<Attempt>, blockedMs: number) => {
      const at = clock.currentTimeMillisUnsafe()
      blockedNoteAt = at
      const seconds = (blockedMs / 1000).toFixed(1)
      for (const attempt of suspects) {
        log(
          attempt,
          "warning",
          suspects.length === 1
            ? `This job blocked the event loop for ${seconds} s; run CPU-bound work in a thread (toThreadLayer)`
            : `The event loop was blocked for ${seconds} s by this job or one of ${suspects.length - 1} others`
        )
      }
      events.publish({ _tag: "LoopBlocked", jobs: suspects.map(({ id, task }) => ({ id, task })), blockedMs, at })
    }

    const ignored: SettleListener = { settled: () => undefined }

    const releaseOf = (
      job: Pick<ClaimedJob, "id" | "attempt" | "group" | "task" | "priority" | "extra">,
      now: number
    ): Settle => ({
      id: job.id,
      attempt: job.attempt,
      outcome: "release",
      result: undefined,
      failure: undefined,
      due: now,
      rank: rankIn(orders.rankings(), job.group, job.task, now, job.priority, job.extra?.deadline),
      runMs: 0
    })

    /** As if it had never been claimed. */
    const handBack = (job: ClaimedJob) => turns.settle(releaseOf(job, job.due), ignored)

    const quarantine = new Quarantine({
      running,
      starts: () => state === "running",
      start: (job) => startAll([job], now()),
      handBack,
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
    const takenBatches = (batches: ReadonlyArray<ReadonlyArray<ClaimedJob>>, now: number) => {
      const suspects = batches.filter((batch) => quarantine.concerns(batch)).flat()
      if (state === "running" && suspects.length > 0) quarantine.isolate(suspects)
      for (const batch of batches) {
        if (state !== "running") for (const job of lastFirst(batch)) turns.settle(releaseOf(job, now), ignored)
        else if (suspects.includes(batch[0]!)) continue
        else if (quarantine.isHolding) lastFirst(batch).forEach(handBack)
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

    // Turns ------------------------------------------------------------------------------------------------------------

    let nextLook = Number.POSITIVE_INFINITY
    let looker: { interruptUnsafe: () => void } | undefined

    /** Looks again when the next scheduled job is due. */
    const lookAt = (due: number, now: number) => {
      if (due >= nextLook) return
      nextLook = due
      looker?.interruptUnsafe()
      looker = fork(
        Effect.sleep(Math.max(1, due - now)).pipe(
          Effect.andThen(
            Effect.sync(() => {
              nextLook = Number.POSITIVE_INFINITY
              slots.heatAll()
              turns.kick(true)
            })
          )
        )
      )
    }

    const binding: TurnWorker = {
      session: () => session,
      claims: () => (session === 0 || state !== "running" || quarantine.isShut ? noClaims : slots.claims()),
      expect: (group) => slots.heat(group),
      taken: (turn, result) => {
        const { claim, now } = turn
        // What a session that was given up has claimed is the sweeper's.
        if (turn.session !== session) return
        if (result.fenced) return fenced()
        slots.answered(claim, result.jobs, result.batches)
        if (result.released === true) slots.heatAll()
        // A turn that was on its way when the worker began to end brings jobs that nobody waits for.
        if (state !== "running") for (const job of result.jobs) turns.settle(releaseOf(job, now), ignored)
        else if (quarantine.concerns(result.jobs)) quarantine.isolate(result.jobs)
        else if (result.jobs.length > 0) startAll(result.jobs, now)
        if (result.batches !== undefined && result.batches.length > 0) takenBatches(result.batches, now)
        for (const signal of result.signals) running.find(signal.id)?.halt({ _tag: "Cancelled", reason: signal.reason })
        if (result.nextDue !== undefined) lookAt(result.nextDue, now)
        if (result.draining && state === "running") fork(drain)
        if (suspect && !reconciling) {
          suspect = false
          reconciling = true
          fork(reconcile).addObserver((exit) => {
            reconciling = false
            // The store failed again: with the next turn.
            if (exit._tag === "Failure") suspect = true
          })
        }
      },
      failed: (_error, claimed) => {
        if (claimed) suspect = true
        slots.heatAll()
      }
    }

    /** Hands back jobs that were claimed for this session in a turn whose answer never arrived. */
    const reconcile = Effect.gen(function* () {
      const strays = yield* ours
      if (strays.size === 0) return
      yield* turns.landed
      const now = clock.currentTimeMillisUnsafe()
      for (const [id, attempt] of yield* ours) {
        if (strays.get(id)?.attempt === attempt.attempt && running.find(id) === undefined)
          turns.settle(releaseOf(attempt, now), ignored)
      }
    })

    /** Jobs the store says we run and we do not. */
    const ours = Effect.gen(function* () {
      const found = new Map<JobId, JobRecord>()
      let cursor: JobId | undefined
      do {
        const page: {
          jobs: ReadonlyArray<JobRecord>
          next: JobId | undefined
        } = yield* store.list(
          { states: ["running"] },
          { limit: 1000, order: "oldest", ...(cursor === undefined ? {} : { cursor }) }
        )
        for (const job of page.jobs)
          if (job.session === session && running.find(job.id) === undefined) found.set(job.id, job)
        cursor = page.next
      } while (cursor !== undefined)
      return found
    })

    // The session ------------------------------------------------------------------------------------------------------

    const join = Effect.gen(function* () {
      const declared = new Map(ResourceGroup.defaults.map((group) => [group.name, group]))
      for (const { task } of registry.all()) declared.set(task.group.name, task.group)
      yield* store.declareGroups([...declared.values()])
      yield* orders.declare([...declared.values()])
      yield* refreshGroups
      const joinedAt = monotonic()
      const joined = yield* store.join(
        { name, host: hostname(), pid: process.pid, version, slots: slots.slots(), tasks: taskNames() },
        { now: clock.currentTimeMillisUnsafe(), leaseMs }
      )
      heartbeat.joined(joinedAt)
      session = joined
      slots.heatAll()
      turns.kick(true)
    })

    /** The lease is lost: another worker may run our jobs by now. Stops every handler, settles nothing, and joins anew. */
    const fenced = () => {
      session = 0
      quarantine.fenced()
      for (const attempt of running.all()) attempt.halt({ _tag: "Fenced" })
      if (state !== "stopped") fork(rejoin)
    }

    const rejoin: Effect.Effect<void> = Effect.suspend(() =>
      session === 0 && state === "running" ? join : Effect.void
    ).pipe(Effect.catch(() => Effect.sleep("1 second").pipe(Effect.andThen(rejoin))))

    const heartbeat = yield* Heartbeat.make({
      session: () => session,
      leaseMs,
      longestLimitMs: () =>
        Math.max(
          ...registry.all().map(({ task }) => task.hardLimitMs ?? Duration.toMillis(settings.hardLimit)),
          ...running.all().map((attempt) => attempt.hardLimitMs)
        ),
      tasks: taskNames,
      slots: () => slots.slots(),
      busy: () => slots.busy(),
      rests: () => running.size === 0,
      declared,
      batches: tuning.curves,
      collects,
      ticked: meters.tick,
      lost: fenced,
      memory: gate,
      loopBlocked: (blockedMs) => {
        if (running.size > 0 && clock.currentTimeMillisUnsafe() - blockedNoteAt > blockedMs)
          blocked(running.all(), blockedMs)
      }
    })

    /** Slots that were set while running, by group. */
    const given = new Map<string, number>()

    /** Threads for slots that were set: they are there when the load is. */
    const keepThreads = Effect.suspend(() => {
      const threaded = new Set(registry.all().flatMap(({ _tag, task }) => (_tag === "Thread" ? [task.group.name] : [])))
      if (threaded.size === 0) return Effect.void
      return threads.keep([...threaded].reduce((sum, group) => sum + (given.get(group) ?? 0), 0))
    })

    const poll = Effect.gen(function* () {
      if (runnablesVersion !== registry.version()) {
        runnableOf("")
        yield* heartbeat.beatNow
      }
      // Both at once: a store on a thread of its own is woken once.
      slots.heatAll()
      turns.kick(true)
      yield* refreshGroups
    }).pipe(Effect.ignore, Effect.andThen(Effect.sleep(settings.pollInterval)), Effect.forever)

    const drain: Effect.Effect<void> = Effect.suspend(() => {
      if (state === "running") state = "draining"
      return awaitQuiet
    }).pipe(
      Effect.andThen(turns.landed),
      Effect.andThen(Effect.suspend(() => leave)),
      Effect.andThen(Deferred.succeed(drained, undefined)),
      Effect.asVoid
    )

    const leave: Effect.Effect<void> = Effect.suspend(() => {
      const leaving = session
      session = 0
      return leaving === 0 ? Effect.void : Effect.ignore(store.leave(leaving, clock.currentTimeMillisUnsafe()))
    })

    /** Claims stop at once; running jobs get the grace period, are told to finish, and what is left is handed back unspent. */
    const stop = Effect.gen(function* () {
      state = "stopped"
      for (const attempt of running.all()) attempt.leave()
      yield* awaitQuiet.pipe(Effect.raceFirst(Deferred.await(hurried)), Effect.timeoutOption(settings.grace))
      for (const attempt of running.all()) attempt.halt({ _tag: "Stopping" })
      yield* awaitQuiet.pipe(Effect.andThen(turns.landed), Effect.timeoutOption(handBackMs))
      looker?.interruptUnsafe()
      deadlines.close()
      quarantine.close()
      yield* leave.pipe(Effect.timeoutOption(handBackMs))
      unbind()
      yield* Deferred.succeed(drained, undefined)
    })

    yield* store.onWake((wake, by) => {
      if (wake === "ready") {
        if (turns.isOwn(by)) return
        slots.heatAll()
        turns.kick()
      } else if (wake === "control")
        fork(
          Effect.ignore(
            Effect.andThen(
              refreshGroups,
              Effect.sync(() => {
                slots.heatAll()
                turns.kick(true)
              })
            )
          )
        )
    })
    const unbind = turns.bind(binding)
    yield* join
    // Goes on until the worker has stopped: running jobs keep their lease through the grace period.
    yield* Effect.forkScoped(heartbeat.run)
    yield* Effect.addFinalizer(() => stop)
    yield* Effect.forkScoped(poll)

    return {
      status: Effect.sync(
        (): WorkerStatus => ({
          session,
          name,
          state,
          running: running.all().map((attempt) => ({
            id: attempt.id,
            task: attempt.task,
            group: attempt.group,
            attempt: attempt.attempt,
            startedAt: clock.currentTimeMillisUnsafe() - (monotonic() - attempt.startedAt)
          })),
          slots: slots.slots()
        })
      ),
      loads: Effect.sync(() => slots.loads()),
      drain,
      hurry: Effect.asVoid(Deferred.succeed(hurried, undefined)),
      setSlots: (group: string, count: number | undefined) =>
        Effect.sync(() => {
          slots.set(group, count)
          turns.kick()
          if (count === undefined) given.delete(group)
          else given.set(group, count)
        }).pipe(Effect.andThen(keepThreads)),
      awaitDrained: Deferred.await(drained)
    }
  })

/** A worker with this process's handlers; its scope's close stops it gracefully. Fails when the store cannot be joined. */
export const layer = (
  options: WorkerOptions = {}
): Layer.Layer<
  Worker,
  StoreError,
  JobStore | StoreTurns | TaskRegistry | QueueEvents | Outcomes | BatchTuning | ThreadPool | GroupOrders | Placements
> => Layer.effect(Worker, make(options))
