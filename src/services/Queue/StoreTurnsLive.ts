/** The turns of one process, taken by whatever task asks first. */
import { Cause, Clock, Context, Effect, Exit, Layer, Random, Scheduler } from "effect"
import type { ClaimRequest, LogLine, NewJob, ProgressNote, Settle, Turn, TurnResult } from "./Turn.ts"
import { JobStore } from "./JobStore.ts"
import { monotonicOf } from "./host/Monotonic.ts"
import { pauseMs } from "./policy/Backoff.ts"
import { StoreClosed, StoreError, StoreUnavailable } from "./StoreError.ts"
import { type EnqueueListener, type SettleListener, StoreTurns, type TurnWorker } from "./StoreTurns.ts"

/** Rows of new jobs in one turn, unless one call brings more: keeps a turn to a few milliseconds. */
const maxEnqueue = 2048
/**
 * A synchronous store is turned again in the same task for this long before timers get their chance, in milliseconds.
 */
const sliceMs = 1
/** After failed turns. */
const backoff = { firstMs: 50, capMs: 1000 }
/** Log lines and progress kept while the store does not answer; the oldest go first. */
const maxKept = 10_000

const nothing: ReadonlyArray<never> = []
/** Never pushed to. */
const noLanders: Array<() => void> = []

export const layer: Layer.Layer<StoreTurns, never, JobStore> = Layer.effect(
  StoreTurns,
  Effect.gen(function* () {
    const store = yield* JobStore
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const monotonic = monotonicOf(clock)
    const context = yield* Effect.context<never>()
    const fork = Effect.runForkWith(context)
    const dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()

    let enqueues: Array<NewJob> = []
    let batches: Array<number> = []
    let enqueuers: Array<EnqueueListener> = []
    let settles: Array<Settle> = []
    let settlers: Array<SettleListener> = []
    let notes: Array<ProgressNote> = []
    let lines: Array<LogLine> = []
    let worker: TurnWorker | undefined
    let scheduled = false
    let inFlight: Turn | undefined
    let looking = false
    let closed = false
    let failures = 0
    /** Between a failed turn and the next try. */
    let resting = false
    /** Who waits for what is gathered with it to land. */
    let landers = noLanders
    const followers = new Set<(turn: Turn, result: TurnResult) => void>()

    /** A defect of somebody who hears of a turn. */
    const faulty = (defect: unknown) => {
      fork(Effect.logError("Somebody who heard of a turn of the store failed", Cause.die(defect)))
    }

    const land = (waiting: ReadonlyArray<() => void>) => {
      for (const resume of waiting) {
        try {
          resume()
        } catch (defect) {
          faulty(defect)
        }
      }
    }

    const refuse = (listener: EnqueueListener, error: StoreError) => {
      try {
        listener.refused(error)
      } catch (defect) {
        faulty(defect)
      }
    }

    const claimsOfWorker = (): ReadonlyArray<ClaimRequest> => {
      if (worker === undefined) return nothing
      try {
        return worker.claims()
      } catch (defect) {
        faulty(defect)
        return nothing
      }
    }

    const kick = (look = false) => {
      if (look) looking = true
      if (scheduled || inFlight !== undefined || resting || closed) return
      scheduled = true
      dispatcher.scheduleTask(run, 0)
    }

    /** The worker's part is not worth another try. */
    const giveUp = () => {
      const waiting = landers
      settles = []
      settlers = []
      notes = []
      lines = []
      landers = noLanders
      land(waiting)
    }

    const hasWork = () =>
      enqueues.length > 0 ||
      settles.length > 0 ||
      notes.length > 0 ||
      lines.length > 0 ||
      looking ||
      // What they wait for was in a turn that failed.
      landers.length > 0

    const run = () => {
      scheduled = false
      if (inFlight !== undefined || resting || closed) return
      const started = monotonic()
      for (;;) {
        const claims = claimsOfWorker()
        if (claims.length === 0 && !hasWork()) return
        take(claims)
        if (inFlight !== undefined || resting) return
        if (monotonic() - started > sliceMs) return kick()
      }
    }

    /** As many whole calls as fit; the rest stays for the next turn. */
    const gatheredEnqueues = () => {
      if (enqueues.length <= maxEnqueue || batches.length === 1) {
        const all = { jobs: enqueues, lengths: batches, listeners: enqueuers }
        enqueues = []
        batches = []
        enqueuers = []
        return all
      }
      let count = 0
      let rows = 0
      while (count < batches.length && (count === 0 || rows + batches[count]! <= maxEnqueue)) rows += batches[count++]!
      return {
        jobs: enqueues.splice(0, rows),
        lengths: batches.splice(0, count),
        listeners: enqueuers.splice(0, count)
      }
    }

    const take = (claims: ReadonlyArray<ClaimRequest>) => {
      const { jobs, lengths, listeners } = gatheredEnqueues()
      const turn: Turn = {
        now: clock.currentTimeMillisUnsafe(),
        session: worker === undefined ? 0 : worker.session(),
        settle: settles,
        enqueue: jobs,
        batches: lengths.length === jobs.length ? undefined : lengths,
        claim: claims,
        progress: notes,
        logs: lines
      }
      const turnSettlers = settlers
      const turnLanders = landers
      landers = noLanders
      settles = []
      settlers = []
      notes = []
      lines = []
      looking = false

      if (store.turnSync !== undefined) {
        let result: TurnResult
        inFlight = turn
        try {
          result = store.turnSync(turn)
        } catch (cause) {
          return failed(turn, lengths, listeners, turnSettlers, turnLanders, asStoreError(cause))
        } finally {
          inFlight = undefined
        }
        return taken(turn, lengths, listeners, turnSettlers, turnLanders, result)
      }
      const answered = (exit: Exit.Exit<TurnResult, StoreError>) => {
        inFlight = undefined
        if (Exit.isSuccess(exit)) taken(turn, lengths, listeners, turnSettlers, turnLanders, exit.value)
        else failed(turn, lengths, listeners, turnSettlers, turnLanders, asStoreError(Cause.squash(exit.cause)))
      }
      inFlight = turn
      const fiber = fork(store.turn(turn))
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return answered(exit)
      fiber.addObserver((late) => {
        answered(late)
        run()
      })
    }

    const taken = (
      turn: Turn,
      lengths: ReadonlyArray<number>,
      listeners: ReadonlyArray<EnqueueListener>,
      turnSettlers: ReadonlyArray<SettleListener>,
      turnLanders: ReadonlyArray<() => void>,
      result: TurnResult
    ) => {
      failures = 0
      let from = 0
      for (let i = 0; i < listeners.length; i++) {
        try {
          listeners[i]!.stored(result.ids, result.notes, from, turn.now)
        } catch (defect) {
          faulty(defect)
        }
        from += lengths[i]!
      }
      const lost = result.lost
      for (let i = 0; i < turnSettlers.length; i++) {
        try {
          turnSettlers[i]!.settled(lost === undefined || !lost.has(i), turn.now)
        } catch (defect) {
          faulty(defect)
        }
      }
      try {
        worker?.taken(turn, result)
      } catch (defect) {
        faulty(defect)
        // Some of what was claimed may not have been started.
        workerFailed(asStoreError(defect), turn)
      }
      land(turnLanders)
      for (const follow of followers) {
        try {
          follow(turn, result)
        } catch (defect) {
          faulty(defect)
        }
      }
    }

    const workerFailed = (error: StoreError, turn: Turn) => {
      try {
        worker?.failed(error, turn.claim.length > 0)
      } catch (defect) {
        faulty(defect)
      }
    }

    const failed = (
      turn: Turn,
      lengths: ReadonlyArray<number>,
      listeners: ReadonlyArray<EnqueueListener>,
      turnSettlers: ReadonlyArray<SettleListener>,
      turnLanders: ReadonlyArray<() => void>,
      error: StoreError
    ) => {
      failures++
      if (worker !== undefined && turn.session !== 0) {
        settles = [...turn.settle, ...settles]
        settlers = [...turnSettlers, ...settlers]
        notes = [...turn.progress, ...notes].slice(-maxKept)
        lines = [...turn.logs, ...lines].slice(-maxKept)
        landers = [...turnLanders, ...landers]
      } else land(turnLanders)
      for (let i = 0; i < lengths.length; i++) refuse(listeners[i]!, error)
      workerFailed(error, turn)
      resting = true
      fork(
        Effect.sleep(pauseMs(backoff, failures, random.nextDoubleUnsafe())).pipe(
          Effect.andThen(
            Effect.sync(() => {
              resting = false
              run()
            })
          )
        )
      )
    }

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        const error = new StoreError({ operation: "turn", reason: new StoreClosed({ message: "The queue is closed" }) })
        for (const listener of enqueuers) refuse(listener, error)
        enqueuers = []
        giveUp()
      })
    )

    return {
      enqueue: (jobs, listener) => {
        if (closed) {
          return listener.refused(
            new StoreError({ operation: "enqueue", reason: new StoreClosed({ message: "The queue is closed" }) })
          )
        }
        for (let i = 0; i < jobs.length; i++) enqueues.push(jobs[i]!)
        batches.push(jobs.length)
        enqueuers.push(listener)
        if (worker !== undefined) {
          let group = ""
          for (let i = 0; i < jobs.length; i++) {
            if (jobs[i]!.group === group) continue
            group = jobs[i]!.group
            worker.expect(group)
          }
        }
        kick()
      },
      settle: (settle, listener) => {
        settles.push(settle)
        settlers.push(listener)
        kick()
      },
      progress: (note) => {
        notes.push(note)
        kick()
      },
      log: (line) => {
        lines.push(line)
        kick()
      },
      kick,
      hasWorker: () => worker !== undefined,
      isOwn: (turn) => turn !== undefined && turn === inFlight,
      bind: (next) => {
        worker = next
        kick(true)
        return () => {
          worker = undefined
          giveUp()
        }
      },
      onTaken: (listener) => {
        const own = (turn: Turn, result: TurnResult) => listener(turn, result)
        followers.add(own)
        return () => followers.delete(own)
      },
      landed: Effect.callback<void>((resume) => {
        if (closed) return resume(Effect.void)
        if (landers === noLanders) landers = []
        landers.push(() => resume(Effect.void))
        kick(true)
      })
    }
  })
)

const asStoreError = (cause: unknown): StoreError =>
  cause instanceof StoreError
    ? cause
    : new StoreError({
        operation: "turn",
        reason: new StoreUnavailable({
          message: `The store failed: ${cause instanceof Error ? cause.message : String(cause)}`,
          cause
        })
      })
