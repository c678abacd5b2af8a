/** A store between a process and the real one, that fails when it is told to, and notes what the store accepted. */
import { type Clock, Duration, Effect } from "effect"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import type { JobStore, Wake } from "../../../src/services/Queue/JobStore.ts"
import type { SettleOutcome, Turn, TurnResult } from "../../../src/services/Queue/Turn.ts"
import { StoreError, StoreUnavailable } from "../../../src/services/Queue/StoreError.ts"

/**
 * What becomes of a call. `lost`: it took effect, but the answer never came. `hang`: as the other two, after the
 * store's limit of 10 s.
 */
export type Fate = "answer" | "refuse" | "lose" | "hangAndRefuse" | "hangAndLose" | "exit" | "exitAfter"

type Store = JobStore["Service"]

export interface FaultyStoreOptions {
  /** Asked before each call. */
  readonly fate: (operation: string) => Fate
  readonly clock: Clock.Clock
  /** The process of this store ends: nothing of it may run on. */
  readonly exit?: () => void
  /** Whether wakes reach the process now; they are kept for `deliver` otherwise. */
  readonly hears?: () => boolean
  /** Each settle the store accepted. */
  readonly accepted?: (settle: {
    readonly id: JobId
    readonly attempt: number
    readonly outcome: SettleOutcome
  }) => void
  /** Each turn the store answered, before the process hears of it. */
  readonly observed?: (turn: Turn, result: TurnResult) => void
  /** Turns may hang, so they are not answered in the caller's stack. */
  readonly asynchronous?: boolean
}

const limit = Duration.seconds(10)

const failure = (operation: string) =>
  new StoreError({ operation, reason: new StoreUnavailable({ message: `${operation} did not answer (injected)` }) })

export class FaultyStore {
  readonly store: Store
  private readonly real: Store
  private readonly options: FaultyStoreOptions
  private readonly listeners = new Set<(wake: Wake) => void>()
  private kept = new Set<Wake>()
  private isDead = false

  constructor(real: Store, options: FaultyStoreOptions) {
    this.real = real
    this.options = options
    const call = <A>(operation: string, effect: Effect.Effect<A, StoreError>) => this.call(operation, effect)
    this.store = {
      traits: real.traits,
      turn: (turn) =>
        call(
          "turn",
          Effect.map(real.turn(turn), (result) => this.note(turn, result))
        ),
      turnSync:
        real.turnSync === undefined || options.asynchronous === true ? undefined : (turn) => this.turnSync(turn),
      get: (ids) => call("get", real.get(ids)),
      list: (filter, page) => call("list", real.list(filter, page)),
      count: (filter) => call("count", real.count(filter)),
      counters: call("counters", real.counters),
      oldestPending: call("oldestPending", real.oldestPending),
      upNext: (group, limit) => call("upNext", real.upNext(group, limit)),
      logs: (id, page) => call("logs", real.logs(id, page)),
      step: (id, name) => call("step", real.step(id, name)),
      rollUps: (query) => call("rollUps", real.rollUps(query)),
      resourceRollUps: (query) => call("resourceRollUps", real.resourceRollUps(query)),
      status: call("status", real.status),
      change: (filter, change, page) => call("change", real.change(filter, change, page)),
      declareGroups: (groups) => call("declareGroups", real.declareGroups(groups)),
      groups: call("groups", real.groups),
      setGroup: (name, settings) => call("setGroup", real.setGroup(name, settings)),
      removeGroup: (name) => call("removeGroup", real.removeGroup(name)),
      paused: call("paused", real.paused),
      setPaused: (paused) => call("setPaused", real.setPaused(paused)),
      documents: (kind) => call("documents", real.documents(kind)),
      putDocument: (kind, key, text, options) => call("putDocument", real.putDocument(kind, key, text, options)),
      journal: (kind, page) => call("journal", real.journal(kind, page)),
      appendJournal: (kind, entries, options) => call("appendJournal", real.appendJournal(kind, entries, options)),
      join: (worker, lease) => call("join", real.join(worker, lease)),
      beat: (session, beat) => call("beat", real.beat(session, beat)),
      leave: (session, now) => call("leave", real.leave(session, now)),
      workers: call("workers", real.workers),
      drain: (session) => call("drain", real.drain(session)),
      sweep: (page) => call("sweep", real.sweep(page)),
      lead: (role, session, lease) => call("lead", real.lead(role, session, lease)),
      prune: (policy, page) => call("prune", real.prune(policy, page)),
      keep: real.keep,
      watch: real.watch,
      hold: real.hold,
      onWake: (listener, listening) =>
        Effect.andThen(
          Effect.acquireRelease(
            Effect.sync(() => this.listeners.add(listener)),
            () => Effect.sync(() => this.listeners.delete(listener))
          ),
          real.onWake((wake, by) => {
            if (this.isDead) return
            if (options.hears?.() === false) this.kept.add(wake)
            else listener(wake, by)
          }, listening)
        )
    }
  }

  /** What was not heard while the process was stopped. */
  deliver(): void {
    const { kept } = this
    this.kept = new Set()
    for (const wake of kept) for (const listener of this.listeners) listener(wake)
  }

  /** Nothing of this process reaches the store any more. */
  kill(): void {
    this.isDead = true
  }

  private exit(): void {
    this.isDead = true
    this.options.exit?.()
  }

  private call<A>(operation: string, effect: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> {
    const late = Effect.flatMap(this.options.clock.sleep(limit), () => Effect.fail(failure(operation)))
    return Effect.suspend((): Effect.Effect<A, StoreError> => {
      if (this.isDead) return Effect.never
      switch (this.options.fate(operation)) {
        case "answer":
          return effect
        case "refuse":
          return Effect.fail(failure(operation))
        case "lose":
          return Effect.andThen(effect, Effect.fail(failure(operation)))
        case "hangAndRefuse":
          return late
        case "hangAndLose":
          return Effect.andThen(effect, late)
        case "exit":
          this.exit()
          return Effect.never
        case "exitAfter":
          return Effect.andThen(
            effect,
            Effect.suspend(() => {
              this.exit()
              return Effect.never
            })
          )
      }
    })
  }

  private turnSync(turn: Turn): TurnResult {
    if (this.isDead) throw failure("turn")
    const fate = this.options.fate("turn")
    switch (fate) {
      case "answer":
        return this.note(turn, this.real.turnSync!(turn))
      case "lose":
        this.note(turn, this.real.turnSync!(turn))
        throw failure("turn")
      case "exitAfter":
        this.note(turn, this.real.turnSync!(turn))
        this.exit()
        throw failure("turn")
      case "exit":
        this.exit()
        throw failure("turn")
      case "refuse":
        throw failure("turn")
      case "hangAndRefuse":
      case "hangAndLose":
        throw new Error("a turn in the caller's stack cannot hang; ask for `asynchronous`")
    }
  }

  private note(turn: Turn, result: TurnResult): TurnResult {
    const { accepted, observed } = this.options
    observed?.(turn, result)
    if (accepted !== undefined) {
      turn.settle.forEach((settle, i) => {
        if (result.lost?.has(i) !== true) accepted(settle)
      })
    }
    return result
  }
}
