/** A store between a process and the real one, that fails when it is told to, and notes what the store accepted. */
import { type Clock, Duration, Effect } from "effect"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import type { Wake } from "../../../src/services/Store/JobStore.ts"
import type { SettleOutcome, Turn, TurnResult } from "../../../src/services/Store/Turn.ts"
import { StoreError, StoreOutcomeUnknown, StoreUnavailable } from "../../../src/services/Store/StoreError.ts"
import type { Store } from "../../../src/services/Store/Store.ts"

/**
 * What becomes of a call. `lost`: it took effect, but the answer never came. `hang`: as the other two, after the
 * store's limit of 10 s.
 */
export type Fate = "answer" | "refuse" | "lose" | "hangAndRefuse" | "hangAndLose" | "exit" | "exitAfter"

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

const refused = (operation: string) =>
  new StoreError({ operation, reason: new StoreUnavailable({ message: `${operation} did not answer (injected)` }) })
const lost = (operation: string) =>
  new StoreError({
    operation,
    reason: new StoreOutcomeUnknown({ message: `The answer to ${operation} did not come (injected)` })
  })

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
    const jobs: Store["jobs"] = {
      traits: real.jobs.traits,
      turn: (turn) =>
        call(
          "turn",
          Effect.map(real.jobs.turn(turn), (result) => this.note(turn, result))
        ),
      turnSync:
        real.jobs.turnSync === undefined || options.asynchronous === true ? undefined : (turn) => this.turnSync(turn),
      get: (ids) => call("get", real.jobs.get(ids)),
      list: (filter, page) => call("list", real.jobs.list(filter, page)),
      count: (filter) => call("count", real.jobs.count(filter)),
      counters: call("counters", real.jobs.counters),
      usage: call("usage", real.jobs.usage),
      oldestPending: call("oldestPending", real.jobs.oldestPending),
      dueIn: (steps) => call("dueIn", real.jobs.dueIn(steps)),
      upNext: (group, limit) => call("upNext", real.jobs.upNext(group, limit)),
      logs: (id, page) => call("logs", real.jobs.logs(id, page)),
      step: (id, name) => call("step", real.jobs.step(id, name)),
      status: call("status", real.jobs.status),
      change: (filter, change, page) => call("change", real.jobs.change(filter, change, page)),
      declareGroups: (groups) => call("declareGroups", real.jobs.declareGroups(groups)),
      groups: call("groups", real.jobs.groups),
      setGroup: (name, settings) => call("setGroup", real.jobs.setGroup(name, settings)),
      removeGroup: (name) => call("removeGroup", real.jobs.removeGroup(name)),
      limitKeys: (filter, limit) => call("limitKeys", real.jobs.limitKeys(filter, limit)),
      setKey: (group, key, settings) => call("setKey", real.jobs.setKey(group, key, settings)),
      takeUnits: (request) => call("takeUnits", real.jobs.takeUnits(request)),
      repairKeys: (now) => call("repairKeys", real.jobs.repairKeys(now)),
      paused: call("paused", real.jobs.paused),
      setPaused: (paused) => call("setPaused", real.jobs.setPaused(paused)),
      prune: (policy, page) => call("prune", real.jobs.prune(policy, page)),
      keep: real.jobs.keep,
      watch: real.jobs.watch,
      hold: real.jobs.hold,
      onWake: (listener, listening) =>
        Effect.andThen(
          Effect.acquireRelease(
            Effect.sync(() => this.listeners.add(listener)),
            () => Effect.sync(() => this.listeners.delete(listener))
          ),
          real.jobs.onWake((wake, by) => {
            if (this.isDead) return
            if (options.hears?.() === false) this.kept.add(wake)
            else listener(wake, by)
          }, listening)
        )
    }
    this.store = {
      jobs,
      workers: {
        join: (worker, lease) => call("join", real.workers.join(worker, lease)),
        beat: (session, beat) => call("beat", real.workers.beat(session, beat)),
        leave: (session, now) => call("leave", real.workers.leave(session, now)),
        all: call("workers", real.workers.all),
        drain: (session) => call("drain", real.workers.drain(session)),
        sweep: (page) => call("sweep", real.workers.sweep(page)),
        lead: (role, session, lease) => call("lead", real.workers.lead(role, session, lease))
      },
      rollUps: {
        jobs: (query) => call("rollUps", real.rollUps.jobs(query)),
        resources: (query) => call("resourceRollUps", real.rollUps.resources(query)),
        prune: (at) => call("pruneRollUps", real.rollUps.prune(at))
      },
      documents: {
        get: (kind, key) => call("document", real.documents.get(kind, key)),
        all: (kind) => call("documents", real.documents.all(kind)),
        put: (kind, key, text, options) => call("putDocument", real.documents.put(kind, key, text, options)),
        journal: (kind, page) => call("journal", real.documents.journal(kind, page)),
        append: (kind, entries, options) => call("appendJournal", real.documents.append(kind, entries, options))
      }
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
    const late = Effect.flatMap(this.options.clock.sleep(limit), () => Effect.fail(lost(operation)))
    return Effect.suspend((): Effect.Effect<A, StoreError> => {
      if (this.isDead) return Effect.never
      switch (this.options.fate(operation)) {
        case "answer":
          return effect
        case "refuse":
          return Effect.fail(refused(operation))
        case "lose":
          return Effect.andThen(effect, Effect.fail(lost(operation)))
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
    if (this.isDead) throw refused("turn")
    const fate = this.options.fate("turn")
    switch (fate) {
      case "answer":
        return this.note(turn, this.real.jobs.turnSync!(turn))
      case "lose":
        this.note(turn, this.real.jobs.turnSync!(turn))
        throw lost("turn")
      case "exitAfter":
        this.note(turn, this.real.jobs.turnSync!(turn))
        this.exit()
        throw lost("turn")
      case "exit":
        this.exit()
        throw lost("turn")
      case "refuse":
        throw refused("turn")
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
