/**
 * Jobs of limited keys, on their way between the lines of their keys and being ready: the steps that `KeyAdmission`
 * describes, over the lists of `JobLife`.
 */
import { heldUntil, opensAt } from "../../Limits/policy/Holding.ts"
import type { KeyPolicy } from "../../Limits/GroupPolicy.ts"
import { tagNext, timeAfterClaim, timeAfterReturn } from "../../Limits/policy/FairShare.ts"
import {
  admittedRank,
  fitsWindow,
  mayBeReady,
  mayStart,
  nextAt,
  slotsAllowed,
  windowOf
} from "../../Limits/policy/KeyAdmission.ts"
import { isUnlimited, policyOf } from "../../Limits/policy/KeyRules.ts"
import { type Feedback, isOfKey } from "../../Limits/policy/Feedback.ts"
import { learned } from "../../Limits/policy/Learning.ts"
import { afterStart, boundsStarts, mayStartOne, startableAt, takeUnits } from "../../Limits/policy/Starts.ts"
import type { JobBounds } from "../../Queue/policy/jobs/Admission.ts"
import { isLive, isWaiting, liveCodes, pending, running, stateNames } from "../../Queue/policy/jobs/States.ts"
import { isForTimeOnly } from "../../Queue/policy/jobs/Waiting.ts"
import type { KeyRecord, UnitsRequest, UnitsTaken } from "../KeyRecord.ts"
import { BreakerNotes } from "../BreakerNotes.ts"
import type { BreakerNote, Settle } from "../Turn.ts"
import { GroupLimits } from "./GroupLimits.ts"
import { Heap } from "./Heap.ts"
import type { JobTable } from "./JobTable.ts"
import type { Group } from "./Lane.ts"
import type { LimitedKey } from "./LimitedKey.ts"
import type { MemorySession } from "./Sessions.ts"
import { costIn, otherWaitOf, rareOf, slotsIn, type StoredJob } from "./StoredJob.ts"
import { TimedKeys } from "./TimedKeys.ts"

/** The lists in which a waiting job stands when it is in no line. */
interface Lists {
  /** It may be claimed, and who claims is told. */
  readonly ready: (job: StoredJob) => void
  /** It may be claimed, now. */
  readonly list: (job: StoredJob) => void
  /** It is scheduled until its time. */
  readonly postpone: (job: StoredJob) => void
  /** It is scheduled, and in no list. */
  readonly keep: (job: StoredJob) => void
  /** Out of every list, the lines too. */
  readonly unlist: (job: StoredJob) => void
  /** Out of the list of what is ready. */
  readonly unready: (job: StoredJob) => void
  readonly relist: (job: StoredJob, now: number) => void
  /** Something of the group may be claimed. */
  readonly stir: (group: Group) => void
  /** The ready job of the group that starts next. */
  readonly first: (group: Group) => StoredJob | undefined
}

/** Jobs of lines that are ready while a claim goes on. */
interface Promoted {
  readonly group: Group
  readonly jobs: ReadonlyArray<StoredJob>
  readonly before: ReadonlyMap<LimitedKey, Before>
  /** Of the group, when they were promoted. */
  readonly time: number
}

interface Before {
  readonly tat: number
  readonly feedback: Feedback | undefined
  readonly time: number
}

interface Candidate {
  readonly key: LimitedKey
  readonly job: StoredJob
  readonly rank: number
}

const allLive: ReadonlyArray<(typeof stateNames)[number]> = stateNames.slice(0, liveCodes)

const isSame = (a: KeyPolicy, b: KeyPolicy): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

export class KeyLines {
  private readonly table: JobTable
  private readonly lists: Lists
  private readonly timed = new TimedKeys()
  /** Keys that may promote once the job that left them has its place. */
  private freed: Array<LimitedKey> = []
  /** While many jobs are placed at once, none is promoted, and none of them is new to its line. */
  private isChanging = false
  /** Groups with a rate, or held back. */
  private readonly bounded = new Set<Group>()
  private readonly breakers = new BreakerNotes()
  private repaired: Iterator<LimitedKey> | undefined = undefined

  constructor(table: JobTable, lists: Lists) {
    this.table = table
    this.lists = lists
  }

  private keyOf(job: StoredJob): LimitedKey | undefined {
    return job.lane.group.limits?.key(job.rare?.partitionKey ?? "")
  }

  private isDue(job: StoredJob, now: number): boolean {
    return job.due <= now - this.table.epoch
  }

  // Arrive and leave.

  /** Places a waiting job that is in no list. False: no limit has to do with it now. */
  place(job: StoredJob, now: number): boolean {
    const key = isForTimeOnly(otherWaitOf(job)) ? this.keyOf(job) : undefined
    const admission = job.rare?.admission
    if (admission !== undefined && admission.key !== key) this.leave(job)
    if (key === undefined) return false
    const isDue = this.isDue(job, now)
    if (job.rare?.admission !== undefined) job.rare.admission.ownRank = job.rank
    if (job.rare?.admission?.holds === false) {
      if (isDue || key.holds) {
        this.wait(job, key, now)
        return true
      }
      this.leave(job)
    } else if (job.rare?.admission !== undefined) {
      if (isDue && !key.isRated) {
        this.ready(job, key)
        return true
      }
      if (!isDue && key.holds) {
        this.lists.postpone(job)
        return true
      }
      this.leave(job)
    }
    if (!isDue && !key.holds) return false
    this.join(job, key, now)
    return true
  }

  private join(job: StoredJob, key: LimitedKey, now: number): void {
    const admission = { key, holds: false, ownRank: job.rank, tag: undefined }
    rareOf(job).admission = admission
    if (
      !this.isChanging &&
      key.waiting === 0 &&
      !key.isRated &&
      this.isDue(job, now) &&
      mayBeReady(key, key.window, slotsIn(job), now)
    ) {
      this.hold(job, key)
      this.admit(job, key)
      this.lists.ready(job)
      return
    }
    this.wait(job, key, now)
    if (
      !this.isChanging &&
      !admission.holds &&
      !(key.isRated && key.line.first() === job && this.mayStart(job, key, now))
    )
      job.lane.cell.limited++
  }

  /** Puts a job into the line. */
  private wait(job: StoredJob, key: LimitedKey, now: number): void {
    this.lists.keep(job)
    key.line.add(job)
    if (this.isChanging) this.freed.push(key)
    else this.promote(key, now)
  }

  /**
   * A job gives up its slots, or its place in the line that it was taken out of. Call `refill` when it has its place.
   */
  leave(job: StoredJob): void {
    const { holds, key } = job.rare!.admission!
    job.rare!.admission = undefined
    if (holds) {
      key.held -= slotsIn(job)
      key.holders.delete(job)
    }
    this.freed.push(key)
  }

  /** A waiting job was taken out of the list that its state names. */
  unlisted(job: StoredJob): void {
    const admission = job.rare?.admission
    if (admission === undefined) return
    if (admission.holds) job.rank = admission.ownRank
    else admission.key.line.remove(job)
  }

  /** Whether a running job keeps its slots when it waits again. */
  keeps(job: StoredJob): boolean {
    return job.rare?.admission?.key.holds === true && isForTimeOnly(otherWaitOf(job))
  }

  /** Keys that jobs have left promote. */
  refill(now: number): void {
    while (!this.isChanging && this.freed.length > 0) {
      const keys = this.freed
      this.freed = []
      for (const key of keys) this.promote(key, now)
    }
  }

  // Promote.

  private promote(key: LimitedKey, now: number): void {
    for (let job = key.line.first(); job !== undefined; job = key.line.first()) {
      if (!mayBeReady(key, key.window, slotsIn(job), now)) break
      const isDue = this.isDue(job, now)
      if (isDue && key.isRated) break
      key.line.shift()
      this.hold(job, key)
      if (isDue) {
        this.admit(job, key)
        this.lists.ready(job)
      } else this.lists.postpone(job)
    }
    this.look(key, now)
  }

  private hold(job: StoredJob, key: LimitedKey): void {
    job.rare!.admission!.holds = true
    key.held += slotsIn(job)
    key.holders.add(job)
  }

  private admit(job: StoredJob, key: LimitedKey): void {
    const { group, policy } = key
    const admission = job.rare!.admission!
    if (group.limits!.isFair) {
      const { keyTime, tag } = tagNext(group.time, key.time, policy.weight ?? 1, slotsIn(job))
      key.time = keyTime
      admission.tag = tag
    }
    this.rank(job, key)
  }

  /** Gives a job that is about to be ready the rank of one. */
  private rank(job: StoredJob, key: LimitedKey): void {
    const { epoch } = this.table
    const { ownRank, tag } = job.rare!.admission!
    job.rank = tag ?? admittedRank(job.id, ownRank + epoch, tag, key.policy) - epoch
  }

  /** A job that holds its slots is ready again: as it was, or after an attempt at the group's time. */
  private ready(job: StoredJob, key: LimitedKey): void {
    const admission = job.rare!.admission!
    if (key.group.limits!.isFair && admission.tag === undefined) {
      this.admit(job, key)
      admission.tag = key.group.time
    }
    this.rank(job, key)
    this.lists.ready(job)
  }

  private mayStart(job: StoredJob, key: LimitedKey, now: number): boolean {
    return mayStart(key, key.policy, key.window, slotsIn(job), costIn(job), now)
  }

  /** Keeps in mind when the key has something to start, and lets go of one that has nothing to say. */
  private look(key: LimitedKey, now: number): void {
    const limits = key.group.limits
    const job = key.line.first()
    if (job === undefined) key.waitingSince = undefined
    else key.waitingSince ??= now
    const isDue = job !== undefined && key.isRated && this.mayStart(job, key, now)
    const at = job === undefined ? undefined : nextAt(key, key.policy, key.window, slotsIn(job), costIn(job))
    this.timed.put(key, isDue || at === undefined || at <= now ? Number.POSITIVE_INFINITY : at)
    if (!isDue) limits?.due.delete(key)
    else if (!limits!.due.has(key)) {
      limits!.due.add(key)
      this.lists.stir(key.group)
    }
    if (job === undefined && key.held === 0) limits?.forget(key, now)
  }

  /** Looks at the keys whose time has come. */
  promoteDue(now: number): void {
    for (let key = this.timed.take(now); key !== undefined; key = this.timed.take(now)) this.promote(key, now)
  }

  /** When time alone lets something start, in milliseconds since 1970. */
  nextAt(now: number): number | undefined {
    let next = this.timed.next()
    for (const group of this.bounded) {
      const at = this.groupAt(group, now)
      if (at !== undefined && (next === undefined || at < next)) next = at
    }
    return next
  }

  private groupAt(group: Group, now: number): number | undefined {
    const { limits, policy } = group
    const held = heldUntil(group, policy, now)
    if (held <= now && !boundsStarts(policy) && policy.hours === undefined) {
      this.bounded.delete(group)
      return undefined
    }
    if (group.paused || group.running >= group.limit) return undefined
    const job = this.lists.first(group) ?? limits?.due.values().next().value?.line.first()
    if (job === undefined) return undefined
    const at = Math.max(held, startableAt(policy, group, costIn(job)))
    return at > now ? at : undefined
  }

  // Start.

  /** Whether the group's own rate and breaker let this be started now. */
  allows(group: Group, cost: number, now: number): boolean {
    return mayStartOne(group.policy, group, cost, now)
  }

  /** A job begins to run. */
  begins(job: StoredJob, now: number, rides: boolean): void {
    const { group } = job.lane
    if (boundsStarts(group.policy)) {
      const { feedback, tat } = afterStart(group.policy, group, costIn(job), now, rides)
      group.tat = tat
      this.learn(group, undefined, feedback)
    }
    const admission = job.rare?.admission
    if (admission === undefined) return
    admission.key.running += slotsIn(job)
    if (admission.tag !== undefined) group.time = timeAfterClaim(group.time, admission.tag)
    admission.tag = undefined
    job.rank = admission.ownRank
  }

  /** A running job does so no more. */
  ceases(job: StoredJob): void {
    const admission = job.rare?.admission
    if (admission !== undefined) admission.key.running -= slotsIn(job)
  }

  /** Whether a claim of the session would find a rated key with something to start. */
  hasDue(group: Group, session: MemorySession): boolean {
    for (const key of group.limits?.due ?? []) if (session.handles.has(key.line.first()!.lane.task)) return true
    return false
  }

  /**
   * Makes ready what a claim with room for so many jobs may start of rated keys; `nested`: of any key that has a line,
   * whatever its limits say.
   */
  promoteForClaim(
    group: Group,
    room: number,
    session: MemorySession,
    now: number,
    nested: boolean
  ): Promoted | undefined {
    const { limits } = group
    if (limits === undefined) return undefined
    const lines: ReadonlySet<LimitedKey> = nested ? new Set(limits.keys.values()) : limits.due
    if (lines.size === 0) return undefined
    const candidates = new Heap<Candidate>(comesBefore)
    const consider = (key: LimitedKey) => {
      const job = key.line.first()
      if (job === undefined || !session.handles.has(job.lane.task)) return
      if (nested || this.mayStart(job, key, now)) candidates.add({ key, job, rank: this.rankInClaim(job, key) })
    }
    for (const key of lines) consider(key)
    const { time } = group
    const jobs: Array<StoredJob> = []
    const before = new Map<LimitedKey, Before>()
    while (jobs.length < room && candidates.size > 0) {
      const { job, key } = candidates.take()!
      if (!before.has(key)) before.set(key, { tat: key.tat, feedback: key.feedback, time: key.time })
      key.line.shift()
      this.hold(job, key)
      this.admit(job, key)
      this.lists.list(job)
      this.charge(job, key, now)
      jobs.push(job)
      consider(key)
    }
    return jobs.length === 0 ? undefined : { group, jobs, before, time }
  }

  private rankInClaim(job: StoredJob, { group, policy, time }: LimitedKey): number {
    const { epoch } = this.table
    return group.limits!.isFair
      ? Math.max(group.time, time)
      : admittedRank(job.id, job.rank + epoch, undefined, policy) - epoch
  }

  private charge(job: StoredJob, key: LimitedKey, now: number): void {
    const { feedback, tat } = afterStart(key.policy, key, costIn(job), now)
    key.tat = tat
    key.feedback = feedback
  }

  // Learn.

  /** An attempt has ended: what that says of the other side. */
  heard(job: StoredJob, settle: Settle, now: number, rides: boolean): void {
    const { group } = job.lane
    const key = job.rare?.admission?.key
    const startedAt = job.started + this.table.epoch
    const after = learned(group, key, { settle, startedAt, cost: costIn(job), rides }, now)
    if (after?.group !== undefined) this.learn(group, undefined, after.group.feedback)
    if (key !== undefined && after?.key !== undefined) {
      this.learn(key, key.name, after.key.feedback)
      this.freed.push(key)
    }
  }

  private learn(of: Group | LimitedKey, key: string | undefined, feedback: Feedback | undefined): void {
    const group = "group" in of ? of.group : of
    const change = this.breakers.note(group.name, key, of.feedback, feedback)
    of.feedback = feedback
    if (change === "closed") this.lists.stir(group)
  }

  /** Breakers that have changed since this was asked. */
  takeBreakers(): ReadonlyArray<BreakerNote> | undefined {
    return this.breakers.take()
  }

  /** The claim is over: what it started is charged, what it left goes back. */
  returnAfterClaim({ before, group, jobs, time }: Promoted, now: number): void {
    for (const [key, { feedback, tat, time: keyTime }] of before) {
      key.tat = tat
      key.feedback = feedback
      key.time = keyTime
    }
    for (const job of jobs) {
      const admission = job.rare?.admission
      if (admission === undefined) continue
      const { key } = admission
      if (job.state === running) {
        this.charge(job, key, now)
        if (group.limits!.isFair) key.time = tagNext(time, key.time, key.policy.weight ?? 1, slotsIn(job)).keyTime
      } else {
        this.lists.unready(job)
        job.rank = admission.ownRank
        admission.holds = false
        admission.tag = undefined
        key.held -= slotsIn(job)
        key.holders.delete(job)
        this.lists.keep(job)
        key.line.add(job)
      }
    }
    for (const [key, { feedback }] of before) {
      const learned = key.feedback
      key.feedback = feedback
      this.learn(key, key.name, learned)
      this.promote(key, now)
    }
  }

  // Refuse, cancel, hold back.

  /** Slots that there are for a job of the group and key, and the backlogs that bound it. */
  boundsOf(group: Group, partitionKey: string | undefined): Pick<JobBounds, "slotsOf" | "backlogOf"> {
    const { limits } = group
    const name = partitionKey ?? ""
    const policy = limits === undefined ? undefined : policyOf(limits.policy, name, limits.own.get(name))
    const ofKey = policy?.backlog
    const ofGroup = group.policy.backlog
    return {
      slotsOf: {
        group: group.limit,
        key: policy === undefined ? Number.POSITIVE_INFINITY : slotsAllowed(policy)
      },
      backlogOf: {
        group: ofGroup === undefined ? undefined : { limit: ofGroup, waiting: this.table.waitingIn(group) },
        key: ofKey === undefined ? undefined : { limit: ofKey, waiting: limits!.backlogs?.get(name) ?? 0 }
      }
    }
  }

  /** What a new job's key does with one that would have to wait; undefined: it waits, or does not have to. */
  conflictOf(job: StoredJob, now: number): { readonly key: LimitedKey; readonly newest: boolean } | undefined {
    const key = isForTimeOnly(otherWaitOf(job)) ? this.keyOf(job) : undefined
    if (key === undefined) return undefined
    const { conflict = "queue" } = key.policy
    const isDue = this.isDue(job, now)
    if (conflict === "queue" || (!isDue && !key.holds)) return undefined
    const starts = isDue ? this.mayStart(job, key, now) : mayBeReady(key, key.window, slotsIn(job), now)
    return key.isFirst(job) && starts ? undefined : { key, newest: conflict === "cancelNewest" }
  }

  /**
   * Calls `cancel` for the oldest jobs of a key until one of so many slots would be next and fit, once they are gone.
   */
  displace(key: LimitedKey, slots: number, cancel: (job: StoredJob) => void): void {
    const isLeaving = (job: StoredJob) => job.state === running && job.rare?.cancelReason !== undefined
    const arrived = [...key.holders, ...key.line.peek(key.waiting)].sort((a, b) => a.id - b.id)
    let leaving = arrived.reduce((sum, job) => sum + (isLeaving(job) ? slotsIn(job) : 0), 0)
    for (const job of arrived) {
      if (key.waiting === 0 && fitsWindow(key.window, key.held - leaving, slots)) return
      if (!isLive(job.state) || isLeaving(job)) continue
      cancel(job)
      if (job.state === running) leaving += slotsIn(job)
    }
  }

  /** The other side said when to come again. */
  holdBack(job: StoredJob, until: number, now: number): void {
    const { group } = job.lane
    const key = this.keyOf(job)
    if (key === undefined || !isOfKey(group.policy, key.policy)) {
      group.heldBackUntil = Math.max(group.heldBackUntil, until)
      this.bounded.add(group)
    } else {
      key.heldBackUntil = Math.max(key.heldBackUntil, until)
      this.requeue(key, now)
    }
  }

  /** What is ready of the key goes back into its line. */
  private requeue(key: LimitedKey, now: number): void {
    const jobs = [...key.holders].filter((job) => job.state === pending)
    this.freed.push(key)
    this.changing(now, () => this.lift(key, jobs))
  }

  private lift(key: LimitedKey, jobs: ReadonlyArray<StoredJob>): ReadonlyArray<StoredJob> {
    for (const job of jobs) {
      const tag = job.state === pending ? job.rare!.admission!.tag : undefined
      this.lists.unlist(job)
      if (job.rare!.admission !== undefined) this.leave(job)
      if (tag !== undefined) key.time = timeAfterReturn(key.time, tag)
    }
    return jobs
  }

  /** Places anew what `lift` has taken out of its place, all at once. */
  private changing(now: number, lift: () => ReadonlyArray<StoredJob>): void {
    this.isChanging = true
    const jobs = lift()
    for (const job of jobs) this.lists.relist(job, now)
    this.isChanging = false
    this.refill(now)
  }

  // Change.

  /**
   * The group's policy or limit, or what an operator set for a key of it, is another now: it holds for the jobs that
   * are there. `only`: of this key.
   */
  change(group: Group, now: number, only?: string): void {
    if (group.policy.hours !== undefined) this.bounded.add(group)
    if (group.limits === undefined && isUnlimited(group.policy)) return
    const limits = limitsOf(group)
    if (boundsStarts(group.policy)) this.bounded.add(group)
    const isFair = group.policy.fair === true
    const staysFair = isFair === limits.isFair
    limits.isFair = isFair
    if (!isFair) {
      group.time = 0
      for (const key of limits.keys.values()) key.time = 0
    }
    this.changing(now, () => {
      const moved = new Set<StoredJob>()
      for (const key of [...limits.keys.values()]) {
        if (only !== undefined && key.name !== only) continue
        for (const job of this.changeKey(limits, key, staysFair)) moved.add(job)
      }
      const filter = { groups: [group.name], states: allLive, ...(only !== undefined && { partitionKey: only }) }
      for (const job of this.table.matching(filter, "oldest", undefined, Number.POSITIVE_INFINITY)) {
        if (job.rare?.admission === undefined && !moved.has(job) && this.isNewlyLimited(job)) moved.add(job)
      }
      return [...moved].sort((a, b) => a.id - b.id)
    })
    limits.backlogs = this.table.backlogsOf(group)
    for (const key of limits.keys.values()) if (only === undefined || key.name === only) this.promote(key, now)
    if (isUnlimited(group.policy) && limits.own.size === 0) group.limits = undefined
  }

  /** Gives a key the policy that holds for it now. Answers the jobs that have to be placed anew. */
  private changeKey(limits: GroupLimits, key: LimitedKey, staysFair: boolean): ReadonlyArray<StoredJob> {
    const own = limits.own.get(key.name)
    const policy = policyOf(limits.policy, key.name, own)
    const window = policy === undefined ? 0 : windowOf(limits.policy, policy, key.group.limit)
    const isPaused = own?.paused === true
    if (
      policy !== undefined &&
      isSame(policy, key.policy) &&
      window === key.window &&
      isPaused === key.paused &&
      staysFair
    )
      return []
    const waiting = key.line.peek(key.waiting)
    const jobs = this.lift(key, [...[...key.holders].filter(({ state }) => isWaiting(state)), ...waiting])
    if (policy === undefined) {
      for (const job of key.holders) this.leave(job)
      limits.keys.delete(key.name)
      limits.due.delete(key)
      this.timed.put(key, Number.POSITIVE_INFINITY)
    } else key.change(policy, window, isPaused)
    return jobs
  }

  /**
   * Whether a live job that no limit had to do with has to be placed anew; a running one holds its slots from now on.
   */
  private isNewlyLimited(job: StoredJob): boolean {
    const isFree = job.state !== running && isForTimeOnly(otherWaitOf(job))
    const key = job.state === running || isFree ? this.keyOf(job) : undefined
    if (key === undefined) return false
    if (job.state === running) {
      rareOf(job).admission = { key, holds: false, ownRank: job.rank, tag: undefined }
      this.hold(job, key)
      key.running += slotsIn(job)
      return false
    }
    if (job.state !== pending && !key.holds) return false
    this.lists.unlist(job)
    return true
  }

  /** What an operator sets for one key. */
  set(
    group: Group,
    name: string,
    { paused, policy }: { readonly policy?: KeyPolicy | null; readonly paused?: boolean },
    now: number
  ): KeyRecord {
    const limits = limitsOf(group)
    const before = limits.own.get(name)
    const own = {
      policy: policy === undefined ? before?.policy : (policy ?? undefined),
      paused: paused ?? before?.paused ?? false
    }
    if (own.policy === undefined && !own.paused) limits.own.delete(name)
    else limits.own.set(name, own)
    this.change(group, now, name)
    return recordOf(limits, name)
  }

  takeUnits(group: Group, { cost, key: name, now }: UnitsRequest, isPaused: boolean): UnitsTaken {
    const key = name === undefined ? undefined : group.limits?.key(name)
    const of = name === undefined ? group : key
    if (of === undefined) return { taken: true, at: now }
    const keeps = {
      isPaused: isPaused || group.paused || key?.paused === true,
      opensAt: opensAt(group.policy, now)
    }
    const units = takeUnits(of.policy, of, keeps, cost, now)
    if (!units.taken) return units
    of.tat = units.tat
    if (key !== undefined) this.look(key, now)
    return { taken: true, at: now }
  }

  /** Keys that have something to say. */
  list(groupName: string | undefined, names: ReadonlyArray<string> | undefined): Array<KeyRecord> {
    const records: Array<KeyRecord> = []
    for (const { limits, name } of this.table.groups.values()) {
      if (limits === undefined || (groupName !== undefined && name !== groupName)) continue
      for (const key of names ?? new Set([...limits.keys.keys(), ...limits.own.keys()])) {
        const record = recordOf(limits, key)
        if (speaks(record)) records.push(record)
      }
    }
    return records
  }

  // Upkeep.

  /** Compares up to `most` keys with their jobs. Answers how many were mended. */
  repair(now: number, most: number): number {
    let mended = 0
    for (let i = 0; i < most; i++) {
      this.repaired ??= this.allKeys()
      const { done, value: key } = this.repaired.next()
      if (done === true) {
        this.repaired = undefined
        break
      }
      if (this.mend(key, now)) mended++
      key.group.limits?.forget(key, now)
    }
    return mended
  }

  private *allKeys(): Generator<LimitedKey> {
    for (const group of this.table.groups.values()) {
      const { limits } = group
      if (limits === undefined) continue
      const keys = [...limits.keys.values()]
      // A fair group at rest begins anew.
      if (limits.isFair && keys.every(({ held, waiting }) => held === 0 && waiting === 0))
        group.time = keys.reduce((latest, { time }) => Math.max(latest, time), group.time)
      yield* keys
    }
  }

  private mend(key: LimitedKey, now: number): boolean {
    let held = 0
    let started = 0
    for (const job of key.holders) {
      if (!isLive(job.state) || job.rare?.admission?.key !== key) {
        key.holders.delete(job)
        continue
      }
      held += slotsIn(job)
      if (job.state === running) started += slotsIn(job)
    }
    const isRight = held === key.held && started === key.running
    key.held = held
    key.running = started
    const waiting = key.waiting
    this.promote(key, now)
    return !isRight || key.waiting !== waiting
  }
}

const limitsOf = (group: Group): GroupLimits => {
  group.limits ??= new GroupLimits(group)
  return group.limits
}

const recordOf = (limits: GroupLimits, name: string): KeyRecord => {
  const key = limits.keys.get(name)
  const own = limits.own.get(name)
  const job = key?.line.first()
  return {
    group: limits.group.name,
    key: name,
    policy: policyOf(limits.policy, name, own) ?? {},
    ownPolicy: own?.policy,
    held: key?.held ?? 0,
    running: key?.running ?? 0,
    waiting: key?.waiting ?? 0,
    waitingSince: key?.waitingSince,
    nextAt:
      key === undefined || job === undefined
        ? undefined
        : nextAt(key, key.policy, key.window, slotsIn(job), costIn(job)),
    heldBackUntil: key?.heldBackUntil ?? 0,
    tat: key?.tat ?? 0,
    feedback: key?.feedback,
    paused: own?.paused === true
  }
}

/** Whether a key is worth listing. */
const speaks = ({ heldBackUntil, held, ownPolicy, paused, waiting }: KeyRecord): boolean =>
  held > 0 || waiting > 0 || paused || ownPolicy !== undefined || heldBackUntil > 0

const comesBefore = (a: Candidate, b: Candidate): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.job.id < b.job.id)
