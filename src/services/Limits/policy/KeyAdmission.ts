/**
 * When a job of a limited key may be ready. Admission is at promotion: a limited job is `pending` only while it holds
 * its key's slots, so that the claim is the same walk in order of rank as without limits, cannot exceed a key's limit
 * and is never held up by a key that is full. Every store moves jobs in these steps, one job after the other:
 *
 * - *Arrive.* Nothing but the limit keeps the job: it goes into the key's line, by its own rank or, `fifo`, by id, and
 *   the key promotes. A job of a key that `holds` arrives when it is enqueued, whatever its time; others when that has
 *   come, in order of their due times. Jobs that wait for others (parents, a unique key) arrive after that and hold
 *   nothing meanwhile.
 * - *Promote.* While the first in line fits (`mayBeReady`), it takes its slots and is pending, with the rank that
 *   `admittedRank` says; its own rank is kept and comes back when it is pending no more. Of a key that `holds`, one
 *   whose time has not come takes its slots and is `scheduled` until then. Of a *rated* key nothing else is promoted
 *   here.
 * - *Leave.* Whatever ends a job's hold (its end, another attempt, another group, a lost worker) gives its slots back;
 *   when the job has been placed where it goes next, the key it left promotes. A job of a key that `holds` keeps its
 *   slots over a retry, a hand-back and a lost worker, unless it then waits for other jobs.
 * - *Claim.* Rated keys promote inside the claim only, since starts are what a rate counts. At most as many jobs as the
 *   claim has room for are promoted, always the one that comes first by the rank it would be admitted with, then id,
 *   among the first in line of keys that may start one (`mayStart`, as if what was promoted so far had started) and
 *   whose task the session runs; of many such keys, among those that may have longest (`keysInClaim`). The claim then
 *   goes on as ever, and what is left of them goes back as if it had not been promoted.
 * - *Change.* Where the policy of a key, or its window, has become another, running jobs hold what they held, or begin
 *   to, and nothing starts but by what holds now. All its other jobs go back to where they arrive, those in the line
 *   too, and it promotes; a store may take some at a time, in order of id. A group that is fair no more forgets its
 *   virtual times.
 */
import { enqueuedAt } from "../../Queue/policy/JobIds.ts"
import { defaultAgeingStepMs, defaultPriority, rank } from "../../Queue/policy/Rank.ts"
import type { JobExtra, JobId } from "../../Queue/Job.ts"
import type { GroupPolicy, KeyPolicy } from "../GroupPolicy.ts"
import { isStale } from "./Feedback.ts"
import { boundsStarts, mayStartOne, startableAt, type StartState } from "./Starts.ts"

/** What a store keeps of a limited key. */
export interface KeyState extends StartState {
  /** Slots held by its jobs: ready ones, running ones, and with `holds` those that wait for their time. */
  readonly held: number
  /** Jobs `scheduled` for the reason `limit`. */
  readonly waiting: number
  /** Virtual time in a fair group. */
  readonly time: number
  /** Nothing of it starts before, in milliseconds since 1970; 0: not held back. */
  readonly heldBackUntil: number
  readonly paused: boolean
}

export const newKey: KeyState = {
  held: 0,
  waiting: 0,
  time: 0,
  tat: 0,
  feedback: undefined,
  heldBackUntil: 0,
  paused: false
}

/**
 * Whether nothing has to be remembered of a key any more: its record may go, unnoticed. `groupTime`: the virtual time
 * of a fair group; a key that is ahead of it must not begin anew. Where nothing of a fair group is held or waits, its
 * time may be moved on to that of the last of its keys.
 */
export const isForgettable = (state: KeyState, groupTime: number, now: number): boolean =>
  state.held === 0 &&
  state.waiting === 0 &&
  state.time <= groupTime &&
  state.tat <= now &&
  state.heldBackUntil <= now &&
  isStale(state.feedback, now) &&
  !state.paused

/** Slots of a job of its group and key. */
export const slotsOf = (extra: JobExtra | undefined): number => extra?.slots ?? 1

/** Units of its rates that a start of the job takes. */
export const costOf = (extra: JobExtra | undefined): number => extra?.cost ?? 1

/**
 * Rated keys that a claim with `room` looks at, however many may start a job: among these a priority reaches across
 * keys, and those that are left come to the front as these start theirs.
 */
export const keysInClaim = (room: number): number => Math.max(100, room)

/** Whether its starts are bounded by a rate, by what the other side takes, or by a breaker. */
export const isRated: (policy: KeyPolicy) => boolean = boundsStarts

export const isFifo = ({ order }: KeyPolicy): boolean => order === "fifo"

/** Whether a job of the key that waits for its time holds its slots. */
export const holdsWhileWaiting = (policy: KeyPolicy): boolean => isFifo(policy) && policy.holds !== false

/** Slots a fair key without a limit of its own may hold where its group has no limit. */
const widestWindow = 1_000

/**
 * Slots of a key at most. In a fair group a key has no more ready than the group has slots: enough to fill it alone,
 * and few enough that what is admitted later still finds its place.
 */
export const windowOf = (group: GroupPolicy, policy: KeyPolicy, groupSlots: number): number => {
  const own = policy.concurrency ?? (isFifo(policy) ? 1 : undefined)
  if (own !== undefined) return own
  return group.fair === true ? Math.max(1, Math.min(groupSlots, widestWindow)) : Number.POSITIVE_INFINITY
}

/**
 * Slots that a job of a key may ask for at most. Where nobody said how many the key has, only its group bounds them: of
 * a `fifo` key one *job* runs at a time, whatever it takes.
 */
export const slotsAllowed = ({ concurrency }: KeyPolicy): number => concurrency ?? Number.POSITIVE_INFINITY

/**
 * Whether the next job of a key fits its window. One that asks for more than the window runs alone: a limit that was
 * lowered strands nothing.
 */
export const fitsWindow = (window: number, held: number, slots: number): boolean => held === 0 || held + slots <= window

/** Whether a job of a key that is not rated may be ready. Beside it nothing of the key may wait that comes first. */
export const mayBeReady = (state: KeyState, window: number, slots: number, now: number): boolean =>
  !state.paused && state.heldBackUntil <= now && fitsWindow(window, state.held, slots)

/** Whether a claim may start the next job of a key, rated or not. */
export const mayStart = (
  state: KeyState,
  policy: KeyPolicy,
  window: number,
  slots: number,
  cost: number,
  now: number
): boolean => mayBeReady(state, window, slots, now) && mayStartOne(policy, state, cost, now)

/**
 * From when on, in milliseconds since 1970, time alone lets the next job of a key start, which may be past; undefined:
 * something else has to happen first, or nothing waits. `cost` of the job that comes next.
 */
export const nextAt = (
  state: KeyState,
  policy: KeyPolicy,
  window: number,
  slots: number,
  cost: number
): number | undefined => {
  if (state.waiting === 0 || state.paused || !fitsWindow(window, state.held, slots)) return undefined
  return Math.max(state.heldBackUntil, startableAt(policy, state, cost))
}

/**
 * The rank of a job while it is ready: its start tag in a fair group, else its own, but for a line in order of enqueue.
 * There it is that of a job due when this one was enqueued, with the default priority and step: those of one key start
 * in their order, and the key neither jumps others nor starves behind them.
 */
export const admittedRank = (id: JobId, own: number, tag: number | undefined, policy: KeyPolicy): number =>
  tag ?? (isFifo(policy) ? rank(enqueuedAt(id), defaultPriority, defaultAgeingStepMs) : own)
