import { isDeepStrictEqual } from "node:util"
import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  finishedStates,
  type JobExtra,
  type JobId,
  type JobRecord,
  liveStates
} from "../../../src/services/Queue/Job.ts"
import type { ClaimedJob, ClaimRequest, EnqueueNote, NewJob, UniqueConflict } from "../../../src/services/Store/Turn.ts"
import type { JobChange } from "../../../src/services/Store/JobChange.ts"
import { noRankings, type Rankings } from "../../../src/services/Queue/policy/Order.ts"
import type { RollUp } from "../../../src/services/Store/RollUp.ts"
import type { StoreError } from "../../../src/services/Store/StoreError.ts"
import type { GroupPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import type { KeyRecord } from "../../../src/services/Store/KeyRecord.ts"
import { SeededRandom, seeds } from "../SeededRandom.ts"
import { allPages } from "./Looking.ts"
import { failure, type JobSpec, leaseMs, type StoreDriver, type StoreTest, stepMs } from "./StoreDriver.ts"
import { type ModelFigures, type ModelJob, StoreModel } from "./StoreModel.ts"

const tasks = ["a", "b"]
const groups = ["x", "y"]
const conflicts: ReadonlyArray<UniqueConflict> = ["reject", "existing", "replace", "debounce", "keepLast"]

const runTimes = new Map([
  ["a", { ms: 2000, share: 0.2 }],
  ["b", { ms: 10, share: 1 }]
])
/** Orders the groups change between. */
const allRankings: ReadonlyArray<Rankings> = [
  noRankings,
  {
    ...noRankings,
    groups: new Map([
      ["x", { order: "deadline", boundMs: 3000, runs: runTimes }],
      ["y", { order: "shortest", boundMs: 2000, runs: runTimes }]
    ])
  },
  {
    ...noRankings,
    groups: new Map([
      ["x", { order: "fifo", boundMs: 0, runs: runTimes }],
      ["y", { order: "score", boundMs: 5000, runs: runTimes }]
    ])
  }
]

const partitionKeys = ["p0", "p1", "p2"]

/** Policies the groups change between. */
const policies: ReadonlyArray<GroupPolicy> = [
  {},
  { keys: [{ keys: "p*", policy: { concurrency: 1 } }] },
  {
    keys: [
      { keys: "p0", policy: { concurrency: 2, order: "fifo" } },
      { keys: "*", policy: { order: "fifo", holds: false } }
    ]
  },
  { fair: true },
  { fair: true, keys: [{ keys: "p1", policy: { weight: 3, concurrency: 2 } }] },
  { fair: true, keys: [{ keys: "p2", policy: { order: "fifo" } }] },
  { rate: { limit: 3, perMs: 1_000, burst: 2 } },
  { keys: [{ keys: "p*", policy: { rate: { limit: 2, perMs: 1_000, burst: 2 } } }] },
  { fair: true, keys: [{ keys: "p*", policy: { rate: { limit: 5, perMs: 1_000 }, order: "fifo" } }] },
  {
    keys: [
      { keys: "p0", policy: { concurrency: 1, conflict: "cancelNewest" } },
      { keys: "p1", policy: { concurrency: 2, conflict: "cancelRunning" } },
      { keys: "p2", policy: { rate: { limit: 1, perMs: 700 }, conflict: "cancelNewest" } }
    ]
  },
  { backlog: 12, keys: [{ keys: "*", policy: { backlog: 4, concurrency: 2 } }] },
  { rate: { limit: 8, perMs: 1_000 }, adaptive: true },
  { breaker: { share: 0.4, least: 3, windowMs: 5_000, openMs: 700, probes: 2 } },
  {
    adaptive: true,
    keys: [
      { keys: "p0", policy: { adaptive: true, rate: { limit: 4, perMs: 1_000 }, concurrency: 3 } },
      { keys: "p1", policy: { breaker: { share: 0.3, least: 2, windowMs: 5_000, openMs: 500 } } },
      { keys: "p2", policy: { concurrency: 2 } }
    ]
  },
  {
    tiers: { slow: { rate: { limit: 1, perMs: 700 } } },
    keys: [{ keys: "p*", tier: "slow", policy: { concurrency: 2 } }]
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
      ["limit", () => this.limit()],
      ["units", () => this.units()],
      ["repair", () => this.repair()],
      ["report", () => this.report()],
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
    const extra: JobExtra = {
      ...(random.chance(0.15) && { slots: 1 + random.below(3), cost: random.pick([0.5, 1, 3]) }),
      ...(random.chance(0.25) && this.retention())
    }
    return {
      task: random.pick(tasks),
      group: random.pick(groups),
      priority: 1 + random.below(10),
      ...(this.random.chance(0.2) && { version: this.random.below(3) }),
      payload: this.payload++,
      maxAttempts: 1 + random.below(3),
      ...(random.chance(0.7) && { partitionKey: random.pick(partitionKeys) }),
      ...(random.chance(0.3) && { delay: random.below(5000) - 1000 }),
      ...(random.chance(0.15) && { expiresIn: 1 + random.below(8000) }),
      ...(random.chance(0.2) && { deadlineIn: random.below(6000) - 1000 }),
      ...(random.chance(0.25) && {
        after: [this.anyId(), this.anyId()],
        onParentFailure: random.pick(["cancel", "fail", "run"] as const)
      }),
      ...(random.chance(0.4) && {
        key: `${windowed ? "window" : "key"} ${random.below(3)}`,
        onConflict: random.pick(conflicts),
        windowMs: windowed ? 3000 : 0,
        ...(random.chance(0.5) && { maxDelayMs: random.below(6000) })
      }),
      ...(Object.keys(extra).length > 0 && { extra })
    }
  }

  /**
   * Now and then with a holder. Then with an age for each state: one that goes by the store's may stay for a while
   * after its holder.
   */
  private retention(): Pick<JobExtra, "retention" | "holder"> {
    const { random } = this
    const isHeld = random.chance(0.2)
    const retention = Object.fromEntries(
      finishedStates
        .filter(() => isHeld || random.chance(0.6))
        .map((state) => [
          state,
          {
            ...((isHeld || random.chance(0.7)) && { ageMs: random.pick([0, 0, 500, 4000, 60_000]) }),
            ...(random.chance(0.4) && { count: 1 + random.below(4) })
          }
        ])
    )
    return isHeld ? { retention, holder: this.anyId() } : { retention }
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
      // Now and then the worker that stores jobs asks for work in the same turn.
      const session = random.chance(0.3) ? this.anySession() : undefined
      const requests = session === undefined ? [] : this.requests()
      const {
        ended,
        ids,
        jobs: claimed,
        notes
      } = yield* driver.turn({
        enqueue: jobs,
        batches: whole ? [jobs.length] : undefined,
        ...(session !== undefined && { session, claim: requests })
      })
      // Where the store refused, the model works with an id that can be no other.
      const given = ids.map((id, i) => (id === 0 ? -1 - i : id) as JobId)
      const expected: Array<EnqueueNote | undefined> = whole
        ? [...model.enqueue(jobs, given, now)]
        : jobs.flatMap((job, i) => model.enqueue([job], [given[i]!], now))
      expected.forEach((note, i) => {
        const answer = notes?.get(i)
        const sibling = note?._tag === "Duplicate" && whole && !before.includes(note.existing)
        const told = answer?._tag === "Overloaded" ? { ...answer, retryAfterMs: 0 } : answer
        assert.deepStrictEqual(sibling ? answer?._tag : told, sibling ? "Duplicate" : note)
        const id = note === undefined ? given[i]! : note._tag === "Existing" || note._tag === "Replaced" ? note.id : 0
        assert.strictEqual(ids[i], id)
        if (note === undefined) assert.isTrue(id > 0 && !before.includes(id as JobId))
      })
      if (session !== undefined) this.compareClaims(session, requests, claimed, now)
      this.compareEnded(ended, new Set())
    })
  }

  private anySession(): number | undefined {
    const sessions = [...this.model.sessions.keys()]
    return sessions.length === 0 ? undefined : this.random.pick(sessions)
  }

  private requests(): ReadonlyArray<ClaimRequest> {
    const { random } = this
    return [...groups]
      .reverse()
      .slice(random.below(2))
      .map((group) => ({ group, limit: random.below(5) }))
  }

  /** The model claims what the store has been asked for: the same jobs must come, as they are now. */
  private compareClaims(
    session: number,
    requests: ReadonlyArray<ClaimRequest>,
    claimed: ReadonlyArray<ClaimedJob>,
    now: number
  ): void {
    const { driver, model } = this
    const expectedJobs = requests.flatMap(({ group, limit }) => [...model.claim(session, group, limit, now)])
    model.tell(now)
    assert.deepStrictEqual(
      claimed.map((job) => ({ ...job, payload: driver.decode(job.payload), deadline: job.extra?.deadline, extra: 0 })),
      expectedJobs.map((job) => ({
        id: job.id,
        task: job.new.task,
        group: job.new.group,
        priority: job.priority,
        due: job.due,
        attempt: job.attempt,
        maxAttempts: job.new.maxAttempts,
        version: job.version,
        payload: driver.decode(job.payload),
        partitionKey: job.new.partitionKey,
        expiresAt: job.expiresAt,
        extra: 0,
        lost: job.lost,
        deadline: job.new.extra?.deadline
      }))
    )
    for (const job of claimed) this.claims.push({ session, job })
    for (const group of groups) {
      if (claimed.some((job) => job.group === group && (job.extra?.slots ?? 1) === 1))
        assert.isAtMost(model.running(group), model.limits.group(group).limit)
    }
  }

  /** What has ended in a turn is named by its answer, or was settled in it. */
  private compareEnded(ended: ReadonlyArray<JobId> | undefined, settled: ReadonlySet<JobId>): void {
    const named = new Set(ended)
    assert.deepStrictEqual(
      this.model.takeEnded().filter((id) => !named.has(id) && !settled.has(id)),
      []
    )
  }

  claim(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver } = this
      const session = this.anySession()
      if (session === undefined) return yield* this.join()
      const requests = this.requests()
      const now = yield* Clock.currentTimeMillis
      const { ended, jobs } = yield* driver.turn({ session, claim: requests })
      this.compareClaims(session, requests, jobs, now)
      this.compareEnded(ended, new Set())
    })
  }

  settle(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      if (this.claims.length === 0) return
      const { job, session } = random.pick(this.claims.slice(-12))
      const now = yield* Clock.currentTimeMillis
      const due = now + (random.chance(0.5) ? 0 : random.below(3000))
      const attempt = random.chance(0.05) ? job.attempt + 1 : job.attempt
      const settle = {
        id: job.id,
        attempt,
        outcome: random.pick(["completed", "completed", "failed", "cancelled", "retry", "release"] as const),
        result: driver.encode("done"),
        failure: random.chance(0.2) ? undefined : failure(`no luck ${this.payload}`, attempt),
        due,
        rank: due + job.priority * stepMs,
        runMs: random.below(5000),
        ...(random.chance(0.1) && { heldBackUntil: now + random.below(2000) })
      }
      const by = random.chance(0.05) ? session + 1 : session
      const { ended, lost } = yield* driver.turn({ session: by, settle: [settle] })
      const isAccepted = model.settle(by, settle, now)
      assert.strictEqual(lost === undefined, isAccepted)
      const isAsSaid = isAccepted && model.endedAs(job.id) === settle.outcome
      this.compareEnded(ended, new Set(isAsSaid ? [job.id] : []))
    })
  }

  private report(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      if (this.claims.length === 0) return
      const { job, session } = random.pick(this.claims.slice(-12))
      const value = driver.encode(this.payload++)
      yield* driver.turn({ session, progress: [{ id: job.id, attempt: job.attempt, value }] })
      model.note(session, job.id, job.attempt, value)
    })
  }

  change(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      const now = yield* Clock.currentTimeMillis
      const ids = [...new Set(Array.from({ length: 1 + random.below(3) }, () => this.anyId()))].sort((a, b) => a - b)
      const rankings = random.pick(allRankings)
      const change = random.pick<JobChange>([
        { _tag: "Cancel", reason: `stop ${this.payload}` },
        { _tag: "Retry", ...(random.chance(0.8) && { rankings }) },
        { _tag: "Rank", rankings },
        { _tag: "Remove" },
        {
          _tag: "Edit",
          rankings,
          ...(random.chance(0.5) && { payload: driver.encode(this.payload++) }),
          ...(random.chance(0.5) && { priority: 1 + random.below(10) }),
          ...(random.chance(0.5) && { due: now + random.below(4000) - 1000 }),
          ...(random.chance(0.3) && { deadline: now + random.below(4000) - 1000 }),
          ...(random.chance(0.3) && { group: random.pick(groups) }),
          ...(random.chance(0.3) && { tags: random.pick([[], ["red"], ["red", "blue"]]) })
        }
      ])
      const { changed, refused } = yield* driver.change({ ids }, change)
      const made = model.change(ids, change, now)
      assert.deepStrictEqual(
        [...changed],
        ids.filter((_, i) => made[i]!.isMade)
      )
      assert.deepStrictEqual(
        [...refused].sort((a, b) => a.id - b.id),
        ids.flatMap((id, i) => (made[i]!.isMade ? [] : [{ id, state: made[i]!.state }]))
      )
      model.takeEnded()
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
      // The sweeper has its own time: a claim may meet a job that has expired.
      if (random.chance(0.7)) {
        yield* driver.sweep(1000)
        model.sweep(now)
      }
      yield* driver.turn({})
      model.promote(now)
      model.takeEnded()
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
        assert.isTrue(yield* driver.store.workers.drain(session))
        model.sessions.get(session)!.draining = true
      } else {
        yield* driver.leave(session)
        model.leave(session, yield* Clock.currentTimeMillis)
        model.takeEnded()
      }
    })
  }

  private control(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      if (random.chance(0.2)) {
        model.isPaused = !model.isPaused
        return yield* driver.store.jobs.setPaused(model.isPaused)
      }
      const group = random.pick(groups)
      const paused = random.chance(0.3)
      const limit = 1 + random.below(6)
      yield* driver.store.jobs.setGroup(group, { paused, limit })
      const now = yield* Clock.currentTimeMillis
      model.limits.change(group, now, (changed) => {
        changed.limit = limit
      })
      if (paused) model.pausedGroups.add(group)
      else model.pausedGroups.delete(group)
    })
  }

  /** What limits a group or a key becomes another. */
  private limit(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      const now = yield* Clock.currentTimeMillis
      const group = random.pick(groups)
      if (random.chance(0.6)) {
        const policy = random.chance(0.2) ? null : random.pick(policies)
        yield* driver.store.jobs.setGroup(group, { policy })
        model.limits.change(group, now, (changed) => {
          changed.operator = policy ?? undefined
        })
        return
      }
      const key = random.pick(partitionKeys)
      const settings = {
        ...(random.chance(0.6) && {
          policy: random.pick([null, { concurrency: 3 }, { rate: { limit: 4, perMs: 1_000 } }, { weight: 2 }])
        }),
        ...(random.chance(0.6) && { paused: random.chance(0.4) })
      }
      const record = yield* driver.store.jobs.setKey(group, key, settings)
      model.limits.change(group, now, ({ own }) => {
        const before = own.get(key)
        const policy = settings.policy === undefined ? before?.policy : (settings.policy ?? undefined)
        const paused = settings.paused ?? before?.paused ?? false
        if (policy === undefined && !paused) own.delete(key)
        else own.set(key, { policy, paused })
      })
      const own = model.limits.group(group).own.get(key)
      assert.deepStrictEqual([record.ownPolicy, record.paused], [own?.policy, own?.paused === true])
    })
  }

  private units(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model, random } = this
      const now = yield* Clock.currentTimeMillis
      const group = random.pick(groups)
      const cost = random.pick([0.5, 1, 2])
      const key = random.chance(0.5) ? random.pick(partitionKeys) : undefined
      assert.deepStrictEqual(
        yield* driver.store.jobs.takeUnits({ group, cost, now, ...(key !== undefined && { key }) }),
        model.limits.takeUnits(group, key, cost, model.isPaused || model.pausedGroups.has(group), now)
      )
    })
  }

  private repair(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      assert.strictEqual(yield* this.driver.store.jobs.repairKeys(yield* Clock.currentTimeMillis), 0)
      this.model.limits.repair()
    })
  }

  private prune(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model } = this
      const now = yield* Clock.currentTimeMillis
      const retention = { ageMs: 20_000, count: 1_000_000 }
      const policy = { completed: retention, failed: retention, cancelled: retention }
      assert.strictEqual(yield* driver.store.jobs.prune(policy, { now, limit: 1_000_000 }), model.prune(20_000, now))
    })
  }

  /** Job by job, and what must hold of them together. */
  compare(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { driver, model } = this
      const jobs = yield* allPages(driver, {}, "oldest", 500)
      const found = jobs.map((job) => seen(driver, job))
      const wanted = model.jobs.map((job) => expected(driver, model, job))
      assert.deepStrictEqual(
        found.map(({ id }) => id),
        wanted.map(({ id }) => id)
      )
      for (let i = 0; i < found.length; i++)
        if (!isDeepStrictEqual(found[i], wanted[i])) assert.deepEqual(found[i], wanted[i])

      const holders = jobs
        .filter(
          ({ id, state, uniqueKey }) => uniqueKey !== undefined && liveStates.includes(state) && !model.job(id)!.held
        )
        .map(({ uniqueKey }) => uniqueKey)
      assert.strictEqual(new Set(holders).size, holders.length, "one live job per unique key")

      const counters = yield* driver.store.jobs.counters
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

      const now = yield* Clock.currentTimeMillis
      const keys = yield* driver.store.jobs.limitKeys({}, 1_000)
      assert.deepStrictEqual(keys.map((key) => seenKey(key, now)).filter(speaks), model.limits.records(now))
      for (const { busy, name } of yield* driver.store.jobs.groups) assert.strictEqual(busy, model.running(name))

      const rollUps = yield* driver.store.rollUps.jobs({ width: 3_600_000, from: 0, to: 2 ** 52 })
      assert.deepStrictEqual([...sums(rollUps)], [...figuresOf(model)])
    })
  }
}

/** By group and task, in the order of their names; those without events apart. */
type Figures = ReadonlyMap<string, ModelFigures>

const sums = (rollUps: ReadonlyArray<RollUp>): Figures => {
  const found = new Map<string, ModelFigures>()
  for (const { group, run, start: _, task, wait, width: __, ...counters } of rollUps) {
    const figures = { ...counters, waits: wait.count, waitMs: wait.sum, runs: run.count, runMs: run.sum }
    const before = found.get(`${group} ${task}`)
    found.set(
      `${group} ${task}`,
      before === undefined
        ? figures
        : (Object.fromEntries(
            Object.entries(before).map(([name, count]) => [name, count + figures[name as keyof ModelFigures]])
          ) as unknown as ModelFigures)
    )
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const figuresOf = ({ figures }: StoreModel): Figures =>
  new Map(
    [...figures]
      .flatMap(([group, tasks]) => [...tasks].map(([task, counts]) => [`${group} ${task}`, counts] as const))
      .filter(([, counts]) => Object.values(counts).some((count) => count > 0))
      .sort(([a], [b]) => (a < b ? -1 : 1))
  )

/** A record as it must be; of a finished job the rank says nothing any more. */
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
  maxAttempts: job.maxAttempts,
  attempts: job.attempts,
  session: job.session,
  version: job.version,
  payload: driver.decode(job.payload),
  result: driver.decode(job.result),
  failure: job.failure,
  progress: driver.decode(job.progress),
  uniqueKey: job.uniqueKey,
  waitingFor: [...job.waitingFor].sort((a, b) => a - b),
  expiresAt: job.expiresAt,
  enqueuedAt: job.enqueuedAt,
  startedAt: job.startedAt,
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
  maxAttempts: job.new.maxAttempts,
  attempts: job.attempts,
  session: job.session,
  version: job.version,
  payload: driver.decode(job.payload),
  result: driver.decode(job.result),
  failure: job.failure,
  progress: driver.decode(job.progress),
  uniqueKey: job.new.unique?.key,
  waitingFor: [...job.parents].sort((a, b) => a - b),
  expiresAt: job.expiresAt,
  enqueuedAt: job.enqueuedAt,
  startedAt: job.startedAt,
  finishedAt: job.finishedAt
})

/** Times that are past say the same, whatever they are. */
const seenKey = (key: KeyRecord, now: number): KeyRecord => ({
  ...key,
  nextAt: key.nextAt === undefined ? undefined : Math.max(key.nextAt, now),
  heldBackUntil: key.heldBackUntil > now ? key.heldBackUntil : 0,
  tat: key.tat > now ? key.tat : 0
})

const speaks = ({ heldBackUntil, held, ownPolicy, paused, waiting }: KeyRecord): boolean =>
  held > 0 || waiting > 0 || paused || ownPolicy !== undefined || heldBackUntil > 0

/** Runs of `steps` steps, one per seed. */
export const runs = (test: StoreTest, count: number, steps: number): void => {
  for (const seed of seeds(count)) {
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
