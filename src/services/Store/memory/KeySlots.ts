/**
 * Where jobs begin and cease to hold slots of their key or to wait for them: the steps that `KeyAdmission` describes,
 * over the lists of `JobLife`.
 */
import { heldUntil, opensAt } from "../../Limits/policy/Holding.ts"
import { isOfKey } from "../../Limits/policy/Feedback.ts"
import { tagNext, timeAfterClaim, timeAfterReturn } from "../../Limits/policy/FairShare.ts"
import { admittedRank, mayBeReady, mayStart, nextAt } from "../../Limits/policy/KeyAdmission.ts"
import { afterStart, boundsStarts, mayStartOne, startableAt, takeUnits } from "../../Limits/policy/Starts.ts"
import { pending } from "../../Queue/policy/jobs/States.ts"
import { isForTimeOnly } from "../../Queue/policy/jobs/Waiting.ts"
import type { UnitsRequest, UnitsTaken } from "../KeyRecord.ts"
import type { JobTable } from "./JobTable.ts"
import type { Group } from "./Lane.ts"
import { Learning } from "./Learning.ts"
import type { LimitedKey } from "./LimitedKey.ts"
import { costIn, otherWaitOf, rareOf, slotsIn, type StoredJob } from "./StoredJob.ts"
import { TimedKeys } from "./TimedKeys.ts"

/** The lists in which a waiting job stands when it is in no line. */
export interface Lists {
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

export class KeySlots {
  private readonly table: JobTable
  readonly lists: Lists
  readonly learning: Learning
  private readonly timed = new TimedKeys()
  /** Keys that may promote once the job that left them has its place. */
  private freed: Array<LimitedKey> = []
  /** While many jobs are placed at once, none is promoted, and none of them is new to its line. */
  private isChanging = false
  /** Groups with a rate, or held back. */
  private readonly bounded = new Set<Group>()

  constructor(table: JobTable, lists: Lists) {
    this.table = table
    this.lists = lists
    this.learning = new Learning(table.epoch, {
      frees: (key) => this.freed.push(key),
      stir: lists.stir
    })
  }

  keyOf(job: StoredJob): LimitedKey | undefined {
    return job.lane.group.limits?.key(job.rare?.partitionKey ?? "")
  }

  isDue(job: StoredJob, now: number): boolean {
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

  promote(key: LimitedKey, now: number): void {
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

  hold(job: StoredJob, key: LimitedKey): void {
    job.rare!.admission!.holds = true
    key.held += slotsIn(job)
    key.holders.add(job)
  }

  admit(job: StoredJob, key: LimitedKey): void {
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

  mayStart(job: StoredJob, key: LimitedKey, now: number): boolean {
    return mayStart(key, key.policy, key.window, slotsIn(job), costIn(job), now)
  }

  /** Keeps in mind when the key has something to start, and lets go of one that has nothing to say. */
  look(key: LimitedKey, now: number): void {
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

  /** Time alone may let something of the group start. */
  bound(group: Group): void {
    this.bounded.add(group)
  }

  /** Nobody waits at the key any more, and nobody will. */
  forget(key: LimitedKey): void {
    this.timed.put(key, Number.POSITIVE_INFINITY)
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
      this.learning.learn(group, undefined, feedback)
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

  lift(key: LimitedKey, jobs: ReadonlyArray<StoredJob>): ReadonlyArray<StoredJob> {
    for (const job of jobs) {
      const tag = job.state === pending ? job.rare!.admission!.tag : undefined
      this.lists.unlist(job)
      if (job.rare!.admission !== undefined) this.leave(job)
      if (tag !== undefined) key.time = timeAfterReturn(key.time, tag)
    }
    return jobs
  }

  /** Places anew what `lift` has taken out of its place, all at once. */
  changing(now: number, lift: () => ReadonlyArray<StoredJob>): void {
    this.isChanging = true
    const jobs = lift()
    for (const job of jobs) this.lists.relist(job, now)
    this.isChanging = false
    this.refill(now)
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
}
