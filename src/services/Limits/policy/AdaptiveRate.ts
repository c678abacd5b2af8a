/**
 * The rate that the other side takes, found from what it accepts and refuses.
 *
 * A refusal tells what was taken: what was accepted since the other side last opened, over that time and the time that
 * it stays closed. From a little below, the rate rises as the window of CUBIC does (Ha, Rhee and Xu, "CUBIC: a new
 * TCP-friendly high-speed TCP variant", ACM SIGOPS Operating Systems Review 42(5), 2008; RFC 9438): fast towards what
 * was taken, long near it, then ever faster beyond, to find out when more is taken. It rises with what is accepted, not
 * with time: who asks for little learns nothing of what more would meet. Refusals of what had started before the last
 * one say nothing new.
 *
 * What the other side takes is counted when attempts end, by the store's time.
 */
import type { Rate } from "../GroupPolicy.ts"
import { burstOf } from "./Rates.ts"
import { counted, countAt, noCount, type SlidingCount } from "./SlidingCount.ts"

export interface AdaptiveState {
  /** Accepted of late. */
  readonly accepted: SlidingCount
  /** Accepted since `openAt`. */
  readonly sinceOpen: number
  /** Since when the other side takes more, in milliseconds since 1970; 0: nothing has ended yet. */
  readonly openAt: number
  /** Units per second that it took when it last refused; 0: it never did. */
  readonly taken: number
  /** When it last refused, in milliseconds since 1970. */
  readonly refusedAt: number
  /** How long, in milliseconds, what was accepted since then takes at the rates it was started at. */
  readonly risenMs: number
  /** After how long of that as much is asked for again as was taken, in milliseconds. */
  readonly returnMs: number
}

export const newAdaptive: AdaptiveState = {
  accepted: noCount,
  sinceOpen: 0,
  openAt: 0,
  taken: 0,
  refusedAt: 0,
  risenMs: 0,
  returnMs: 0
}

/**
 * Part of what was taken that is left out at first: what the other side counts and what is counted here differ a bit.
 */
const below = 0.05
/** What was accepted in the last period counts at least as so much of what is taken. */
const trust = 0.95
/**
 * From a refusal until as much is asked for as was taken: at least so long, in milliseconds, and at least so many
 * units.
 */
const leastReturnMs = 10_000
const leastReturnUnits = 50
/**
 * The same after the first refusal. What was accepted before it may have been of two periods of the other side, so that
 * half of it is believed; then, or where nothing was known at all, a rate is to be found soon.
 */
const leastSearchMs = 2_000
const searchUnits = 5
/** Where the other side closes for longer than a period the rate falls to this part at least. */
const steepest = 0.125
/** Accepted units from which on a period tells a rate. */
const enough = 5
/** Starts that are late by a timer or a turn are made up for: units of so many milliseconds may start at once. */
const slackMs = 25

/** What counts as one period of the other side: that of the declared rate, a second at least. */
const periodOf = (declared: Rate | undefined): number => Math.max(1_000, declared?.perMs ?? 1_000)

const perSecond = ({ limit, perMs }: Rate): number => (limit * 1_000) / perMs

/** Units per second in force; infinite: no bound. */
const rateIn = ({ returnMs, risenMs, taken }: AdaptiveState, declared: Rate | undefined): number => {
  const most = declared === undefined ? Number.POSITIVE_INFINITY : perSecond(declared)
  if (taken === 0) return most
  return Math.min(most, taken * (1 + below * (risenMs / returnMs - 1) ** 3))
}

/**
 * The rate in force: never above the declared one. Undefined: no bound, as long as nothing was refused and none is
 * declared.
 */
export const adaptedRate = (state: AdaptiveState, declared: Rate | undefined): Rate | undefined => {
  if (state.taken === 0) return declared
  const limit = rateIn(state, declared)
  const burst = 1 + Math.floor((limit * slackMs) / 1_000)
  return { limit, perMs: 1_000, burst: declared === undefined ? burst : Math.min(burst, burstOf(declared)) }
}

/** The other side took a job of so many units, whatever became of it. */
export const accepted = (
  state: AdaptiveState,
  declared: Rate | undefined,
  units: number,
  now: number
): AdaptiveState => ({
  ...state,
  accepted: counted(state.accepted, periodOf(declared), now, units),
  sinceOpen: state.sinceOpen + units,
  openAt: state.openAt === 0 ? now : state.openAt,
  risenMs: state.taken === 0 ? 0 : state.risenMs + (units * 1_000) / rateIn(state, declared)
})

/** It refused a job that had started at `startedAt`, and takes more from `openAt` on. */
export const refused = (
  state: AdaptiveState,
  declared: Rate | undefined,
  startedAt: number,
  openAt: number,
  now: number
): AdaptiveState => {
  if (startedAt < state.refusedAt) return openAt > state.openAt ? { ...state, openAt } : state
  const periodMs = periodOf(declared)
  const closedMs = Math.max(1, openAt - now)
  const openMs = state.openAt === 0 ? 0 : Math.max(0, now - state.openAt)
  const ofCycle = (state.sinceOpen * 1_000) / (openMs + closedMs)
  const inPeriod = countAt(state.accepted, periodMs, now)
  const ofPeriod = (inPeriod * 1_000) / periodMs
  const inForce = rateIn(state, declared)
  const asked = Number.isFinite(inForce) ? inForce : 2 * ofPeriod
  const isKnown = inPeriod >= enough
  // Closed for longer than a period: its own period is longer, and what was accepted in ours tells nothing.
  const isLong = closedMs > periodMs
  const isFirst = state.taken === 0
  const told = isLong ? asked * steepest : !isKnown ? asked / 2 : isFirst ? ofPeriod / 2 : trust * ofPeriod
  const taken = Math.min(inForce, Math.max(1_000 / Math.max(periodMs, closedMs), told, ofCycle))
  const isSearch = isFirst && !isLong && (isKnown || !Number.isFinite(inForce))
  return {
    accepted: state.accepted,
    sinceOpen: 0,
    openAt,
    taken,
    refusedAt: now,
    risenMs: 0,
    returnMs: isSearch
      ? Math.max(leastSearchMs, (searchUnits * 1_000) / taken)
      : Math.max(leastReturnMs, (leastReturnUnits * 1_000) / taken)
  }
}
