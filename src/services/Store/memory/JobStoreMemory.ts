/**
 * The store in the heap of one process: nothing survives it, nothing waits for I/O. It keeps the whole contract, so
 * that a test on it is a test of the queue, and is the fastest store for work that may be lost.
 *
 * Cost: a job that is enqueued, claimed and settled in batches takes about a third of a microsecond; a pending job
 * about 190 bytes of heap with its indexes, beside its payload. Payloads and results rest as the values they are: do
 * not change them after handing them over.
 */
import { Clock, Effect, Layer } from "effect"
import type { ClaimedJob, Signal, Turn, TurnResult } from "../Turn.ts"
import type { GroupRecord } from "../GroupRecord.ts"
import type { RetentionPolicy, WakeListener } from "../JobStore.ts"
import type { JobId } from "../../Queue/Job.ts"
import { MemoryGate } from "../../Memory/MemoryGate.ts"
import * as Bounds from "../../Queue/policy/Bounds.ts"
import { goes } from "../../Queue/policy/jobs/Retaining.ts"
import type { PressureLevel } from "../../Memory/policy/MemoryPressure.ts"
import { resourcesOfBeat, RollUpArchive, RollUpRecorder } from "../../Queue/policy/RollUps.ts"
import { monotonicOf } from "../../Queue/host/Monotonic.ts"
import { type Held, remembering } from "./Answers.ts"
import { type BatchesClaimed, claimWithBatches } from "./BatchClaims.ts"
import { Documents } from "./Documents.ts"
import { Intake } from "./Intake.ts"
import { JobChanges } from "./JobChanges.ts"
import { Claims } from "./Claims.ts"
import { JobLife } from "./JobLife.ts"
import { Settlement } from "./Settlement.ts"
import { KeyRepair } from "./KeyRepair.ts"
import { recordsOf } from "./KeyRecords.ts"
import { LimitChanges } from "./LimitChanges.ts"
import { JobLog } from "./JobLog.ts"
import { JobTable } from "./JobTable.ts"
import type { RankedJobs } from "./RankedJobs.ts"
import type { Group } from "./Lane.ts"
import { type MemorySession, Sessions } from "./Sessions.ts"
import { cancelled, completed, failed, running, stateNames } from "../../Queue/policy/jobs/States.ts"
import { claimedOf, rareOf, type StoredJob } from "./StoredJob.ts"
import { type Store, type StoreServices, toContext } from "../Store.ts"
import type { SweepResult } from "../WorkerRegistry.ts"
import { listen } from "../WakeListeners.ts"
import { usageOf } from "./Usage.ts"

export interface Options {
  /** Live jobs above which an enqueue is refused as overloaded. Default 2,000,000: about half a gigabyte of heap. */
  readonly maxLive?: number
  /**
   * Jobs kept of each finished state, the newest, whatever the retention: heap is dearer than disk. So many more of
   * those that say themselves how long they stay. Default 10,000; fewer while memory is short.
   */
  readonly maxFinished?: number
  /** Log lines kept per job, the newest. Default 1,000, as the contract says. */
  readonly maxLogLines?: number
  /**
   * Whether the answers of calls that say which they are (`Asked`) are kept, in the heap too. Default false: no answer
   * is lost within a process. True for a store that is served to others; its turns are not answered in the caller's
   * stack then.
   */
  readonly remembersCalls?: boolean
}

const optionNames: ReadonlySet<string> = new Set<keyof Options>([
  "maxLive",
  "maxFinished",
  "maxLogLines",
  "remembersCalls"
])

/** The options within their bounds, with what is not given. Throws `OutOfBounds`, a `RangeError`. */
const checked = (options: Options): Required<Options> => {
  Bounds.fields("store options", options, optionNames)
  const { maxFinished = 10_000, maxLive = 2_000_000, maxLogLines = 1_000, remembersCalls = false } = options
  return {
    maxLive: Bounds.whole("maxLive", maxLive, 1, Number.MAX_SAFE_INTEGER),
    maxFinished: Bounds.whole("maxFinished", maxFinished, 0, Number.MAX_SAFE_INTEGER),
    maxLogLines: Bounds.whole("maxLogLines", maxLogLines, 0, Number.MAX_SAFE_INTEGER),
    remembersCalls: Bounds.boolean("remembersCalls", remembersCalls)
  }
}

/** A store of its own for each layer that is built. Throws a `RangeError` for options that are none. */
export const layer = (options: Options = {}): Layer.Layer<StoreServices> => {
  const limits = checked(options)
  return Layer.effectContext(
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const gate = yield* MemoryGate
      const { held, shed, store } = make(clock, limits)
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          gate.register({
            name: "finished jobs of the memory store",
            shrink: (level) => shed(level, clock.currentTimeMillisUnsafe())
          })
        ),
        (quit) => Effect.sync(quit)
      )
      return toContext(limits.remembersCalls ? remembering(store, held, clock) : store)
    })
  )
}

/** Finished jobs of a state that stay when memory is short; at `critical` so few that even large ones leave room. */
const finishedKept = 1_000
const finishedKeptAtLast = 16

/** Bytes of heap a job takes beside its payload: measured with `bench/store/memory.ts`. */
const bytesPerJob = 190

const noSignals: ReadonlyArray<Signal> = []

interface Claimed {
  readonly jobs: ReadonlyArray<ClaimedJob>
  readonly batches: BatchesClaimed | undefined
}
const nothingClaimed: Claimed = { jobs: [], batches: undefined }
/** Held jobs passed over at a time: they come up again. */
const heldMost = 64
/** Keys that are compared with their jobs in one call. */
const keysAtATime = 1_000
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const noIds: ReadonlyArray<JobId> = []

interface Made {
  readonly store: Store
  readonly held: Held
  /** Gives up half of the finished jobs, the oldest; dead letters last. Answers how many. */
  readonly shed: (level: PressureLevel, now: number) => number
}

const make = (
  clock: Clock.Clock,
  { maxFinished, maxLive, maxLogLines }: Omit<Required<Options>, "remembersCalls">
): Made => {
  const epoch = clock.currentTimeMillisUnsafe()
  const monotonic = monotonicOf(clock)
  const recorder = new RollUpRecorder()
  const archive = new RollUpArchive()
  const table = new JobTable(epoch, recorder)
  const sessions = new Sessions()
  const life = new JobLife(table, sessions)
  const claims = new Claims(life, sessions)
  const settlement = new Settlement(table, life)
  const limitChanges = new LimitChanges(table, life.slots)
  const keyRepair = new KeyRepair(table, life.slots)
  const intake = new Intake(table, life, maxLive)
  const documentTable = new Documents()
  const changes = new JobChanges(table, life)
  const listeners = new Set<WakeListener>()
  let isPaused = false
  let watching = 0

  const record = (now: number) => {
    if (recorder.at(now)) archive.add(recorder.take())
    intake.observe(now)
  }

  /** Tells listeners what the operation that has just ended brought. Last of all: a listener may call the store. */
  const wake = (turn?: Turn) => {
    const { wakes } = life
    const isNoted =
      watching > 0 && turn !== undefined && turn.progress.length + turn.claim.length + turn.settle.length > 0
    if (!wakes.ready && !wakes.finished && !wakes.control && !isNoted) return
    const { control, finished, ready } = wakes
    wakes.ready = wakes.finished = wakes.control = false
    const groups = life.wakes.takeWoken()
    const origin = turn?.origin
    for (const listener of listeners) {
      if (isNoted) listener("noted", origin)
      // A limit or a pause that changed lets jobs of any group start.
      if (ready) listener("ready", origin, control ? undefined : groups)
      if (finished) listener("finished", origin)
      if (control) listener("control", origin)
    }
  }

  const note = (turn: Turn) => {
    for (const { attempt, id, step, value } of turn.progress) {
      const job = settlement.held(id, attempt, turn.session)
      if (job === undefined) continue
      const rare = rareOf(job)
      if (step === undefined) rare.progress = value
      else {
        rare.steps ??= new Map()
        rare.steps.set(step, value as string)
      }
    }
    for (const line of turn.logs) {
      const job = settlement.held(line.id, line.attempt, turn.session)
      if (job === undefined) continue
      const rare = rareOf(job)
      rare.log ??= new JobLog()
      rare.log.append(line, maxLogLines)
    }
  }

  const settle = (turn: Turn, session: MemorySession | undefined): Set<number> | undefined => {
    let lost: Set<number> | undefined
    const { now, settle } = turn
    for (let i = 0; i < settle.length; i++) {
      if (session === undefined || !settlement.settle(settle[i]!, session.id, now)) {
        lost ??= new Set()
        lost.add(i)
      }
    }
    life.settleChildren(now)
    return lost
  }

  const claim = (turn: Turn, session: MemorySession): Claimed => {
    if (isPaused || session.draining) return nothingClaimed
    const jobs: Array<ClaimedJob> = []
    let batches: BatchesClaimed | undefined
    for (const { batches: rules, group, limit, beyond } of turn.claim) {
      if (rules === undefined || !rules.some(({ task }) => table.group(group).lanes.has(task)))
        claims.claim(table.group(group), limit, session, turn.now, jobs, beyond)
      else {
        batches ??= { batches: [], ripeAt: undefined }
        claimWithBatches(claims, table.group(group), limit, rules, session, turn.now, jobs, batches)
      }
    }
    return { jobs, batches }
  }

  const turnSync = (turn: Turn): TurnResult => {
    const { now } = turn
    record(now)
    const session = turn.session === 0 ? undefined : sessions.get(turn.session)
    if ((session !== undefined || turn.session === 0) && (turn.progress.length > 0 || turn.logs.length > 0)) note(turn)
    const lost = turn.settle.length === 0 ? undefined : settle(turn, session)
    const enqueued = turn.enqueue.length === 0 ? undefined : intake.enqueue(turn.enqueue, turn.batches, now)
    life.promote(now)
    const { batches, jobs } = session === undefined || turn.claim.length === 0 ? nothingClaimed : claim(turn, session)
    // What the claims ended lets others go, also in groups claimed from.
    const hasEndedMore = life.hasEnded
    life.settleChildren(now)
    let signals: ReadonlyArray<Signal> = noSignals
    if (session !== undefined && session.signals.length > 0) {
      // What has ended since needs no signal.
      signals = session.signals.filter(
        ({ id }) => table.find(id)?.session === session.id && table.find(id)?.state === running
      )
      session.signals = signals
    }
    const nextDue = life.nextDue(now)
    const result: TurnResult = {
      now,
      ids: enqueued === undefined ? noIds : enqueued.ids,
      notes: enqueued?.notes,
      lost,
      jobs,
      batches: batches?.batches,
      nextDue: batches?.ripeAt === undefined ? nextDue : Math.min(batches.ripeAt, nextDue ?? Infinity),
      signals,
      fenced: turn.session !== 0 && session === undefined,
      draining: session?.draining === true,
      ready: claims.takeReady(
        session === undefined || session.draining || isPaused ? undefined : session,
        hasEndedMore ? [] : turn.claim
      ),
      ended: life.takeEnded(),
      breakers: life.slots.learning.takeBreakers()
    }
    trim(turn.now)
    wake(turn)
    return result
  }

  /** Takes up to `limit` jobs from a session; ends it when that was all. */
  const recoverFrom = (
    session: MemorySession,
    now: number,
    limit: number,
    recovered: Array<JobId>,
    buried: Array<JobId>
  ): boolean => {
    const jobs = table.matching(
      { states: ["running"] },
      "oldest",
      undefined,
      limit + 1,
      (job) => job.session === session.id
    )
    for (const job of jobs.slice(0, limit)) {
      const outcome = life.recover(job, now)
      if (outcome === "recovered") recovered.push(job.id)
      else if (outcome === "buried") buried.push(job.id)
    }
    life.settleChildren(now)
    if (jobs.length > limit) return false
    sessions.remove(session.id)
    return true
  }

  const sweep = (now: number, limit: number): SweepResult => {
    record(now)
    const recovered: Array<JobId> = []
    const buried: Array<JobId> = []
    const ended: Array<number> = []
    let more = false
    for (const session of sessions.lapsed(monotonic())) {
      const left = limit - recovered.length - buried.length
      if (recoverFrom(session, now, left, recovered, buried)) ended.push(session.id)
      else {
        more = true
        break
      }
    }
    const expired = life.expire(now, limit)
    wake()
    return { recovered, buried, expired: expired.count, sessions: ended, more: more || expired.more }
  }

  const isHeld = (job: StoredJob): boolean => life.isHeld(job)

  /** The first to go of jobs that say themselves until when they stay; not one that is held. */
  const firstKept = (kept: RankedJobs) => kept.peek(heldMost).find((job) => !isHeld(job))

  /** Keeps the finished jobs of each state to their number, those apart that are held. */
  const trim = (now: number) => {
    for (const finished of life.finishedInOrder) {
      for (let held = 0; finished.size > maxFinished && held < heldMost; ) {
        const job = finished.first()
        // Looking for the first lets go of removed ones.
        if (job === undefined || finished.size <= maxFinished) break
        if (isHeld(job)) {
          finished.rotate()
          held++
        } else life.discard(job, now)
      }
    }
    for (const kept of life.keptUntil) {
      while (kept.size > maxFinished) {
        const job = firstKept(kept)
        if (job === undefined) break
        life.discard(job, now)
      }
    }
  }

  const shed = (level: PressureLevel, now: number): number => {
    const keep = level === "critical" ? finishedKeptAtLast : finishedKept
    let count = 0
    for (const state of level === "critical" ? [completed, cancelled, failed] : [completed, cancelled]) {
      const finished = life.finishedInOrder[state - completed]!
      const kept = life.keptUntil[state - completed]!
      const before = finished.size
      const most = Math.max(keep, before >> 1)
      while (finished.size > most) {
        const job = finished.first()
        if (job !== undefined && finished.size > most) life.discard(job, now)
      }
      count += before - finished.size
      const mostKept = Math.max(keep, kept.size >> 1)
      for (; kept.size > mostKept; count++) life.discard(kept.first()!, now)
    }
    return count
  }

  const prune = (policy: RetentionPolicy, now: number, limit: number): number => {
    let pruned = 0
    const states = ["completed", "failed", "cancelled"] as const
    states.forEach((state, i) => {
      const ofOwn = life.keptUntil[i]!
      let count = table.count({ states: [state] }).count - ofOwn.size
      const finished = life.finishedInOrder[i]!
      let held = 0
      for (let job = finished.first(); job !== undefined && pruned < limit; job = finished.first()) {
        if (!goes(policy[state], job.finished + epoch, count, now)) break
        if (isHeld(job)) {
          if (++held > heldMost) break
          finished.rotate()
          continue
        }
        life.discard(job, now)
        count--
        pruned++
      }
      for (const job of ofOwn.peek(limit - pruned + heldMost)) {
        if (pruned === limit || job.rare!.keepUntil! >= now) break
        if (isHeld(job)) continue
        life.discard(job, now)
        pruned++
      }
    })
    life.keys.prune(now, limit)
    return pruned
  }

  const recordOf = (group: Group): GroupRecord => ({
    name: group.name,
    limit: group.limit,
    declaredLimit: group.declaredLimit,
    operatorLimit: group.operatorLimit,
    paused: group.paused,
    busy: group.running,
    policy: group.policy,
    declaredPolicy: group.declaredPolicy,
    operatorPolicy: group.operatorPolicy,
    heldBackUntil: group.heldBackUntil,
    tat: group.tat,
    feedback: group.feedback
  })

  /** Something claimable may be so again, and workers have a limit or a pause to see. */
  const controlled = () => {
    life.wakes.control = true
    life.wakes.ready = true
    wake()
  }

  const jobs: Store["jobs"] = {
    traits: {
      kind: "memory",
      label: "memory:",
      file: undefined,
      restsInHeap: true,
      payloads: "value",
      shared: false,
      remembersCalls: false
    },
    turn: (turn) => Effect.sync(() => turnSync(turn)),
    turnSync,

    get: (ids) =>
      Effect.sync(() =>
        ids.flatMap((id) => {
          const job = table.find(id)
          return job === undefined ? [] : [table.view(job)]
        })
      ),
    keep: (id) => {
      const job = table.find(id)
      if (job !== undefined) job.kept ??= { record: undefined }
      return job?.kept
    },
    list: (filter, page) => Effect.sync(() => table.page(filter, page)),
    count: (filter) => Effect.sync(() => table.count(filter)),
    counters: Effect.sync(() =>
      [...table.groups.values()].flatMap((group) =>
        [...group.lanes.values()].flatMap((lane) =>
          stateNames.flatMap((state, i) => {
            const count = lane.jobs.count([i])
            return count === 0 ? [] : [{ group: group.name, task: lane.task, state, count }]
          })
        )
      )
    ),
    usage: Effect.sync(() => usageOf(table, maxLogLines)),
    oldestPending: Effect.sync(() => {
      const oldest = new Map<string, number>()
      for (const group of table.groups.values()) {
        const due = group.first()?.due
        if (due !== undefined) oldest.set(group.name, due + epoch)
      }
      return oldest
    }),
    dueIn: (steps) => Effect.sync(() => life.dueIn(steps)),
    upNext: (name, limit) =>
      Effect.sync(() => {
        const group = table.groups.get(name)
        return group === undefined
          ? []
          : group.upNext(Math.max(0, Math.min(1000, limit))).map(({ due, id, lane, priority, rank }) => ({
              id,
              task: lane.task,
              priority,
              due: due + epoch,
              rank: rank + epoch
            }))
      }),
    logs: (id, { after, limit }) =>
      Effect.sync(() => table.find(id)?.rare?.log?.read(after, limit, maxLogLines) ?? { lines: [], next: after }),
    step: (id, name) => Effect.sync(() => table.find(id)?.rare?.steps?.get(name)),
    status: Effect.sync(() => {
      const total = table.count({}).count
      return {
        bytes: total * bytesPerJob,
        freeBytes: undefined,
        live: table.live,
        maxLive,
        finished: total - table.live
      }
    }),

    change: (filter, change, { after, limit, now }) =>
      Effect.sync(() => {
        record(now)
        const result = changes.apply(filter, change, now, Math.max(0, Math.min(1000, limit)), after)
        wake()
        return result
      }),

    declareGroups: (groups) =>
      Effect.sync(() => {
        for (const { limit, name, policy } of groups) {
          const group = table.group(name)
          group.declaredLimit = limit
          if (policy !== undefined) group.declaredPolicy = policy
          limitChanges.apply(group, clock.currentTimeMillisUnsafe())
        }
        controlled()
      }),
    groups: Effect.sync(() => [...table.groups.values()].map(recordOf)),
    setGroup: (name, { limit, paused, policy }) =>
      Effect.sync(() => {
        const group = table.group(name)
        if (limit !== undefined) group.operatorLimit = limit ?? undefined
        if (paused !== undefined) group.paused = paused
        if (policy !== undefined) group.operatorPolicy = policy ?? undefined
        limitChanges.apply(group, clock.currentTimeMillisUnsafe())
        controlled()
        return recordOf(group)
      }),
    removeGroup: (name) =>
      Effect.sync(() => {
        const isRemoved = table.removeGroup(name)
        if (isRemoved) controlled()
        return isRemoved
      }),
    limitKeys: ({ group, keys }, limit) =>
      Effect.sync(() =>
        recordsOf(table.groups.values(), group, keys)
          .sort((a, b) => b.waiting - a.waiting || order(a.group, b.group) || order(a.key, b.key))
          .slice(0, Math.max(0, Math.min(1_000, limit)))
      ),
    setKey: (name, key, settings) =>
      Effect.sync(() => {
        const record = limitChanges.set(table.group(name), key, settings, clock.currentTimeMillisUnsafe())
        controlled()
        return record
      }),
    takeUnits: (request) => Effect.sync(() => life.slots.takeUnits(table.group(request.group), request, isPaused)),
    repairKeys: (now) =>
      Effect.sync(() => {
        const mended = keyRepair.repair(now, keysAtATime)
        wake()
        return mended
      }),
    paused: Effect.sync(() => isPaused),
    setPaused: (paused) =>
      Effect.sync(() => {
        isPaused = paused
        controlled()
      }),

    prune: (policy, { limit, now }) => Effect.sync(() => prune(policy, now, limit)),

    hold: Effect.void,
    watch: Effect.acquireRelease(
      Effect.sync(() => void watching++),
      () => Effect.sync(() => void watching--)
    ),
    onWake: (listener) =>
      listen((added) => {
        listeners.add(added)
        return () => listeners.delete(added)
      }, listener)
  }

  const workers: Store["workers"] = {
    join: (worker, { leaseMs, now }) => Effect.sync(() => sessions.join(worker, now, monotonic(), leaseMs).id),
    beat: (id, { leaseMs, load, now, slots, tasks }) =>
      Effect.sync(() => {
        const session = sessions.get(id)
        if (session === undefined) return false
        session.info = { ...session.info, slots, tasks }
        session.handles = new Set(tasks)
        session.lastBeat = now
        session.leaseUntil = now + leaseMs
        session.lapsesAt = monotonic() + leaseMs
        session.load = load
        archive.addResources(resourcesOfBeat(now, load))
        return true
      }),
    leave: (id, now) =>
      Effect.sync(() => {
        record(now)
        const session = sessions.get(id)
        if (session !== undefined) recoverFrom(session, now, Infinity, [], [])
        wake()
      }),
    all: Effect.sync(() => {
      const now = clock.currentTimeMillisUnsafe()
      const at = monotonic()
      return [...sessions.all()].map((session) => session.recordAt(now, at))
    }),
    drain: (id) =>
      Effect.sync(() => {
        const session = sessions.get(id)
        if (session === undefined) return false
        session.draining = true
        controlled()
        return true
      }),
    sweep: ({ limit, now }) => Effect.sync(() => sweep(now, limit)),

    lead: (role, session, { now, ttlMs }) => Effect.sync(() => sessions.lead(role, session, now, ttlMs))
  }

  const rollUps: Store["rollUps"] = {
    jobs: (query) =>
      Effect.sync(() => {
        archive.add(recorder.take())
        return archive.query(query)
      }),
    resources: (query) => Effect.sync(() => archive.queryResources(query)),
    prune: ({ now }) => Effect.sync(() => archive.prune(now))
  }

  const documents: Store["documents"] = {
    get: (kind, key) => Effect.sync(() => documentTable.get(kind, key)),
    all: (kind) => Effect.sync(() => documentTable.all(kind)),
    put: (kind, key, text, { now, version }) =>
      Effect.sync(() => {
        const put = documentTable.put(kind, key, text, now, version)
        if (put !== undefined) {
          life.wakes.control = true
          wake()
        }
        return put
      }),
    journal: (kind, { before, key, limit }) =>
      Effect.sync(() => documentTable.journal(kind, key, before ?? Number.MAX_SAFE_INTEGER, limit)),
    append: (kind, entries, { keep, now }) => Effect.sync(() => documentTable.append(kind, entries, now, keep))
  }

  const held: Held = (id, attempt, session) => {
    const job = settlement.held(id, attempt, session)
    return job === undefined ? undefined : claimedOf(job, epoch)
  }

  return { store: { jobs, workers, rollUps, documents }, held, shed }
}
