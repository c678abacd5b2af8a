/**
 * Whether jobs may start whose other side seems to be down (Nygard, "Release It!", 2007, circuit breaker). *Closed*:
 * they start. When enough attempts ended of late and too many of them failed it *opens*: nothing starts, no attempt is
 * spent. After a time it is *half-open*: a few start as probes. When all of them succeed it closes; one that fails
 * opens it again, for longer each time. Attempts that had started before it was half-open decide nothing then.
 */
import type { BreakerPolicy } from "../GroupPolicy.ts"
import { counted, countAt, noCount, type SlidingCount } from "./SlidingCount.ts"

export interface BreakerState {
  readonly ended: SlidingCount
  readonly failed: SlidingCount
  /** Nothing starts before, in milliseconds since 1970, and from then on probes; 0: it is closed. */
  readonly openUntil: number
  /** How many times in a row it opened. */
  readonly opened: number
  /** Probes that started and have not ended, the last of them at `probedAt`. */
  readonly probing: number
  readonly probedAt: number
  readonly succeeded: number
}

export const newBreaker: BreakerState = {
  ended: noCount,
  failed: noCount,
  openUntil: 0,
  opened: 0,
  probing: 0,
  probedAt: 0,
  succeeded: 0
}

export type BreakerStanding = "closed" | "open" | "halfOpen"

export const standingOf = ({ openUntil }: BreakerState, now: number): BreakerStanding =>
  openUntil === 0 ? "closed" : now < openUntil ? "open" : "halfOpen"

/** A policy with nothing left out. */
interface Rules {
  readonly share: number
  readonly least: number
  readonly windowMs: number
  readonly openMs: number
  readonly probes: number
}

const defaults: Rules = { share: 0.5, least: 20, windowMs: 60_000, openMs: 30_000, probes: 1 }

/** An outage of hours is looked into no more often than this many times `openMs`. */
const longestOpen = 10

const rulesOf = ({ least, openMs, probes, share, windowMs }: BreakerPolicy): Rules => ({
  share: share ?? defaults.share,
  least: least ?? defaults.least,
  windowMs: windowMs ?? defaults.windowMs,
  openMs: openMs ?? defaults.openMs,
  probes: probes ?? defaults.probes
})

/** How many may start now. */
export const mayStartNow = (policy: BreakerPolicy, state: BreakerState, now: number): number => {
  const { openMs, probes } = rulesOf(policy)
  switch (standingOf(state, now)) {
    case "closed":
      return Number.POSITIVE_INFINITY
    case "open":
      return 0
    case "halfOpen":
      // A probe that ended unheard, with its worker, is not waited for longer than this.
      return now >= state.probedAt + openMs && state.probing > 0
        ? probes - state.succeeded
        : Math.max(0, probes - state.succeeded - state.probing)
  }
}

/** From when on, in milliseconds since 1970, time alone lets something start; it may be past. */
export const startsAt = (policy: BreakerPolicy, { openUntil, probedAt, probing, succeeded }: BreakerState): number => {
  const { openMs, probes } = rulesOf(policy)
  return openUntil === 0 || probing + succeeded < probes ? openUntil : Math.max(openUntil, probedAt + openMs)
}

/** So many started. */
export const started = (policy: BreakerPolicy, state: BreakerState, count: number, now: number): BreakerState => {
  if (standingOf(state, now) !== "halfOpen") return state
  const unheard = now >= state.probedAt + rulesOf(policy).openMs
  return { ...state, probing: (unheard ? 0 : state.probing) + count, probedAt: now }
}

const opens = ({ openMs }: Rules, { opened }: BreakerState, now: number): BreakerState => ({
  ...newBreaker,
  openUntil: now + openMs * Math.min(longestOpen, 2 ** opened),
  opened: opened + 1
})

export type AttemptVerdict =
  | "succeeded"
  | "failed"
  /** It says nothing about the other side: refused by it, handed back, cancelled, lost with its worker. */
  | "silent"

/**
 * An attempt that started at `startedAt` has ended. `rides`: in the slot of another of its batch, which is the probe
 * where the batch is one; its failure says as much as that of any.
 */
export const ended = (
  policy: BreakerPolicy,
  state: BreakerState,
  verdict: AttemptVerdict,
  startedAt: number,
  now: number,
  rides = false
): BreakerState => {
  const rules = rulesOf(policy)
  if (state.openUntil > 0) {
    if (startedAt < state.openUntil || (rides && verdict !== "failed")) return state
    const probing = Math.max(0, state.probing - 1)
    if (verdict === "silent") return { ...state, probing }
    if (verdict === "failed") return opens(rules, state, now)
    return state.succeeded + 1 >= rules.probes ? newBreaker : { ...state, probing, succeeded: state.succeeded + 1 }
  }
  if (verdict === "silent") return state
  const next: BreakerState = {
    ...state,
    ended: counted(state.ended, rules.windowMs, now),
    failed: counted(state.failed, rules.windowMs, now, verdict === "failed" ? 1 : 0)
  }
  const all = countAt(next.ended, rules.windowMs, now)
  const isTooMuch = countAt(next.failed, rules.windowMs, now) >= rules.share * all
  return verdict === "failed" && all >= rules.least && isTooMuch ? opens(rules, state, now) : next
}
