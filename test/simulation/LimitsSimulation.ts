/**
 * Eight workers, a thousand keys, one of which has nine tenths of the backlog; workers are killed and limits change
 * meanwhile. What starts is held against what the policies allow, counted here and not by the store.
 */
import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { GroupPolicy } from "../../src/services/Limits/GroupPolicy.ts"
import { burstOf } from "../../src/services/Limits/policy/Rates.ts"
import type { JobId } from "../../src/services/Queue/Job.ts"
import type { ClaimedJob, Settle } from "../../src/services/Store/Turn.ts"
import { SeededRandom } from "../support/SeededRandom.ts"
import { load, type StoreDriver, stepMs } from "../support/store/StoreDriver.ts"

const keys = 1_000
const workers = 8
const slots = 40
const rate = { limit: 2, perMs: 1_000, burst: 2 }
const backlog = 3
/** A killed worker is found out after this time. */
const leaseMs = 2_000
/** `hog` has nine tenths of the jobs. */
const kinds = ["plain", "fifo", "rated", "bounded"] as const

const policyWith = (hog: number): GroupPolicy => ({
  keys: [
    { keys: "hog", policy: { concurrency: hog } },
    { keys: "plain-*", policy: { concurrency: 2 } },
    { keys: "fifo-*", policy: { order: "fifo" } },
    { keys: "rated-*", policy: { rate } },
    { keys: "bounded-*", policy: { concurrency: 1, backlog } }
  ]
})

interface Held {
  readonly job: ClaimedJob
  readonly doneAt: number
}

interface Worker {
  session: number
  held: Array<Held>
  /** It was killed then: nobody has noticed yet. */
  deadAt: number | undefined
}

class LimitsSimulation {
  readonly driver: StoreDriver
  readonly random: SeededRandom
  private workers: Array<Worker> = []
  private hog = 4
  /** Of each key: slots that the store counts as running, waiting jobs, starts, ids in order of enqueue. */
  private readonly running = new Map<string, Set<JobId>>()
  private readonly waiting = new Map<string, number>()
  private readonly starts = new Map<string, Array<number>>()
  private readonly line = new Map<string, Array<JobId>>()
  private readonly left = new Set<JobId>()
  started = 0
  mostHog = 0

  constructor(driver: StoreDriver, seed: number) {
    this.driver = driver
    this.random = new SeededRandom(seed)
  }

  private of<A>(map: Map<string, A>, key: string, none: () => A): A {
    const known = map.get(key) ?? none()
    map.set(key, known)
    return known
  }

  private limitOf(key: string): number {
    if (key === "hog") return this.hog
    const [kind] = key.split("-")
    return kind === "plain" ? 2 : kind === "fifo" || kind === "bounded" ? 1 : slots
  }

  private anyKey(): string {
    const { random } = this
    if (random.chance(0.9)) return "hog"
    // Of each kind one key is asked for again and again, so that its limit binds.
    return `${random.pick(kinds)}-${random.chance(0.5) ? 0 : random.below(keys / kinds.length)}`
  }

  enqueue(count: number) {
    return Effect.gen({ self: this }, function* () {
      const { random } = this
      const names = Array.from({ length: count }, () => this.anyKey())
      const { ids, notes } = yield* this.driver.enqueue(
        names.map((partitionKey) => ({ partitionKey, priority: 1 + random.below(10), maxAttempts: 100 }))
      )
      names.forEach((key, i) => {
        const waits = this.of(this.waiting, key, () => 0)
        const isFull = key.startsWith("bounded-") && waits >= backlog
        assert.strictEqual(notes?.get(i)?._tag, isFull ? "Overloaded" : undefined, `${key}, where ${waits} wait`)
        if (isFull) return
        this.waiting.set(key, waits + 1)
        this.left.add(ids[i]!)
        this.of(this.line, key, () => []).push(ids[i]!)
      })
    })
  }

  private starting(job: ClaimedJob, now: number): void {
    const key = job.partitionKey!
    const running = this.of(this.running, key, () => new Set())
    running.add(job.id)
    assert.isAtMost(running.size, this.limitOf(key), `${key} at ${now}`)
    if (key === "hog") this.mostHog = Math.max(this.mostHog, running.size)
    this.waiting.set(key, this.waiting.get(key)! - 1)
    this.started++
    if (key.startsWith("fifo-")) assert.strictEqual(job.id, this.line.get(key)![0], `${key} starts in its order`)
    if (key.startsWith("rated-")) {
      const starts = this.of(this.starts, key, () => [])
      starts.push(now)
      for (const windowMs of [500, 1_000, 5_000]) {
        const most = (rate.limit * windowMs) / rate.perMs + burstOf(rate) + 1
        assert.isAtMost(starts.filter((at) => at > now - windowMs).length, most, `${key} in ${windowMs} ms`)
      }
    }
  }

  private ending({ job }: Held, outcome: Settle["outcome"], now: number): Settle {
    const key = job.partitionKey!
    this.running.get(key)!.delete(job.id)
    if (outcome === "completed") {
      this.left.delete(job.id)
      const line = this.line.get(key)!
      line.splice(line.indexOf(job.id), 1)
    } else this.waiting.set(key, this.waiting.get(key)! + 1)
    const due = now + (outcome === "retry" ? 50 + this.random.below(200) : 0)
    return {
      id: job.id,
      attempt: job.attempt,
      outcome,
      result: undefined,
      failure: undefined,
      due,
      rank: due + job.priority * stepMs,
      runMs: 1
    }
  }

  private work(worker: Worker) {
    return Effect.gen({ self: this }, function* () {
      const { driver, random } = this
      const now = yield* Clock.currentTimeMillis
      const done = worker.held.filter(({ doneAt }) => doneAt <= now)
      worker.held = worker.held.filter(({ doneAt }) => doneAt > now)
      const settle = done.map((held) => this.ending(held, random.chance(0.1) ? "retry" : "completed", now))
      const limit = 10 - worker.held.length
      const { fenced, jobs, lost } = yield* driver.turn({
        session: worker.session,
        settle,
        claim: [{ group: "group", limit }]
      })
      assert.deepStrictEqual([fenced, lost], [false, undefined])
      for (const job of jobs) {
        this.starting(job, now)
        worker.held.push({ job, doneAt: now + 1 + random.below(60) })
      }
    })
  }

  private join(now: number) {
    return this.driver.store.workers.join(
      { name: "worker", host: "host", pid: 1, version: "1.0.0", slots: { group: 10 }, tasks: ["task"] },
      { now, leaseMs }
    )
  }

  private beat(session: number, now: number) {
    return this.driver.store.workers.beat(session, {
      now,
      leaseMs,
      mayBlockMs: leaseMs,
      tasks: ["task"],
      slots: { group: 10 },
      load
    })
  }

  /** Who was killed long enough ago is found out, and its jobs wait again. */
  private sweep() {
    return Effect.gen({ self: this }, function* () {
      const now = yield* Clock.currentTimeMillis
      for (const { deadAt, session } of this.workers) if (deadAt === undefined) yield* this.beat(session, now)
      yield* this.driver.sweep(10_000)
      for (const worker of this.workers) {
        if (worker.deadAt === undefined || now - worker.deadAt < leaseMs) continue
        for (const held of worker.held) this.ending(held, "release", now)
        Object.assign(worker, { session: yield* this.join(now), held: [], deadAt: undefined })
      }
      assert.strictEqual(yield* this.driver.store.jobs.repairKeys(now), 0)
    })
  }

  private step(kills: boolean) {
    return Effect.gen({ self: this }, function* () {
      const { random } = this
      yield* TestClock.adjust(random.below(30))
      const now = yield* Clock.currentTimeMillis
      if (kills && random.chance(0.01)) random.pick(this.workers).deadAt ??= now
      if (kills && random.chance(0.02)) {
        // What runs beyond a lowered limit goes on; nothing starts until it is below.
        this.hog = 1 + random.below(8)
        yield* this.driver.store.jobs.setGroup("group", { policy: policyWith(this.hog) })
      }
      for (const worker of this.workers) if (worker.deadAt === undefined && random.chance(0.7)) yield* this.work(worker)
      if (random.chance(0.05)) yield* this.sweep()
    })
  }

  run(jobs: number) {
    return Effect.gen({ self: this }, function* () {
      const { random, store } = { random: this.random, store: this.driver.store }
      yield* store.jobs.declareGroups([{ name: "group", limit: slots, policy: policyWith(this.hog) }])
      for (let i = 0; i < workers; i++)
        this.workers.push({ session: yield* this.join(yield* Clock.currentTimeMillis), held: [], deadAt: undefined })
      for (let stored = 0; stored < jobs / 2; stored += 50) yield* this.enqueue(50)
      for (let stored = 0; stored < jobs / 2; ) {
        if (random.chance(0.3)) {
          const count = 1 + random.below(20)
          yield* this.enqueue(count)
          stored += count
        }
        yield* this.step(true)
      }
      // Nothing stands still: what is left is worked off.
      this.hog = 8
      yield* store.jobs.setGroup("group", { policy: policyWith(this.hog) })
      for (let i = 0; this.left.size > 0; i++) {
        assert.isBelow(i, 2 * jobs, `${this.left.size} jobs are left`)
        yield* this.step(false)
      }
      yield* TestClock.adjust(60_000)
      yield* this.sweep()
      assert.deepStrictEqual(yield* store.jobs.limitKeys({}, 10), [])
      assert.isAtLeast(this.mostHog, 2)
    })
  }
}

/** Throws where a limit does not hold. Answers how many attempts started. */
export const simulate = (driver: StoreDriver, seed: number, jobs: number) =>
  Effect.suspend(() => {
    const simulation = new LimitsSimulation(driver, seed)
    return Effect.map(simulation.run(jobs), () => simulation.started)
  })
