/**
 * Renews the lease of a worker's session, apart from its handlers, every third of the lease, and reports its load with
 * it. When the store does not answer for 0.8 of the lease the worker is told to stop its handlers, before another
 * worker may start them.
 *
 * A process that stood still (SIGSTOP, a frozen container) beyond that time asks first: nobody may have taken its jobs,
 * and then it goes on.
 */
import { Clock, Context, Effect, Latch } from "effect"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import type { BatchCurve, WorkerLoad } from "../../Store/WorkerRecord.ts"
import type { SlotDecision } from "../policy/SlotDecision.ts"
import type { Gate } from "../../Memory/MemoryGate.ts"
import type { BatchClaim } from "../../Store/Turn.ts"
import { monotonicOf } from "../host/Monotonic.ts"

/** Fraction of the lease after which a worker that could not renew it stops its handlers. */
const fenceAt = 0.8
/** The loop is called blocked when it turned this late, in milliseconds. */
const blockedMs = 1000
/** How often lateness is looked at while jobs run, in milliseconds. */
const tickMs = 500
/** The same while none runs: each look wakes the process. */
const restMs = 2000

export interface HeartbeatOptions {
  /** 0: none to renew. */
  readonly session: () => number
  readonly leaseMs: number
  /** The longest hard limit of a job that runs here or may, in milliseconds. */
  readonly longestLimitMs: () => number
  readonly tasks: () => ReadonlyArray<string>
  readonly suspendedForMs: () => Readonly<Record<string, number>>
  readonly slots: () => Readonly<Record<string, number>>
  readonly busy: () => Readonly<Record<string, number>>
  /** Whether nothing runs here. */
  readonly rests: () => boolean
  /** Slots as `WorkerLoad.declared` tells them. */
  readonly declared: Readonly<Record<string, number>>
  readonly total: () => SlotDecision
  /** As `WorkerLoad.decided` tells them. */
  readonly decided: () => Readonly<Record<string, SlotDecision>> | undefined
  readonly batches: () => ReadonlyArray<BatchCurve>
  readonly collects: () => ReadonlyArray<BatchClaim> | undefined
  /** Looked at with each tick, on which it may collect, and told with each beat. */
  readonly memory: Gate
  /** The session has ended, or soon may without having been renewed. */
  readonly lost: () => void
  /** The lease was renewed so late that nothing was claimed meanwhile, and that jobs of it may have been taken. */
  readonly takenUp: () => void
  readonly loopBlocked: (blockedMs: number) => void
  /** On the real clock, about twice a second while jobs run, with how late the event loop was, in milliseconds. */
  readonly ticked: (lateMs: number) => void
}

export const make = (options: HeartbeatOptions) =>
  Effect.gen(function* () {
    const registry = yield* WorkerRegistry
    const clock = yield* Clock.Clock
    const monotonic = monotonicOf(clock)
    /** The latest the loop was since the last beat: of so few looks p99 is the greatest. */
    let lateMost = 0

    let usage = process.cpuUsage()
    let usageAt = performance.now()
    const load = (): WorkerLoad => {
      const now = performance.now()
      const spent = process.cpuUsage(usage)
      const cpu = (spent.user + spent.system) / 1000 / Math.max(1, now - usageAt)
      usage = process.cpuUsage()
      usageAt = now
      const memory = process.memoryUsage()
      const loopDelayMs = lateMost
      lateMost = 0
      const batches = options.batches()
      const collects = options.collects()
      const decided = options.decided()
      const { heapLimitBytes, level } = options.memory.state()
      return {
        busy: options.busy(),
        cpu,
        rssBytes: memory.rss,
        heapBytes: memory.heapUsed,
        loopDelayMs,
        heapLimitBytes,
        pressure: level,
        total: options.total(),
        ...(Object.keys(options.declared).length > 0 && { declared: options.declared }),
        ...(decided !== undefined && { decided }),
        ...(collects !== undefined && { collects }),
        ...(batches.length > 0 && { batches })
      }
    }

    let renewedAt = monotonic()
    /** When the handlers must be stopped, unless the lease is renewed. */
    let fencedFrom = renewedAt + fenceAt * options.leaseMs
    /** The store was given more time since the last renewal. */
    let isPutOff = false
    const renewed = (at: number) => {
      renewedAt = at
      fencedFrom = at + fenceAt * options.leaseMs
      isPutOff = false
    }
    const isFresh = () => monotonic() < renewedAt + fenceAt * options.leaseMs
    const leftMs = () => fencedFrom - monotonic()
    const retryMs = Math.min(1000, options.leaseMs / 10)
    const answerMs = Math.min(10_000, options.leaseMs / 3)

    /**
     * What takes at most so long. When it took longer this process stood still: if the time to stop has passed
     * meanwhile, the store is asked once more. Only after a long stop again and again: a loop that is merely slow and
     * reaches no store stops in the end.
     *
     * A tenth of a lease late tells a stop that can matter: after a beat in time (1/3) and one in flight (1/3) it took
     * longer than that to 0.8.
     */
    const awake = <A, E>(atMostMs: number, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const expected = monotonic() + atMostMs
        return Effect.onExit(effect, () =>
          Effect.sync(() => {
            const now = monotonic()
            const lateMs = now - expected
            if (now < fencedFrom || lateMs < options.leaseMs / (isPutOff ? 3 : 10)) return
            fencedFrom = now + answerMs
            isPutOff = true
          })
        )
      })
    const sleep = (ms: number) => awake(ms, Effect.sleep(ms))

    const beat = Effect.suspend(() => {
      const session = options.session()
      if (session === 0) return Effect.void
      const sentAt = monotonic()
      const left = leftMs()
      const atMostMs = Math.min(answerMs, left > 0 ? left : retryMs)
      const beat = registry
        .beat(session, {
          now: clock.currentTimeMillisUnsafe(),
          leaseMs: options.leaseMs,
          mayBlockMs: options.longestLimitMs(),
          tasks: options.tasks(),
          suspendedForMs: options.suspendedForMs(),
          slots: options.slots(),
          load: load()
        })
        .pipe(
          Effect.timeout(atMostMs),
          Effect.map((held) => {
            if (options.session() !== session) return
            if (!held) return options.lost()
            const wasFresh = isFresh()
            renewed(sentAt)
            if (!wasFresh) options.takenUp()
          })
        )
      return awake(atMostMs, beat)
    })

    /** After a failed renewal: again and again, until it works or the lease is as good as lost. */
    const insist: Effect.Effect<void> = Effect.suspend(() => {
      if (options.session() === 0) return Effect.void
      const left = leftMs()
      if (left <= 0) return Effect.sync(options.lost)
      return sleep(Math.min(retryMs, left)).pipe(
        Effect.andThen(Effect.suspend(() => (leftMs() > 0 ? beat : Effect.sync(options.lost)))),
        Effect.catch(() => insist)
      )
    })

    const renew = beat.pipe(Effect.catch(() => insist))

    const renewals = renew.pipe(Effect.andThen(sleep(options.leaseMs / 3)), Effect.forever)

    const working = Latch.makeUnsafe(false)
    let workingAt = 0

    /** Answers when the loop should have come here. */
    const rest = Effect.suspend(() => {
      working.closeUnsafe()
      const until = monotonic() + restMs
      return Effect.raceFirst(
        Effect.as(Effect.sleep(restMs), until),
        Effect.map(working.await, () => workingAt)
      )
    })
    const tick = Effect.suspend(() => Effect.as(Effect.sleep(tickMs), monotonic() + tickMs))

    const watch = Effect.gen(function* () {
      for (;;) {
        const expected = yield* options.rests() && options.memory.level() === "ok" ? rest : tick
        const late = Math.max(0, monotonic() - expected)
        lateMost = Math.max(lateMost, late)
        options.ticked(late)
        options.memory.tick()
        if (late > blockedMs) options.loopBlocked(late)
      }
    })

    return {
      // A virtual clock says nothing of the event loop.
      run:
        clock === Context.get(Context.empty(), Clock.Clock)
          ? Effect.all([renewals, watch], { concurrency: 2, discard: true })
          : renewals,
      /** A job starts: the event loop is watched closely again. */
      works: () => {
        if (working.isOpen()) return
        // Before the latch: who waits for it is resumed in its stack.
        workingAt = monotonic()
        working.openUnsafe()
      },
      /** The lease holds since then, by the monotonic clock: a session was joined. */
      joined: renewed,
      /** Whether nobody can have taken the session's jobs. */
      isFresh,
      beatNow: beat.pipe(Effect.ignore)
    }
  })
