/** The turns of one process, taken by whatever task asks first. */
import { Cause, Clock, Context, Effect, Exit, Layer, Random, Scheduler } from "effect"
import { randomUUID } from "node:crypto"
import { Asked } from "./Asked.ts"
import type { ClaimRequest, LogLine, NewJob, ProgressNote, Settle, Turn, TurnResult } from "./Turn.ts"
import { JobStore } from "./JobStore.ts"
import { monotonicOf } from "../Queue/host/Monotonic.ts"
import { pauseMs } from "../Queue/policy/Backoff.ts"
import { StoreClosed, StoreError, StoreOutcomeUnknown, StoreUnavailable } from "./StoreError.ts"
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

/** Producers wait so long for the answer of a turn that is asked again, in milliseconds. */
const unheardMs = 10_000

const nothing: ReadonlyArray<never> = []
/** Never pushed to. */
const noLanders: Array<() => void> = []

/** A turn on its way to the store, with who is to hear of it. */
interface Departure {
  readonly turn: Turn
  /** Which call it is, however often it is asked. */
  readonly number: number
  readonly since: number
  /** Of the new jobs, by call: how many, and who hears of them. */
  readonly lengths: ReadonlyArray<number>
  enqueuers: ReadonlyArray<EnqueueListener>
  readonly settlers: ReadonlyArray<SettleListener>
  readonly landers: ReadonlyArray<() => void>
  /** An answer to it was lost. */
  isUnheard: boolean
}

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
    let inFlight: Departure | undefined
    const origin = randomUUID()
    let turnsTaken = 0
    /** Settles that went with a turn whose answer was lost, and go again. */
    const unheard = new Set<Settle>()
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
      unheard.clear()
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
        origin,
        session: worker === undefined ? 0 : worker.session(),
        settle: settles,
        enqueue: jobs,
        batches: lengths.length === jobs.length ? undefined : lengths,
        claim: claims,
        progress: notes,
        logs: lines
      }
      const departure: Departure = {
        turn,
        number: ++turnsTaken,
        since: monotonic(),
        lengths,
        enqueuers: listeners,
        settlers,
        landers,
        isUnheard: false
      }
      landers = noLanders
      settles = []
      settlers = []
      notes = []
      lines = []
      looking = false
      inFlight = departure

      if (store.turnSync === undefined) return ask(departure)
      let result: TurnResult
      try {
        result = store.turnSync(turn)
      } catch (cause) {
        return failed(departure, asStoreError(cause))
      } finally {
        inFlight = undefined
      }
      return taken(departure, result)
    }

    /** Answered in this stack where the store does that, otherwise later. */
    const ask = (departure: Departure) => {
      const { number, turn } = departure
      const call = store.turn(turn)
      const fiber = fork(store.traits.remembersCalls ? Effect.provideService(call, Asked, { origin, number }) : call)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return answered(departure, exit)
      fiber.addObserver((late) => {
        answered(departure, late)
        run()
      })
    }

    const answered = (departure: Departure, exit: Exit.Exit<TurnResult, StoreError>) => {
      if (Exit.isSuccess(exit)) {
        inFlight = undefined
        return taken(departure, exit.value)
      }
      const error = asStoreError(Cause.squash(exit.cause))
      const { _tag: reason } = error.reason
      if (store.traits.remembersCalls) {
        departure.isUnheard ||= reason === "StoreOutcomeUnknown"
        // Whoever answers otherwise knows of the first try, and that it came to nothing.
        const isStillUnheard = reason === "StoreOutcomeUnknown" || reason === "StoreUnavailable"
        if (departure.isUnheard && isStillUnheard && !closed) return askAgain(departure)
      }
      inFlight = undefined
      failed(departure, departure.isUnheard && closed ? outcomeUnknown() : error)
    }

    /** The same call once more. Nothing else leaves before it is answered. */
    const askAgain = (departure: Departure) => {
      if (monotonic() - departure.since >= unheardMs) {
        const { enqueuers: waiting } = departure
        departure.enqueuers = nothing
        for (const listener of waiting) refuse(listener, outcomeUnknown())
        refuseGathered(
          new StoreError({ operation: "turn", reason: new StoreUnavailable({ message: "The store does not answer" }) })
        )
      }
      afterPause(() => ask(departure))
    }

    const afterPause = (next: () => void) => {
      failures++
      fork(Effect.andThen(Effect.sleep(pauseMs(backoff, failures, random.nextDoubleUnsafe())), Effect.sync(next)))
    }

    const refuseGathered = (error: StoreError) => {
      const waiting = enqueuers
      enqueues = []
      batches = []
      enqueuers = []
      for (const listener of waiting) refuse(listener, error)
    }

    const taken = (
      { enqueuers: listeners, landers: waiting, lengths, settlers: hearing, turn }: Departure,
      result: TurnResult
    ) => {
      failures = 0
      let from = 0
      for (let i = 0; i < listeners.length; i++) {
        try {
          listeners[i]!.stored(result.ids, result.notes, from, result.now)
        } catch (defect) {
          faulty(defect)
        }
        from += lengths[i]!
      }
      const lost = result.lost
      for (let i = 0; i < hearing.length; i++) {
        const isRefused = lost?.has(i) === true
        const wasUnheard = unheard.size > 0 && unheard.delete(turn.settle[i]!)
        try {
          hearing[i]!.settled(isRefused ? (wasUnheard ? "unheard" : "refused") : "accepted", result.now)
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
      land(waiting)
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

    const failed = (departure: Departure, error: StoreError) => {
      const { enqueuers: listeners, landers: waiting, settlers: hearing, turn } = departure
      if (worker !== undefined && turn.session !== 0) {
        if (error.reason._tag === "StoreOutcomeUnknown") for (const settle of turn.settle) unheard.add(settle)
        settles = [...turn.settle, ...settles]
        settlers = [...hearing, ...settlers]
        notes = [...turn.progress, ...notes].slice(-maxKept)
        lines = [...turn.logs, ...lines].slice(-maxKept)
        landers = [...waiting, ...landers]
      } else land(waiting)
      for (let i = 0; i < listeners.length; i++) refuse(listeners[i]!, error)
      workerFailed(error, turn)
      resting = true
      afterPause(() => {
        resting = false
        run()
      })
    }

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        const error = new StoreError({ operation: "turn", reason: new StoreClosed({ message: "The queue is closed" }) })
        refuseGathered(error)
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
      origin,
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

const outcomeUnknown = (): StoreError =>
  new StoreError({
    operation: "turn",
    reason: new StoreOutcomeUnknown({ message: "The store's answer was lost; what was asked may have been done" })
  })

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
