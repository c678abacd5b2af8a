/**
 * The worker: asks each turn for as many jobs as its groups have free slots, starts what it gets, and hands back how
 * each ended. An idle worker takes one turn per poll interval.
 */
import { Clock, Deferred, Effect, Layer } from "effect"
import { hostname } from "node:os"
import { AttemptMeters } from "../Profiling/AttemptMeter.ts"
import { BatchTuning } from "../Batches/BatchTuning.ts"
import { GroupOrders } from "./GroupOrders.ts"
import { JobStore } from "../Store/JobStore.ts"
import type { WorkerRegistry } from "../Store/WorkerRegistry.ts"
import { MemoryGate } from "../Memory/MemoryGate.ts"
import type { BeyondLimit } from "../Store/Turn.ts"
import { isMoved, movers, type SlotAsk, type SlotMover } from "./policy/SlotDecision.ts"
import type { JobWaiters } from "./attempt/JobWaiters.ts"
import type { Placements } from "./Placements.ts"
import { QueueEvents } from "./QueueEvents.ts"
import { checkedSettings } from "./QueueSettings.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import { makeAttempts } from "./run/Attempts.ts"
import { batchClaims } from "./run/BatchClaims.ts"
import { HandBack } from "./run/HandBack.ts"
import { listen } from "./run/LooseFailures.ts"
import { makeLostClaims } from "./run/LostClaims.ts"
import { tellBreakers } from "./run/BreakerNews.ts"
import { makeTakenJobs } from "./run/TakenJobs.ts"
import { monotonicOf } from "./host/Monotonic.ts"
import { NextLook } from "./run/NextLook.ts"
import { makeRunnables } from "./run/Runnables.ts"
import { makeSession } from "./run/Session.ts"
import { SlotProposals } from "./run/SlotProposals.ts"
import { noClaims, Slots } from "./run/Slots.ts"
import { ThreadPool } from "./run/ThreadPool.ts"
import { makeWorkerSeries } from "./run/WorkerSeries.ts"
import type { StoreError } from "../Store/StoreError.ts"
import { StoreTurns, type TurnWorker } from "../Store/StoreTurns.ts"
import { TaskRegistry } from "./TaskRegistry.ts"
import { Worker, type WorkerOptions, type WorkerStatus } from "./Worker.ts"

/**
 * After the grace period: time for interrupted handlers to clean up and for their jobs to be handed back, in
 * milliseconds.
 */
const handBackMs = 1500

const make = (options: WorkerOptions) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const turns = yield* StoreTurns
    const registry = yield* TaskRegistry
    const threads = yield* ThreadPool
    const tuning = yield* BatchTuning
    const settings = yield* checkedSettings
    const hardLimitMs = Durations.limit("hardLimit", settings.hardLimit)
    const meters = yield* AttemptMeters
    const clock = yield* Clock.Clock
    const gate = yield* MemoryGate
    const fork = Effect.runForkWith(yield* Effect.context<never>())

    const monotonic = monotonicOf(clock)
    const name = options.name ?? `${hostname()}:${process.pid}`
    let state: WorkerStatus["state"] = "running"
    const drained = yield* Deferred.make<void>()
    const hurried = yield* Deferred.make<void>()

    // Slots -----------------------------------------------------------------------------------------------------------

    const collects = batchClaims(registry, tuning.next)
    const proposals = new SlotProposals(options)
    const slots = new Slots(proposals, () => refreshSoon(), collects)
    const series = yield* makeWorkerSeries(name, store.traits.kind, slots)

    // Jobs that rest in this heap take less of it when they have run: then slowing down would keep memory from falling.
    if (!store.traits.restsInHeap) {
      const quitPressing = gate.onLevel((level) => {
        proposals.press(level)
        slots.heatAll()
        turns.kick()
      })
      yield* Effect.addFinalizer(() => Effect.sync(quitPressing))
      proposals.press(gate.level())
    }

    const refreshGroups: Effect.Effect<void, StoreError> = Effect.map(store.groups, (records) => {
      for (const { limit, name } of records) slots.limited(name, limit)
      series.refresh()
      turns.kick()
    })

    /** Once for all groups that come meanwhile. */
    let refreshes = false
    const refreshSoon = () => {
      if (refreshes) return
      refreshes = true
      fork(
        Effect.andThen(
          Effect.yieldNow,
          Effect.suspend(() => {
            refreshes = false
            return Effect.ignore(refreshGroups)
          })
        )
      )
    }

    /**
     * A misspelt group would get slots that nothing ever fills, and its jobs wait; but its first job may just be to
     * come.
     */
    const warnOfUnknownGroups = Effect.gen(function* () {
      const named = Object.keys(options.slots ?? {}).filter((group) => group !== "*")
      if (named.length === 0) return
      // Joining declared the groups of all handlers here.
      const known = (yield* store.groups).map(({ name }) => name)
      for (const group of named.filter((group) => !known.includes(group)))
        yield* Effect.logWarning(
          `Slots are given to group ${JSON.stringify(group)}, which no task here and no job of the store names; known are ${known.join(", ")}`
        )
    })

    /** Takes a turn that asks for every group, and hears signals. */
    const look = () => {
      slots.heatAll()
      turns.kick(true)
    }

    /** Threads for slots that were asked for while running: they are there when the load is. */
    const keepThreads = Effect.suspend(() => {
      const threaded = new Set(registry.all().flatMap(({ _tag, task }) => (_tag === "Thread" ? [task.group.name] : [])))
      if (threaded.size === 0) return Effect.void
      const moved = [...threaded].map((group) => proposals.of(group).decision).filter(isMoved)
      return threads.keep(moved.reduce((sum, { asked }) => sum + asked.slots, 0))
    })

    const propose = (group: string, source: SlotMover, ask: SlotAsk | undefined) =>
      Effect.sync(() => {
        Bounds.name("group", group)
        Bounds.oneOf("source", source, movers)
        if (ask !== undefined) {
          Bounds.whole(`slots of group ${group}`, ask.slots, 0, Bounds.mostSlots)
          Bounds.label("reason", ask.reason)
        }
        proposals.ask(group, source, ask)
        slots.heat(group)
        turns.kick()
      }).pipe(Effect.andThen(keepThreads))

    // What is claimed -------------------------------------------------------------------------------------------------

    const handBack = new HandBack(turns, yield* GroupOrders)
    const attempts = yield* makeAttempts({
      slots,
      handBack,
      runnableOf: yield* makeRunnables,
      starts: () => state === "running",
      works: () => session.works(),
      leaseLost: series.leaseLost
    })
    const { awaitQuiet, running } = attempts

    // The session -----------------------------------------------------------------------------------------------------

    const session = yield* makeSession({
      name,
      refreshGroups,
      stays: () => state === "running",
      joined: look,
      lost: attempts.fenced,
      takenUp: () => {
        fork(takenJobs)
        look()
      },
      tasks: () => registry.all().map(({ task }) => task.name),
      suspendedForMs: () =>
        Object.fromEntries(
          registry.all().flatMap(({ task }) => (task.suspendedForMs > 0 ? [[task.name, task.suspendedForMs]] : []))
        ),
      slots: () => slots.slots(),
      busy: () => slots.busy(),
      total: () => proposals.total,
      decided: () => slots.decided(),
      rests: () => running.size === 0,
      declared: Object.fromEntries(
        Object.entries(options.slots ?? {}).map(([group, each]) => [group, typeof each === "number" ? each : 0])
      ),
      longestLimitMs: () =>
        Math.max(
          ...[
            ...registry.all().map(({ task }) => task.hardLimitMs ?? hardLimitMs),
            ...running.all().map((attempt) => attempt.hardLimitMs)
            // What has no limit is no reason to wait without end for a loop that does not turn.
          ].map((limitMs) => (limitMs < Bounds.longestMs ? limitMs : hardLimitMs))
        ),
      batches: tuning.curves,
      collects,
      memory: gate,
      ticked: meters.tick,
      loopBlocked: (blockedMs) => attempts.blocks.noticed(running.all(), blockedMs)
    })

    const events = yield* QueueEvents
    const takenJobs = yield* makeTakenJobs({ session: session.current, running: () => running.all() })

    // Turns -----------------------------------------------------------------------------------------------------------

    const lostClaims = yield* makeLostClaims({
      session: session.current,
      isRunning: (id) => running.find(id) !== undefined,
      handBack
    })

    /** When the next scheduled job is due. */
    const nextLook = new NextLook(fork, look)

    const binding: TurnWorker = {
      session: session.current,
      claims: () => (!session.isFresh() || state !== "running" || attempts.isShut() ? noClaims : slots.claims()),
      expect: (group) => slots.heat(group),
      taken: (turn, result) => {
        const { claim } = turn
        const { now } = result
        // What a session that was given up has claimed is the sweeper's.
        if (turn.session !== session.current()) return
        if (result.fenced) return session.lost()
        if (result.breakers !== undefined) tellBreakers(result.breakers, now, events, fork)
        slots.answered(claim, result.jobs, result.batches)
        series.claimed(result.jobs, now)
        for (const batch of result.batches ?? []) series.claimed(batch, now)
        if (result.ready !== undefined) for (const group of result.ready) slots.heat(group)
        attempts.take(result.jobs, now)
        if (result.batches !== undefined && result.batches.length > 0) attempts.takeBatches(result.batches, now)
        for (const signal of result.signals) running.find(signal.id)?.halt({ _tag: "Cancelled", reason: signal.reason })
        if (result.nextDue !== undefined) nextLook.by(result.nextDue, now)
        if (result.draining && state === "running") fork(drain)
        lostClaims.look()
      },
      failed: (_error, claimed) => {
        if (claimed) lostClaims.suspect()
        slots.heatAll()
      }
    }

    const poll = session.announce.pipe(
      // Both at once: a store on a thread of its own is woken once.
      Effect.andThen(Effect.sync(look)),
      Effect.andThen(refreshGroups),
      Effect.ignore,
      Effect.andThen(Effect.sleep(settings.pollInterval)),
      Effect.forever
    )

    // The end ---------------------------------------------------------------------------------------------------------

    const drain: Effect.Effect<void> = Effect.suspend(() => {
      if (state === "running") state = "draining"
      return awaitQuiet
    }).pipe(
      Effect.andThen(turns.landed),
      Effect.andThen(session.leave),
      Effect.andThen(Deferred.succeed(drained, undefined)),
      Effect.asVoid
    )

    /**
     * Claims stop at once; running jobs get the grace period, are told to finish, and what is left is handed back
     * unspent.
     */
    const stop = Effect.gen(function* () {
      state = "stopped"
      for (const attempt of running.all()) attempt.leave()
      yield* awaitQuiet.pipe(Effect.raceFirst(Deferred.await(hurried)), Effect.timeoutOption(settings.grace))
      for (const attempt of running.all()) attempt.halt({ _tag: "Stopping" })
      yield* awaitQuiet.pipe(Effect.andThen(turns.landed), Effect.timeoutOption(handBackMs))
      nextLook.close()
      attempts.close()
      yield* session.leave.pipe(Effect.timeoutOption(handBackMs))
      unbind()
      yield* Deferred.succeed(drained, undefined)
    })

    yield* listen(
      () => running.all(),
      (message) => fork(Effect.logWarning(message))
    )

    // Its life --------------------------------------------------------------------------------------------------------

    yield* store.onWake((wake, origin, groups) => {
      if (wake === "ready") {
        if (origin === turns.origin) return
        if (groups === undefined) slots.heatAll()
        else for (const group of groups) slots.heat(group)
        turns.kick()
      } else if (wake === "control") fork(Effect.ignore(Effect.andThen(refreshGroups, Effect.sync(look))))
    })
    const unbind = turns.bind(binding)
    yield* session.join
    yield* warnOfUnknownGroups
    // Goes on until the worker has stopped: running jobs keep their lease through the grace period.
    yield* Effect.forkScoped(session.renew)
    yield* Effect.addFinalizer(() => stop)
    yield* Effect.forkScoped(poll)

    return {
      status: Effect.sync(
        (): WorkerStatus => ({
          session: session.current(),
          isFresh: session.isFresh(),
          name,
          state,
          running: attempts.atWork().map((attempt) => ({
            id: attempt.id,
            task: attempt.task,
            group: attempt.group,
            attempt: attempt.attempt,
            startedAt: clock.currentTimeMillisUnsafe() - (monotonic() - attempt.startedAt)
          })),
          slots: slots.slots(),
          total: proposals.total
        })
      ),
      loads: Effect.sync(() => slots.loads()),
      drain,
      hurry: Effect.asVoid(Deferred.succeed(hurried, undefined)),
      propose,
      setSlots: (group: string, count: number | undefined, beyond?: BeyondLimit) =>
        Effect.andThen(
          Effect.sync(() => slots.reach(group, beyond)),
          propose(group, "program", count === undefined ? undefined : { slots: count, reason: "set while running" })
        ),
      awaitDrained: Deferred.await(drained)
    }
  })

/**
 * A worker with this process's handlers; its scope's close stops it gracefully. Fails when the store cannot be joined.
 */
export const layer = (
  options: WorkerOptions = {}
): Layer.Layer<
  Worker,
  StoreError,
  | JobStore
  | WorkerRegistry
  | StoreTurns
  | TaskRegistry
  | QueueEvents
  | JobWaiters
  | BatchTuning
  | ThreadPool
  | GroupOrders
  | Placements
> => Layer.effect(Worker, make(options))
