/**
 * The real engine, three workers and an operator on one store, on the virtual clock, with everything that can happen
 * happening at random; and what must be true all the same. One seed is one history: the same each time it is run.
 */
import { assert } from "@effect/vitest"
import { Clock, Duration, Effect, type Fiber, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import {
  type EnqueueOptions,
  Job,
  type JobHandle,
  type JobId,
  type JobRecord,
  type Turn,
  type TurnResult,
  type WorkerOptions
} from "../../src/services/Queue/index.ts"
import { defaultAgeingStepMs, rank } from "../../src/services/Queue/policy/Rank.ts"
import type { StoreError } from "../../src/services/Store/StoreError.ts"
import type { Fate } from "../support/queue/FaultyStore.ts"
import { type QueueNode, startNode } from "../support/queue/QueueNode.ts"
import { sharedMemory } from "../support/queue/SharedMemory.ts"
import { SeededRandom } from "../support/SeededRandom.ts"
import {
  behaviours,
  groups,
  handlersOf,
  type Run,
  type TaskName,
  taskNames,
  tasks,
  type Unlucky
} from "./SimulatedWork.ts"
import type { Store } from "../../src/services/Store/Store.ts"

/** What the simulation knows of a job that was acknowledged. */
interface Known {
  readonly handle: JobHandle<number, Unlucky, number>
  does: string
  mayBeCancelled: boolean
  readonly hasParents: boolean
  readonly isTagged: boolean
  removed: boolean
  /** Accepted ends since it was enqueued or retried. */
  ends: number
}

interface Member {
  readonly name: string
  readonly knows: ReadonlyArray<TaskName>
  readonly options: WorkerOptions
  readonly asynchronous: boolean
  node: QueueNode | undefined
  frozenUntil: number | undefined
}

const settings = { lease: Duration.seconds(5), sweepInterval: Duration.seconds(1), grace: Duration.seconds(3) }
const skewMostMs = 400

class Simulation {
  private readonly random: SeededRandom
  private readonly store: Store
  private readonly ledger = new Map<JobId, Array<Run>>()
  private readonly known = new Map<JobId, Known>()
  private readonly waiters: Array<Fiber.Fiber<unknown, unknown>> = []
  private readonly pausedSince = new Map<string, number>()
  /** Running jobs a group may have: its limit, or as many as ran when it was lowered. */
  private readonly allowed = new Map<string, number>()
  private readonly members: ReadonlyArray<Member>
  private operator!: QueueNode
  private faultRate = 0.01
  private step = 0
  /** Seen where an error would only look like a fault of the store. */
  private seen: string | undefined

  constructor(seed: number, store: Store) {
    this.random = new SeededRandom(seed)
    this.store = store
    const member = (
      name: string,
      knows: ReadonlyArray<TaskName>,
      slots: Record<string, number>,
      asynchronous: boolean,
      total: Pick<WorkerOptions, "totalSlots"> = {}
    ): Member => ({
      name,
      knows,
      options: { name, slots, ...total },
      asynchronous,
      node: undefined,
      frozenUntil: undefined
    })
    this.members = [
      member("a", ["alpha", "beta"], { left: 2, right: 3 }, false),
      member("b", ["alpha", "gamma"], { "*": 2 }, false, { totalSlots: 3 }),
      member("c", taskNames, { left: 3, right: 1 }, true)
    ]
  }

  /** Everything random comes from the seed. */
  run(steps: number): Effect.Effect<void, unknown, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      this.operator = yield* startNode({
        store: this.store,
        settings,
        worker: { slots: { "*": 0 } },
        random: () => this.random.next()
      })
      for (const member of this.members) yield* this.start(member)
      for (; this.step < steps; this.step++) {
        yield* this.act()
        yield* TestClock.adjust(this.pause())
        yield* this.wakeFrozen
        if (this.seen !== undefined) this.fault(this.seen)
        yield* this.checkLimits
        yield* this.checkTotals
        if (this.step % 25 === 0) yield* this.check
      }
      yield* this.settle
      yield* this.checkEnd
    })
  }

  /** What happened, and a digest of how each job ended and when. */
  readonly summary: Effect.Effect<string, StoreError> = Effect.suspend(() =>
    Effect.map(this.all, (jobs) => {
      const runs = [...this.ledger.values()].reduce((sum, { length }) => sum + length, 0)
      const ends = jobs.map(({ attempt, finishedAt, id, session, state }) => [id, state, attempt, session, finishedAt])
      const digest = createHash("sha256").update(JSON.stringify(ends)).digest("hex").slice(0, 16)
      return `${this.known.size} jobs, ${runs} runs, ${digest}`
    })
  )

  private pause(): number {
    const roll = this.random.next()
    return roll < 0.7 ? this.random.below(50) : roll < 0.97 ? this.random.below(1500) : this.random.below(15_000)
  }

  private get now(): Effect.Effect<number> {
    return Clock.currentTimeMillis
  }

  // Processes.

  private start(member: Member): Effect.Effect<void, StoreError> {
    const fate = (): Fate => {
      if (!this.random.chance(this.faultRate)) return "answer"
      return this.random.pick(
        member.asynchronous
          ? (["refuse", "lose", "hangAndRefuse", "hangAndLose"] as const)
          : (["refuse", "lose"] as const)
      )
    }
    let isStarted = false
    return Effect.map(
      startNode({
        store: this.store,
        settings,
        handlers: handlersOf(member.knows, this.ledger),
        worker: member.options,
        asynchronous: member.asynchronous,
        random: () => this.random.next(),
        fate: () => (isStarted ? fate() : "answer"),
        accepted: ({ id, outcome }) => {
          const job = this.known.get(id)
          if (job !== undefined && outcome !== "retry" && outcome !== "release") job.ends++
        },
        observed: (turn, result) => this.checkOrder(turn, result, member)
      }),
      (node) => {
        isStarted = true
        node.skew(this.random.below(2 * skewMostMs) - skewMostMs)
        member.node = node
      }
    )
  }

  private readonly wakeFrozen: Effect.Effect<void> = Effect.suspend(() =>
    Effect.map(this.now, (now) => {
      for (const member of this.members) {
        if (member.frozenUntil === undefined || member.frozenUntil > now) continue
        member.frozenUntil = undefined
        member.node?.thaw()
      }
    })
  )

  // What happens.

  private act(): Effect.Effect<unknown, unknown, Scope.Scope> {
    const roll = this.random.next() * 100
    const { queue } = this.operator
    const any = this.anyJob()
    const member = this.random.pick(this.members)
    if (roll < 50) return this.enqueue()
    if (roll < 58) return this.enqueueMany()
    if (roll < 62) return any === undefined ? Effect.void : this.cancel(any)
    if (roll < 66) {
      return any === undefined
        ? Effect.void
        : Effect.flatMap(this.now, (now) =>
            Effect.ignore(
              queue.edit(any.handle.id, { priority: 1 + this.random.below(10), due: now + this.random.below(5000) })
            )
          )
    }
    if (roll < 70) return any === undefined ? Effect.void : this.retry(any)
    if (roll < 72) return any === undefined ? Effect.void : this.remove(any)
    if (roll < 75)
      return any === undefined ? Effect.void : Effect.ignore(queue.snooze(any.handle.id, this.random.below(10_000)))
    if (roll < 79) return this.pauseOrResume()
    if (roll < 82) return this.setLimit()
    if (roll < 83) return this.cancelMany()
    if (roll < 84) return this.awaitOne(any)
    if (roll < 86) return this.freeze(member)
    if (roll < 87.5) return this.kill(member)
    if (roll < 88.5) return this.stop(member)
    if (roll < 89) return this.drain(member)
    if (roll < 92) return member.node === undefined ? this.start(member) : Effect.void
    if (roll < 93) return Effect.sync(() => member.node?.skew(this.random.below(2 * skewMostMs) - skewMostMs))
    if (roll < 94) return member.node?.worker.setSlots(this.random.pick(groups), this.random.below(4)) ?? Effect.void
    return Effect.void
  }

  private anyJob(): Known | undefined {
    if (this.known.size === 0) return undefined
    const ids = [...this.known.keys()]
    // Mostly recent ones: they live.
    const from = this.random.chance(0.7) ? Math.max(0, ids.length - 40) : 0
    return this.known.get(ids[from + this.random.below(ids.length - from)]!)
  }

  private options(): EnqueueOptions {
    const { random } = this
    const parent = random.chance(0.08) ? this.anyJob() : undefined
    return {
      ...(random.chance(0.3) ? { in: random.below(random.chance(0.2) ? 60_000 : 2000) } : {}),
      ...(random.chance(0.5) ? { priority: 1 + random.below(10) } : {}),
      ...(random.chance(0.2) ? { retries: random.below(4) } : {}),
      ...(random.chance(0.1) ? { expiresIn: 200 + random.below(10_000) } : {}),
      ...(random.chance(0.2)
        ? {
            key: `key ${random.below(6)}`,
            onConflict: random.pick(["reject", "existing", "replace", "debounce", "keepLast"] as const)
          }
        : {}),
      ...(parent === undefined || parent.removed
        ? {}
        : { after: [parent.handle.id], onParentFailure: random.pick(["cancel", "fail", "run"] as const) }),
      ...(random.chance(0.1) ? { group: random.pick(groups) } : {}),
      ...(random.chance(0.1) ? { tags: ["tagged"] } : {}),
      ...(random.chance(0.1) ? { partitionKey: `p${random.below(3)}` } : {})
    }
  }

  private payload() {
    const does = this.random.chance(0.6) ? ("succeed" as const) : this.random.pick(behaviours)
    return { does, ms: this.random.chance(0.4) ? 0 : this.random.below(800) }
  }

  private remember(handle: JobHandle<number, Unlucky, number>, does: string, options: EnqueueOptions): void {
    const there = this.known.get(handle.id)
    if (there !== undefined) {
      // A taken key: the payload may be this one's now, and a replaced job takes no other option but time and priority.
      if (there.does !== does) there.does = "either"
      return
    }
    this.known.set(handle.id, {
      handle,
      does,
      mayBeCancelled: options.expiresIn !== undefined,
      hasParents: options.after !== undefined,
      isTagged: options.tags !== undefined,
      removed: false,
      ends: 0
    })
  }

  private enqueue() {
    const options = this.options()
    const payload = this.payload()
    return this.operator.queue.enqueue(tasks[this.random.pick(taskNames)], payload, options).pipe(
      Effect.map((handle) => this.remember(handle, payload.does, options)),
      Effect.catchTag("EnqueueError", (error) =>
        error.reason._tag === "DuplicateJob" || error.reason._tag === "ParentNotFound"
          ? Effect.void
          : Effect.fail(error)
      )
    )
  }

  private enqueueMany() {
    const payloads = Array.from({ length: 1 + this.random.below(15) }, () => this.payload())
    return Effect.map(this.operator.queue.enqueueMany(tasks[this.random.pick(taskNames)], payloads), (handles) =>
      handles.forEach((handle, i) => {
        this.remember(handle, payloads[i]!.does, {})
      })
    )
  }

  private cancel(job: Known) {
    return Effect.tap(Effect.exit(this.operator.queue.cancel(job.handle.id)), () =>
      Effect.sync(() => (job.mayBeCancelled = true))
    )
  }

  private retry(job: Known) {
    return Effect.ignore(
      Effect.map(this.operator.queue.retry(job.handle.id), () => {
        job.ends = 0
      })
    )
  }

  private remove(job: Known) {
    return Effect.ignore(
      Effect.map(this.operator.queue.remove(job.handle.id), () => {
        job.removed = true
        // Those that wait for it are told by their policy.
      })
    )
  }

  private pauseOrResume() {
    const { queue } = this.operator
    const group = this.random.chance(0.2) ? undefined : this.random.pick(groups)
    const name = group ?? "*"
    const change = this.pausedSince.has(name) ? queue.resume(group) : queue.pause(group)
    return Effect.flatMap(this.now, (now) =>
      Effect.map(change, () => {
        if (!this.pausedSince.delete(name)) this.pausedSince.set(name, now)
      })
    )
  }

  private setLimit() {
    const group = this.random.pick(groups)
    const limit = this.random.chance(0.2) ? null : 1 + this.random.below(6)
    return Effect.gen({ self: this }, function* () {
      const record = yield* this.operator.queue.setLimit(group, limit)
      this.allowed.set(group, Math.max(record.limit, yield* this.runningIn(group)))
    })
  }

  private cancelMany() {
    return Effect.map(this.operator.queue.cancelWhere({ tag: "tagged" }), () => {
      for (const job of this.known.values()) if (job.isTagged) job.mayBeCancelled = true
    })
  }

  private awaitOne(job: Known | undefined) {
    if (job === undefined) return Effect.void
    return Effect.map(Effect.forkScoped(Effect.exit(job.handle.await)), (fiber) => void this.waiters.push(fiber))
  }

  private freeze(member: Member) {
    return Effect.map(this.now, (now) => {
      if (member.node === undefined || member.frozenUntil !== undefined) return
      member.node.freeze()
      member.frozenUntil = now + this.random.below(20_000)
    })
  }

  private kill(member: Member) {
    return Effect.sync(() => {
      member.node?.kill()
      member.node = undefined
      member.frozenUntil = undefined
    })
  }

  private stop(member: Member) {
    const { node } = member
    if (node === undefined || member.frozenUntil !== undefined) return Effect.void
    member.node = undefined
    return Effect.forkScoped(node.stop)
  }

  private drain(member: Member) {
    const { node } = member
    if (node === undefined || member.frozenUntil !== undefined) return Effect.void
    member.node = undefined
    return Effect.gen({ self: this }, function* () {
      const { session } = yield* node.worker.status
      yield* this.operator.queue.drainWorker(session)
      yield* Effect.forkScoped(Effect.andThen(node.worker.awaitDrained, node.stop))
    })
  }

  // What must be true.

  private fault(message: string): never {
    throw new Error(`step ${this.step}: ${message}`)
  }

  private see(message: string): void {
    this.seen ??= `step ${this.step}: ${message}`
  }

  private runningIn(group: string) {
    return Effect.map(this.store.jobs.counters, (cells) =>
      cells
        .filter((cell) => cell.group === group && cell.state === "running")
        .reduce((sum, { count }) => sum + count, 0)
    )
  }

  private readonly checkLimits: Effect.Effect<void, StoreError> = Effect.suspend(() =>
    Effect.map(
      Effect.all([this.store.jobs.groups, Effect.forEach(groups, (group) => this.runningIn(group))]),
      ([records, counts]) => {
        groups.forEach((group, i) => {
          const limit = records.find(({ name }) => name === group)?.limit ?? Number.MAX_SAFE_INTEGER
          const most = Math.max(limit, this.allowed.get(group) ?? 0)
          if (counts[i]! > most) this.fault(`${counts[i]} jobs run in ${group}, at most ${most} may`)
          this.allowed.set(group, Math.max(limit, Math.min(most, counts[i]!)))
        })
      }
    )
  )

  /** No worker runs more jobs than its total. */
  private readonly checkTotals: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(
      this.members,
      ({ name, node, options: { totalSlots = Number.POSITIVE_INFINITY } }) =>
        node === undefined
          ? Effect.void
          : Effect.map(node.worker.status, ({ running }) => {
              if (running.length > totalSlots)
                this.fault(`${name} runs ${running.length} jobs, its total is ${totalSlots}`)
            }),
      { discard: true }
    )
  )

  private readonly all: Effect.Effect<ReadonlyArray<JobRecord>, StoreError> = Effect.gen({ self: this }, function* () {
    const all: Array<JobRecord> = []
    let cursor: JobId | undefined
    do {
      const page = yield* this.store.jobs.list(
        {},
        { limit: 1000, order: "oldest", ...(cursor === undefined ? {} : { cursor }) }
      )
      all.push(...page.jobs)
      cursor = page.next
    } while (cursor !== undefined)
    return all
  })

  /**
   * Counters equal a recount, keys are unique, nothing is lost, nothing is accepted twice, nothing starts in a pause.
   */
  private readonly check: Effect.Effect<void, StoreError> = Effect.gen({ self: this }, function* () {
    const jobs = yield* this.all
    const recount = new Map<string, number>()
    const keys = new Map<string, JobId>()
    for (const job of jobs) {
      const cell = `${job.group} ${job.task} ${job.state}`
      recount.set(cell, (recount.get(cell) ?? 0) + 1)
      if (job.attempt > job.maxAttempts)
        this.fault(`attempt ${job.attempt} of ${job.maxAttempts}: ${JSON.stringify(job)}`)
      if (!Job.liveStates.includes(job.state)) continue
      if (job.uniqueKey !== undefined && !isHeldByKey(job)) {
        const other = keys.get(job.uniqueKey)
        if (other !== undefined) this.fault(`two live jobs have key ${job.uniqueKey}: ${other} and ${job.id}`)
        keys.set(job.uniqueKey, job.id)
      }
      if (job.state !== "running") continue
      for (const name of [job.group, "*"]) {
        const since = this.pausedSince.get(name)
        if (since !== undefined && job.startedAt! > since + skewMostMs)
          this.fault(`started while ${name} was paused: ${JSON.stringify(job)}`)
      }
    }
    for (const { count, group, state, task } of yield* this.store.jobs.counters) {
      const cell = `${group} ${task} ${state}`
      if (recount.get(cell) !== count) this.fault(`counter ${cell} is ${count}, there are ${recount.get(cell) ?? 0}`)
      recount.delete(cell)
    }
    if (recount.size > 0) this.fault(`no counter for ${[...recount.keys()].join(", ")}`)
    const ids = new Set(jobs.map(({ id }) => id))
    for (const [id, { ends, removed }] of this.known) {
      if (!removed && !ids.has(id)) this.fault(`job ${id} is lost`)
      if (removed && ids.has(id)) this.fault(`job ${id} was removed and is there`)
      if (ends > 1) this.fault(`job ${id} was ended ${ends} times`)
    }
  })

  /** What a worker got comes before what it was not given. */
  private checkOrder(turn: Turn, result: TurnResult, { knows }: Member): void {
    if (result.jobs.length === 0) return
    for (const { group } of turn.claim) {
      const got = result.jobs.filter((job) => job.group === group)
      if (got.length === 0) continue
      const place = (job: { readonly due: number; readonly priority: number }) =>
        rank(job.due, job.priority, defaultAgeingStepMs)
      got.forEach((job, i) => {
        if (i > 0 && place(got[i - 1]!) > place(job)) this.see(`claimed out of order: ${JSON.stringify(got)}`)
      })
      const last = place(got.at(-1)!)
      const { jobs } = Effect.runSync(
        this.store.jobs.list({ groups: [group], states: ["pending"] }, { limit: 1000, order: "oldest" })
      )
      const passed = jobs.find(
        (job) =>
          (knows as ReadonlyArray<string>).includes(job.task) &&
          place(job) < last &&
          (job.expiresAt ?? turn.now + 1) > turn.now
      )
      if (passed !== undefined) this.see(`passed over ${JSON.stringify(passed)} for ${JSON.stringify(got.at(-1))}`)
    }
  }

  /** No more faults, all workers up, nothing paused: everything ends. */
  private readonly settle: Effect.Effect<void, unknown> = Effect.gen({ self: this }, function* () {
    this.faultRate = 0
    const { queue } = this.operator
    for (const name of [...this.pausedSince.keys()]) yield* queue.resume(name === "*" ? undefined : name)
    this.pausedSince.clear()
    for (const group of groups) yield* queue.setLimit(group, null)
    for (const member of this.members) {
      if (member.frozenUntil !== undefined) member.node?.thaw()
      member.frozenUntil = undefined
      if (member.node === undefined) yield* this.start(member)
      for (const group of groups) yield* member.node!.worker.setSlots(group, 5)
    }
    for (let minute = 0; (yield* this.store.jobs.status).live > 0; minute++) {
      if (minute > 20) {
        const { jobs } = yield* queue.list({ states: [...Job.liveStates] }, { limit: 3 })
        const reasons = yield* Effect.forEach(jobs, ({ id }) => queue.explain(id))
        this.fault(`stuck: ${JSON.stringify(jobs)} ${JSON.stringify(reasons)}`)
      }
      yield* TestClock.adjust("1 minute")
    }
    yield* TestClock.adjust("1 minute")
  })

  private readonly checkEnd: Effect.Effect<void, StoreError> = Effect.gen({ self: this }, function* () {
    yield* this.check
    for (const job of yield* this.all) {
      const known = this.known.get(job.id)
      if (known === undefined) this.fault(`a job nobody enqueued: ${JSON.stringify(job)}`)
      const runs = this.ledger.get(job.id) ?? []
      const { cause } = job.failure ?? {}
      switch (job.state) {
        case "completed":
          if (!runs.some(({ end }) => end === "done"))
            this.fault(`completed without a run that ended: ${JSON.stringify(job)}`)
          break
        case "cancelled":
          if (!known.mayBeCancelled && !known.hasParents && cause !== "Expired")
            this.fault(`cancelled by nobody: ${JSON.stringify(job)}`)
          break
        case "failed":
          if (known.does === "succeed" && cause !== "WorkerLost" && cause !== "ParentFailed")
            this.fault(`failed with ${cause}: ${JSON.stringify(job)}`)
          break
        default:
          this.fault(`${job.state} at the end: ${JSON.stringify(job)}`)
      }
    }
    if (this.seen !== undefined) this.fault(this.seen)
    for (const fiber of this.waiters)
      if (fiber.pollUnsafe() === undefined) this.fault("somebody still waits for a job that has ended")
    for (const { node } of this.members) {
      const { running } = yield* node!.worker.status
      assert.deepStrictEqual(running, [])
    }
  })
}

/** One that also waits for its parents shows that reason alone, so it may be held. */
const isHeldByKey = ({ waitReason }: JobRecord) => waitReason === "key" || waitReason === "parents"

/** A history that ends in a fault may do so while a process stops, which takes its time by the clock. */
const endStops = Effect.forkDetach(Effect.replicateEffect(TestClock.adjust("1 second"), 30, { discard: true }))

/**
 * One history. Fails with its seed. Answers what happened in it. `spoil` breaks the store, to see whether that is seen.
 */
export const simulate = (
  seed: number,
  steps: number,
  spoil: (store: Store) => Store = (store) => store
): Effect.Effect<string> =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 0, 5, 12))
    const simulation = new Simulation(seed, spoil(yield* sharedMemory))
    yield* simulation.run(steps).pipe(Effect.onError(() => endStops))
    return yield* simulation.summary
  }).pipe(
    Effect.scoped,
    // A clock of its own: processes that were killed in another history sleep on there.
    Effect.provide(TestClock.layer()),
    Effect.catchCause((cause) =>
      Effect.die(new Error(`Seed ${seed}, ${steps} steps (repeat with SEED=${seed}): ${cause}`, { cause }))
    )
  )
