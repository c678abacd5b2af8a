import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { type JobId, type JobRecord, liveStates } from "../../../src/services/Queue/Job.ts"
import type { ClaimedJob, EnqueueNote, NewJob, UniqueConflict } from "../../../src/services/Queue/Turn.ts"
import type { JobChange } from "../../../src/services/Queue/JobChange.ts"
import { noRankings, type Rankings } from "../../../src/services/Queue/policy/Order.ts"
import type { StoreError } from "../../../src/services/Queue/StoreError.ts"
import { SeededRandom, seeds } from "../SeededRandom.ts"
import { allPages } from "./Looking.ts"
import { failure, type JobSpec, leaseMs, type StoreDriver, type StoreTest, stepMs } from "./StoreDriver.ts"
import { type ModelJob, StoreModel } from "./StoreModel.ts"

const tasks = ["a", "b"]
const groups = ["x", "y"]
const conflicts: ReadonlyArray<UniqueConflict> = ["reject", "existing", "replace", "debounce", "keepLast"]
const steps = 300

const runs = new Map([
  ["a", { ms: 2000, share: 0.2 }],
  ["b", { ms: 10, share: 1 }]
])
/** Orders the groups change between. */
const allRankings: ReadonlyArray<Rankings> = [
  noRankings,
  {
    ...noRankings,
    groups: new Map([
      ["x", { order: "deadline", boundMs: 3000, runs }],
      ["y", { order: "shortest", boundMs: 2000, runs }]
    ])
  },
  {
    ...noRankings,
    groups: new Map([
      ["x", { order: "fifo", boundMs: 0, runs }],
      ["y", { order: "score", boundMs: 5000, runs }]
    ])
  }
]

/** One run: a store and the model side by side, told the same at random. */
class Run {
  readonly driver: StoreDriver
  readonly random: SeededRandom
  readonly model = new StoreModel()
  /** Claims as they were handed out, settled or not: their tokens are tried again later. */
  private claims: Array<{ readonly session: number; readonly job: ClaimedJob }> = []
  private payload = 0

  constructor(driver: StoreDriver, random: SeededRandom) {
    this.driver = driver
    this.random = random
  }

  step(): Effect.Effect<string, StoreError> {
    const { random } = this
    const [name, act] = random.pick<readonly [string, () => Effect.Effect<void, StoreError>]>([
      ...Array.from({ length: 5 }, () => ["enqueue", () => this.enqueue()] as const),
      ...Array.from({ length: 5 }, () => ["claim", () => this.claim()] as const),
      ...Array.from({ length: 7 }, () => ["settle", () => this.settle()] as const),
      ...Array.from({ length: 4 }, () => ["change", () => this.change()] as const),
      ...Array.from({ length: 4 }, () => ["time", () => this.time()] as const),
      ["join", () => this.join()],
      ["leave", () => this.leave()],
      ["control", () => this.control()],
      ["prune", () => this.prune()]
    ])
    return Effect.as(act(), name)
  }

  private anyId(): JobId {
    const { jobs } = this.model
    return jobs.length === 0 || this.random.chance(0.05) ? (99 as JobId) : this.random.pick(jobs.slice(-40)).id
  }

  private spec(): JobSpec {
    const { random } = this
    const windowed = random.chance(0.3)
    return {
      task: random.pick(tasks),
      group: random.pick(groups),
      priority: 1 + random.below(10),
      payload: this.payload++,
      maxAttempts: 1 + random.below(3),
      ...(random.chance(0.3) && { delay: random.below(5000) - 1000 }),
      ...(random.chance(0.15) && { expiresIn: 1 + random.below(8000) }),
      ...(random.chance(0.2) && { deadlineIn: random.below(6000) - 1000 }),
      ...(random.chance(0.25) && {
        after: [this.anyId(), this.anyId()],
        onParentFailure: random.pick(["cancel", "fail", "run"] as const)
      }),
      ...(random.chance(0.4) && {
        key: `${windowed ? "window" : "key"} ${random.below(3)}`,
        // What a window means for a held job is left open.
        onConflict: random.pick(windowed ? conflicts.slice(0, 3) : conflicts),
        windowMs: windowed ? 3000 : 0
      })
    }
  }

  enqueue(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      const now = yield* Clock.currentTimeMillis
      const jobs: ReadonlyArray<NewJob> = Array.from({ length: 1 + random.below(4) }, () =>
        driver.newJob(this.spec(), now)
      )
      const whole = random.chance(0.3)
      const before = model.jobs.map(({ id }) => id)
      const { ids, notes } = yield* driver.turn({ enqueue: jobs, batches: whole ? [jobs.length] : undefined })
      // Where the store refused, the model works with an id that can be no other.
      const given = ids.map((id, i) => (id === 0 ? -1 - i : id) as JobId)
      const expected: Array<EnqueueNote | undefined> = whole
        ? [...model.enqueue(jobs, given, now)]
        : jobs.flatMap((job, i) => model.enqueue([job], [given[i]!], now))
      expected.forEach((note, i) => {
        const answer = notes?.get(i)
        const sibling = note?._tag === "Duplicate" && whole && !before.includes(note.existing)
        assert.deepStrictEqual(sibling ? answer?._tag : answer, sibling ? "Duplicate" : note)
        const id = note === undefined ? given[i]! : note._tag === "Existing" || note._tag === "Replaced" ? note.id : 0
        assert.strictEqual(ids[i], id)
        if (note === undefined) assert.isTrue(id > 0 && !before.includes(id as JobId))
      })
    })
  }

  claim(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      const sessions = [...model.sessions.keys()]
      if (sessions.length === 0) return yield* this.join()
      const session = random.pick(sessions)
      const requests = [...groups]
        .reverse()
        .slice(random.below(2))
        .map((group) => ({ group, limit: random.below(5) }))
      const { jobs } = yield* driver.turn({ session, claim: requests })
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        requests.flatMap(({ group, limit }) => [...model.claim(session, group, limit)])
      )
      for (const job of jobs) this.claims.push({ session, job })
      for (const [group, limit] of model.limits) {
        if (jobs.some((job) => job.group === group)) assert.isAtMost(model.running(group), limit)
      }
    })
  }

  settle(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      if (this.claims.length === 0) return
      const { job, session } = random.pick(this.claims.slice(-12))
      const now = yield* Clock.currentTimeMillis
      const due = now + (random.chance(0.5) ? 0 : random.below(3000))
      const settle = {
        id: job.id,
        attempt: random.chance(0.05) ? job.attempt + 1 : job.attempt,
        outcome: random.pick(["completed", "completed", "failed", "cancelled", "retry", "release"] as const),
        result: driver.encode("done"),
        failure: failure(),
        due,
        rank: due + job.priority * stepMs,
        runMs: 1
      }
      const by = random.chance(0.05) ? session + 1 : session
      const { lost } = yield* driver.turn({ session: by, settle: [settle] })
      assert.strictEqual(lost === undefined, model.settle(by, settle, now))
    })
  }

  change(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      const now = yield* Clock.currentTimeMillis
      const id = this.anyId()
      const rankings = random.pick(allRankings)
      const change = random.pick<JobChange>([
        { _tag: "Cancel", reason: "stop" },
        { _tag: "Retry", rankings },
        { _tag: "Rank", rankings },
        { _tag: "Remove" },
        {
          _tag: "Edit",
          rankings,
          ...(random.chance(0.5) && { payload: driver.encode(this.payload++) }),
          ...(random.chance(0.5) && { priority: 1 + random.below(10) }),
          ...(random.chance(0.5) && { due: now + random.below(4000) - 1000 }),
          ...(random.chance(0.3) && { deadline: now + random.below(4000) - 1000 })
        }
      ])
      // What a window means for a retried job is left open.
      if (change._tag === "Retry" && (model.job(id)?.new.unique?.windowMs ?? 0) > 0) return
      const state = model.job(id)?.state
      const { changed, refused } = yield* driver.change({ ids: [id] }, change)
      if (model.change(id, change, now)) assert.deepStrictEqual([changed, refused], [[id], []])
      else assert.deepStrictEqual([changed, refused], [[], [{ id, state }]])
    })
  }

  time(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      yield* TestClock.adjust(random.chance(0.1) ? leaseMs + 1 : random.below(1500))
      const now = yield* Clock.currentTimeMillis
      // Also one whose lease has run out: nobody has swept it yet.
      for (const [session, { tasks }] of model.sessions) {
        if (random.chance(0.7)) {
          assert.isTrue(yield* driver.beat(session, tasks))
          model.sessions.get(session)!.leaseUntil = now + leaseMs
        }
      }
      yield* driver.sweep(1000)
      yield* driver.turn({})
      model.pass(now)
    })
  }

  join(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      if (model.sessions.size > 3) return
      const handled = random.pick([tasks, tasks, ["a"]])
      const session = yield* driver.join(handled)
      model.sessions.set(session, {
        tasks: handled,
        leaseUntil: (yield* Clock.currentTimeMillis) + leaseMs,
        draining: false
      })
    })
  }

  private leave(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      const sessions = [...model.sessions.keys()]
      if (sessions.length === 0) return
      const session = random.pick(sessions)
      if (random.chance(0.3)) {
        assert.isTrue(yield* driver.store.drain(session))
        model.sessions.get(session)!.draining = true
      } else {
        yield* driver.leave(session)
        model.leave(session, yield* Clock.currentTimeMillis)
      }
    })
  }

  private control(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      if (random.chance(0.2)) {
        model.isPaused = !model.isPaused
        return yield* driver.store.setPaused(model.isPaused)
      }
      const group = random.pick(groups)
      const paused = random.chance(0.3)
      const limit = 1 + random.below(6)
      yield* driver.store.setGroup(group, { paused, limit })
      model.limits.set(group, limit)
      if (paused) model.pausedGroups.add(group)
      else model.pausedGroups.delete(group)
    })
  }

  private prune(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model } = this
      const now = yield* Clock.currentTimeMillis
      const retention = { ageMs: 20_000, count: 1_000_000 }
      const policy = { completed: retention, failed: retention, cancelled: retention }
      assert.strictEqual(yield* driver.store.prune(policy, { now, limit: 1_000_000 }), model.prune(20_000, now))
    })
  }

  /** Job by job, and what must hold of them together. */
  compare(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model } = this
      const jobs = yield* allPages(driver, {}, "oldest", 500)
      assert.deepStrictEqual(
        jobs.map((job) => seen(driver, job)),
        model.jobs.map((job) => expected(driver, model, job))
      )

      const holders = jobs
        .filter(
          ({ state, uniqueKey, waitReason }) =>
            uniqueKey !== undefined && liveStates.includes(state) && waitReason !== "key"
        )
        .map(({ uniqueKey }) => uniqueKey)
      assert.strictEqual(new Set(holders).size, holders.length, "one live job per unique key")

      const counters = yield* driver.store.counters
      assert.isTrue(counters.every(({ count }) => count > 0))
      assert.strictEqual(
        counters.reduce((sum, { count }) => sum + count, 0),
        jobs.length
      )
      for (const { count, group, state, task } of counters) {
        assert.strictEqual(
          jobs.filter((job) => job.group === group && job.state === state && job.task === task).length,
          count
        )
      }
    })
  }
}

const seen = (driver: StoreDriver, job: JobRecord) => ({
  id: job.id,
  task: job.task,
  group: job.group,
  state: job.state,
  waitReason: job.waitReason,
  priority: job.priority,
  due: job.due,
  rank: liveStates.includes(job.state) ? job.rank : undefined,
  deadline: job.extra?.deadline,
  attempt: job.attempt,
  session: job.session,
  payload: driver.decode(job.payload),
  waitingFor: [...job.waitingFor].sort((a, b) => a - b),
  finishedAt: job.finishedAt
})

const expected = (driver: StoreDriver, model: StoreModel, job: ModelJob): ReturnType<typeof seen> => ({
  id: job.id,
  task: job.new.task,
  group: job.new.group,
  state: job.state,
  waitReason: model.waitReason(job),
  priority: job.priority,
  due: job.due,
  rank: liveStates.includes(job.state) ? job.rank : undefined,
  deadline: job.new.extra?.deadline,
  attempt: job.attempt,
  session: job.session,
  payload: driver.decode(job.payload),
  waitingFor: [...job.parents].sort((a, b) => a - b),
  finishedAt: job.finishedAt
})

export const clauses = (test: StoreTest): void => {
  for (const seed of seeds(10)) {
    test(
      `does what the model does, ${steps} random steps long (seed ${seed}, repeat with SLUICE_SEED=${seed})`,
      (driver) =>
        Effect.gen(function* () {
          const run = new Run(driver, new SeededRandom(seed))
          yield* run.join()
          const done: Array<string> = []
          for (let step = 0; step < steps; step++) {
            yield* Effect.gen(function* () {
              done.push(yield* run.step())
              yield* run.compare()
            }).pipe(
              Effect.catchDefect((defect) =>
                Effect.die(
                  new Error(`seed ${seed}, step ${step}, after ${done.slice(-5).join(", ")}`, { cause: defect })
                )
              )
            )
          }
        }),
      { timeoutMs: 120_000 }
    )
  }
}
