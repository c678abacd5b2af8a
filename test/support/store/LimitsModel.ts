/**
 * Limits in the model of a store: who holds slots of which key and who waits for them, found by going through all jobs.
 * What a policy means it asks of the rule book, which has tests of its own.
 */
import type { JobId } from "../../../src/services/Queue/Job.ts"
import { type GroupPolicy, type KeyPolicy, noPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import { tagNext, timeAfterClaim, timeAfterReturn } from "../../../src/services/Limits/policy/FairShare.ts"
import {
  admittedRank,
  costOf,
  fitsWindow,
  holdsWhileWaiting,
  isFifo,
  isRated,
  type KeyState,
  mayBeReady,
  mayStart,
  nextAt,
  slotsOf,
  windowOf
} from "../../../src/services/Limits/policy/KeyAdmission.ts"
import { type OwnRule, policyOf } from "../../../src/services/Limits/policy/KeyRules.ts"
import { eventOf, type Feedback, feedbackAfter, isOfKey } from "../../../src/services/Limits/policy/Feedback.ts"
import { opensAt } from "../../../src/services/Limits/policy/Holding.ts"
import { afterStart, mayStartOne, takeUnits } from "../../../src/services/Limits/policy/Starts.ts"
import type { UnitsTaken } from "../../../src/services/Store/KeyRecord.ts"
import type { NewJob, Settle } from "../../../src/services/Store/Turn.ts"
import type { ModelJob } from "./StoreModel.ts"

/** What is kept of a key beside its jobs. */
interface KeptKey {
  time: number
  tat: number
  feedback: Feedback | undefined
  heldBackUntil: number
  waitingSince: number | undefined
}

interface KeptGroup {
  declared: GroupPolicy
  operator: GroupPolicy | undefined
  limit: number
  time: number
  tat: number
  feedback: Feedback | undefined
  heldBackUntil: number
  readonly own: Map<string, OwnRule>
}

export interface ModelKey {
  readonly group: string
  readonly name: string
  readonly policy: KeyPolicy
  readonly window: number
  readonly isFair: boolean
  readonly paused: boolean
}

export type Place = Pick<NewJob, "group" | "partitionKey">

const idOf = ({ group, name }: Pick<ModelKey, "group" | "name">): string => `${group}\n${name}`

export const slotsIn = (job: ModelJob): number => slotsOf(job.new.extra)
export const costIn = (job: ModelJob): number => costOf(job.new.extra)

const isWaiting = ({ state }: ModelJob) => state === "scheduled" || state === "pending"
const isLive = (job: ModelJob) => isWaiting(job) || job.state === "running"
/** Nothing but its time and limits keeps it. */
const isFree = (job: ModelJob) => job.parents.length === 0 && !job.held
const isBefore = (a: ModelJob, b: ModelJob) => a.rank < b.rank || (a.rank === b.rank && a.id < b.id)
const inOrder = (jobs: ReadonlyArray<ModelJob>) => [...jobs].sort((a, b) => (isBefore(a, b) ? -1 : 1))

export class LimitsModel {
  private readonly jobs: () => ReadonlyArray<ModelJob>
  private readonly onLimited: (job: ModelJob) => void
  private groups = new Map<string, KeptGroup>()
  private keys = new Map<string, KeptKey>()
  /** While many jobs are placed at once, none is promoted, and none of them is new to its line. */
  private isChanging = false

  constructor(jobs: () => ReadonlyArray<ModelJob>, onLimited: (job: ModelJob) => void) {
    this.jobs = jobs
    this.onLimited = onLimited
  }

  get state() {
    return { groups: this.groups, keys: this.keys }
  }

  set state({ groups, keys }) {
    this.groups = groups
    this.keys = keys
  }

  group(name: string): KeptGroup {
    const group = this.groups.get(name) ?? {
      declared: noPolicy,
      operator: undefined,
      limit: Number.MAX_SAFE_INTEGER,
      time: 0,
      tat: 0,
      feedback: undefined,
      heldBackUntil: 0,
      own: new Map()
    }
    this.groups.set(name, group)
    return group
  }

  policy(name: string): GroupPolicy {
    const { declared, operator } = this.group(name)
    return operator ?? declared
  }

  find({ group, partitionKey = "" }: Place): ModelKey | undefined {
    const { limit, own } = this.group(group)
    const of = this.policy(group)
    const policy = policyOf(of, partitionKey, own.get(partitionKey))
    return policy === undefined
      ? undefined
      : {
          group,
          name: partitionKey,
          policy,
          window: windowOf(of, policy, limit),
          isFair: of.fair === true,
          paused: own.get(partitionKey)?.paused === true
        }
  }

  private kept(key: ModelKey): KeptKey {
    const kept = this.keys.get(idOf(key)) ?? {
      time: 0,
      tat: 0,
      feedback: undefined,
      heldBackUntil: 0,
      waitingSince: undefined
    }
    this.keys.set(idOf(key), kept)
    return kept
  }

  private holders(key: ModelKey): ReadonlyArray<ModelJob> {
    return this.jobs().filter((job) => job.key === idOf(key) && job.holds)
  }

  line(key: ModelKey): ReadonlyArray<ModelJob> {
    const jobs = this.jobs().filter((job) => job.key === idOf(key) && !job.holds)
    return isFifo(key.policy) ? jobs : inOrder(jobs)
  }

  private stateOf(key: ModelKey): KeyState {
    return {
      ...this.kept(key),
      held: this.holders(key).reduce((sum, job) => sum + slotsIn(job), 0),
      waiting: this.line(key).length,
      paused: key.paused
    }
  }

  private mayBeReady(key: ModelKey, job: ModelJob, now: number): boolean {
    return mayBeReady(this.stateOf(key), key.window, slotsIn(job), now)
  }

  private mayStart(key: ModelKey, job: ModelJob, now: number): boolean {
    return mayStart(this.stateOf(key), key.policy, key.window, slotsIn(job), costIn(job), now)
  }

  // Arrive, promote, leave.

  /** Gives a waiting job its place. False: no limit has to do with it. */
  place(job: ModelJob, now: number): boolean {
    const key = isFree(job) ? this.find(job.new) : undefined
    const left = job.key !== undefined && (key === undefined || job.key !== idOf(key)) ? this.leave(job) : undefined
    const isPlaced = key !== undefined && this.placeAt(job, key, now)
    this.promote(left, now)
    if (key !== undefined) this.promote(key, now)
    return isPlaced
  }

  private placeAt(job: ModelJob, key: ModelKey, now: number): boolean {
    const isDue = job.due <= now
    const holds = holdsWhileWaiting(key.policy)
    job.ownRank = job.rank
    if (job.key !== undefined) {
      if (!job.holds && (isDue || holds)) {
        job.state = "scheduled"
        return true
      }
      if (job.holds && isDue && !isRated(key.policy)) {
        if (key.isFair && job.tag === undefined) {
          this.tag(job, key)
          job.tag = this.group(key.group).time
        }
        this.ready(job, key)
        return true
      }
      if (job.holds && !isDue && holds) {
        job.state = "scheduled"
        return true
      }
      this.leave(job)
    }
    if (!isDue && !holds) return false
    job.key = idOf(key)
    job.holds = false
    job.state = "scheduled"
    if (this.isChanging) return true
    this.promote(key, now)
    const starts = isRated(key.policy) && this.line(key)[0] === job && this.mayStart(key, job, now)
    if (!job.holds && !starts) this.onLimited(job)
    return true
  }

  private tag(job: ModelJob, key: ModelKey): void {
    const kept = this.kept(key)
    const { keyTime, tag } = tagNext(this.group(key.group).time, kept.time, key.policy.weight ?? 1, slotsIn(job))
    kept.time = keyTime
    job.tag = tag
  }

  private ready(job: ModelJob, key: ModelKey): void {
    job.state = "pending"
    job.rank = admittedRank(job.id, job.ownRank, job.tag, key.policy)
  }

  /** A waiting job is taken out of where it stands: it has its own rank again. */
  lift(job: ModelJob): void {
    if (job.key !== undefined) job.rank = job.ownRank
  }

  /** Answers the key that the job left, which promotes when the job has its place. */
  leave(job: ModelJob): ModelKey | undefined {
    if (job.key === undefined) return undefined
    const [group, name] = job.key.split("\n")
    job.key = undefined
    job.holds = false
    job.tag = undefined
    return this.find({ group: group!, partitionKey: name === "" ? undefined : name! })
  }

  promote(key: ModelKey | undefined, now: number): void {
    if (key === undefined || this.isChanging) return
    for (let [job] = this.line(key); job !== undefined; [job] = this.line(key)) {
      if (!this.mayBeReady(key, job, now) || (job.due <= now && isRated(key.policy))) break
      this.admit(job, key, now)
    }
    const kept = this.kept(key)
    kept.waitingSince = this.line(key).length === 0 ? undefined : (kept.waitingSince ?? now)
  }

  private admit(job: ModelJob, key: ModelKey, now: number): void {
    job.holds = true
    if (job.due > now) return
    if (key.isFair) this.tag(job, key)
    this.ready(job, key)
  }

  /** Whether a running job keeps its slots when it waits again; `rest` follows otherwise. */
  keeps(job: ModelJob): boolean {
    const key = this.find(job.new)
    return job.key !== undefined && key !== undefined && holdsWhileWaiting(key.policy) && isFree(job)
  }

  /** Keys that are held back no longer promote. */
  promoteDue(now: number): void {
    for (const key of this.known()) this.promote(key, now)
  }

  private known(): ReadonlyArray<ModelKey> {
    const ofJobs = this.jobs().flatMap(({ key }) => key ?? [])
    return [...new Set([...this.keys.keys(), ...ofJobs])].flatMap((id) => {
      const [group, name] = id.split("\n")
      return this.find({ group: group!, partitionKey: name === "" ? undefined : name! }) ?? []
    })
  }

  // Claims.

  /** Makes ready what a claim may start of rated keys. Answers how to end that. */
  promoteForClaim(group: string, room: number, tasks: ReadonlyArray<string>, now: number): () => void {
    const before = structuredClone(this.keys)
    const { time } = this.group(group)
    const promoted: Array<ModelJob> = []
    while (promoted.length < room) {
      const candidates = this.known().flatMap((key) => {
        const [job] = this.line(key)
        if (key.group !== group || !isRated(key.policy) || job === undefined || !tasks.includes(job.new.task)) return []
        if (job.due > now || !this.mayStart(key, job, now)) return []
        const rank = key.isFair
          ? Math.max(time, this.kept(key).time)
          : admittedRank(job.id, job.ownRank, undefined, key.policy)
        return [{ key, job, rank }]
      })
      const next = candidates.sort((a, b) => a.rank - b.rank || a.job.id - b.job.id)[0]
      if (next === undefined) break
      this.admit(next.job, next.key, now)
      this.charge(next.job, next.key, now)
      promoted.push(next.job)
    }
    return () => {
      const keys = promoted.map((job) => ({ job, key: this.find(job.new)! }))
      for (const { key } of keys) {
        const { feedback, tat = 0, time: keyTime = 0 } = before.get(idOf(key)) ?? {}
        Object.assign(this.kept(key), { feedback, tat, time: keyTime })
      }
      for (const { job, key } of keys) {
        if (job.state === "running") {
          this.charge(job, key, now)
          const kept = this.kept(key)
          if (key.isFair) kept.time = tagNext(time, kept.time, key.policy.weight ?? 1, slotsIn(job)).keyTime
        } else if (job.state === "pending") {
          this.lift(job)
          Object.assign(job, { state: "scheduled", holds: false, tag: undefined })
        }
      }
      for (const { key } of keys) this.promote(key, now)
    }
  }

  private charge(job: ModelJob, key: ModelKey, now: number): void {
    const kept = this.kept(key)
    Object.assign(kept, afterStart(key.policy, kept, costIn(job), now))
  }

  /** What the end of an attempt says of the other side. */
  heard(job: ModelJob, settle: Settle, now: number): void {
    const event = eventOf(settle, job.startedAt!, costIn(job))
    const key = job.key === undefined ? undefined : this.find(job.new)
    const policy = this.policy(job.new.group)
    const ofKey = event._tag !== "Refused" || isOfKey(policy, key?.policy)
    const group = this.group(job.new.group)
    if (event._tag !== "Refused" || !ofKey) group.feedback = feedbackAfter(policy, group.feedback, event, now)
    if (key === undefined || !ofKey) return
    const kept = this.kept(key)
    kept.feedback = feedbackAfter(key.policy, kept.feedback, event, now)
  }

  /** Whether the group lets anything start, and this at its rate. */
  isOpen(group: string, now: number): boolean {
    return this.group(group).heldBackUntil <= now
  }

  allows(job: ModelJob, now: number): boolean {
    return mayStartOne(this.policy(job.new.group), this.group(job.new.group), costIn(job), now)
  }

  begins(job: ModelJob, now: number): void {
    const group = this.group(job.new.group)
    Object.assign(group, afterStart(this.policy(job.new.group), group, costIn(job), now))
    if (job.key === undefined) return
    if (job.tag !== undefined) group.time = timeAfterClaim(group.time, job.tag)
    job.tag = undefined
    job.rank = job.ownRank
  }

  // Enqueues.

  tooLarge({ extra, ...place }: NewJob): { readonly of: "group" | "key"; readonly limit: number } | undefined {
    const { limit } = this.group(place.group)
    if (slotsOf(extra) > Math.max(1, limit)) return { of: "group", limit }
    const allowed = this.find(place)?.policy.concurrency ?? Number.POSITIVE_INFINITY
    return slotsOf(extra) > Math.max(1, allowed) ? { of: "key", limit: allowed } : undefined
  }

  overBacklog(place: Place): { readonly of: "group" | "key"; readonly limit: number } | undefined {
    const waiting = this.jobs().filter((job) => isWaiting(job) && job.new.group === place.group)
    const ofGroup = this.policy(place.group).backlog
    if (ofGroup !== undefined && waiting.length >= ofGroup) return { of: "group", limit: ofGroup }
    const ofKey = this.find(place)?.policy.backlog
    const own = waiting.filter((job) => (job.new.partitionKey ?? "") === (place.partitionKey ?? ""))
    return ofKey !== undefined && own.length >= ofKey ? { of: "key", limit: ofKey } : undefined
  }

  /** What the policy does with a new job that would have to wait: the jobs that go instead, or `"newest"`. */
  conflict(job: ModelJob, now: number): { readonly key: ModelKey; readonly cancels: "newest" | "others" } | undefined {
    const key = isFree(job) ? this.find(job.new) : undefined
    const isDue = job.due <= now
    if (key === undefined || (!isDue && !holdsWhileWaiting(key.policy))) return undefined
    const { conflict = "queue" } = key.policy
    const first = this.line(key)[0]
    const isFirst = first === undefined || (!isFifo(key.policy) && isBefore(job, first))
    const starts = isDue ? this.mayStart(key, job, now) : this.mayBeReady(key, job, now)
    if (conflict === "queue" || (isFirst && starts)) return undefined
    return { key, cancels: conflict === "cancelNewest" ? "newest" : "others" }
  }

  /** Whether a job would be next and fit, once those that run cancelled are gone. */
  hasRoomFor(key: ModelKey, job: ModelJob): boolean {
    const leaving = this.holders(key).filter(
      ({ cancelReason, state }) => state === "running" && cancelReason !== undefined
    )
    const held = this.stateOf(key).held - leaving.reduce((sum, other) => sum + slotsIn(other), 0)
    return this.line(key).length === 0 && fitsWindow(key.window, held, slotsIn(job))
  }

  /** Of the key, the oldest first. */
  arrived(key: ModelKey): ReadonlyArray<JobId> {
    return this.jobs()
      .filter((job) => job.key === idOf(key))
      .map(({ id }) => id)
  }

  // Operators and the other side.

  holdBack(job: ModelJob, until: number, now: number): void {
    const limited = this.find(job.new)
    const key = isOfKey(this.policy(job.new.group), limited?.policy) ? limited : undefined
    const of = key === undefined ? this.group(job.new.group) : this.kept(key)
    of.heldBackUntil = Math.max(of.heldBackUntil, until)
    if (key !== undefined) this.replace(() => [...this.holders(key)].filter(({ state }) => state === "pending"), now)
  }

  /** Makes a change after which policies of the group's keys may be others. */
  change(group: string, now: number, make: (group: KeptGroup) => void): void {
    const live = this.jobs().filter((job) => isLive(job) && job.new.group === group)
    const before = new Map(live.map((job) => [job, JSON.stringify(this.find(job.new))]))
    make(this.group(group))
    for (const id of [...this.keys.keys()]) {
      const [of, name] = id.split("\n")
      if (of === group && this.find({ group, partitionKey: name === "" ? undefined : name! }) === undefined)
        this.keys.delete(id)
    }
    const changed = live.filter((job) => JSON.stringify(this.find(job.new)) !== before.get(job))
    for (const job of changed) {
      if (job.state !== "running") continue
      const key = this.find(job.new)
      Object.assign(job, {
        key: key === undefined ? undefined : idOf(key),
        holds: key !== undefined,
        ownRank: job.rank
      })
    }
    this.replace(() => changed.filter((job) => isWaiting(job) && isFree(job)), now)
    if (this.policy(group).fair === true) return
    this.group(group).time = 0
    for (const [id, key] of this.keys) if (id.startsWith(`${group}\n`)) key.time = 0
  }

  /** Places these waiting jobs anew, all at once. */
  private replace(jobs: () => ReadonlyArray<ModelJob>, now: number): void {
    this.isChanging = true
    const moved = jobs()
    for (const job of moved) {
      const { state, tag } = job
      this.lift(job)
      const key = this.leave(job)
      if (key !== undefined && state === "pending" && tag !== undefined)
        this.kept(key).time = timeAfterReturn(this.kept(key).time, tag)
    }
    for (const job of moved) if (!this.place(job, now)) job.state = job.due <= now ? "pending" : "scheduled"
    this.isChanging = false
    for (const key of this.known()) this.promote(key, now)
  }

  takeUnits(group: string, name: string | undefined, cost: number, isPaused: boolean, now: number): UnitsTaken {
    const key = name === undefined ? undefined : this.find({ group, partitionKey: name })
    if (name !== undefined && key === undefined) return { taken: true, at: now }
    const of = key === undefined ? this.group(group) : this.kept(key)
    const keeps = { isPaused: isPaused || key?.paused === true, opensAt: opensAt(this.policy(group), now) }
    const units = takeUnits(key?.policy ?? this.policy(group), of, keeps, cost, now)
    if (!units.taken) return units
    of.tat = units.tat
    return { taken: true, at: now }
  }

  /** A fair group in which nothing is held or waits begins anew. */
  repair(): void {
    for (const [name, group] of this.groups) {
      const keys = this.known().filter((key) => key.group === name)
      if (this.policy(name).fair !== true || keys.some((key) => this.holders(key).length + this.line(key).length > 0))
        continue
      group.time = keys.reduce((latest, key) => Math.max(latest, this.kept(key).time), group.time)
    }
  }

  /** What a store says of the keys that have something to say; times that are past as `now`. */
  records(now: number) {
    const names = [...this.groups].flatMap(([group, { own }]) =>
      [...own.keys()].map((partitionKey) => ({ group, partitionKey }))
    )
    const places = [...this.known().map(({ group, name }) => ({ group, partitionKey: name })), ...names]
    const unique = new Map(places.map((place) => [`${place.group}\n${place.partitionKey}`, place]))
    return [...unique.values()]
      .map(({ group, partitionKey }) => {
        const key = this.find({ group, partitionKey })!
        const state = this.stateOf(key)
        const own = this.group(group).own.get(partitionKey)
        const [next] = this.line(key)
        const at = next === undefined ? undefined : nextAt(state, key.policy, key.window, slotsIn(next), costIn(next))
        return {
          group,
          key: partitionKey,
          policy: key.policy,
          ownPolicy: own?.policy,
          held: state.held,
          running: this.holders(key)
            .filter((job) => job.state === "running")
            .reduce((sum, job) => sum + slotsIn(job), 0),
          waiting: state.waiting,
          waitingSince: this.kept(key).waitingSince,
          nextAt: at === undefined ? undefined : Math.max(at, now),
          heldBackUntil: state.heldBackUntil > now ? state.heldBackUntil : 0,
          tat: state.tat > now ? state.tat : 0,
          feedback: state.feedback,
          paused: key.paused
        }
      })
      .filter(
        ({ held, heldBackUntil, ownPolicy, paused, waiting }) =>
          held > 0 || waiting > 0 || paused || ownPolicy !== undefined || heldBackUntil > 0
      )
      .sort((a, b) => b.waiting - a.waiting || order(a.group, b.group) || order(a.key, b.key))
  }
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
