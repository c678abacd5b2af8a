/**
 * How many jobs of a group a worker runs at a time when they contend (a lock, a pool of connections, one disk): the
 * number with the best goodput, found by trying. What is best, and how surely two numbers differ, is `Goodput.ts`.
 *
 * The way there is hill climbing with steps that adapt, each decided by a sequential test:
 * - *climbing*: from `min` by half of the present number, as long as that brings something;
 * - *narrowing*: a step up, a step down, then half the step, until it is a twentieth of the number;
 * - *resting*: it stays, and tries one step, every half a minute at first, every five minutes in the end; a seventh of
 *   the number, or more where the noise hides what that brings. A CUSUM of the goodput (E. S. Page, Continuous
 *   inspection schemes, Biometrika 1954) ends the rest when it changes: climbing again when it rose;
 * - *backing off* when it fell: half the number, and half again, as long as that is not worse. Where nearly all fails
 *   no step shows a slope.
 *
 * A step is taken when it is better by 2.5 standard errors; at 5, or while climbing, at once, else after the number
 * before it was measured once more, so that a drift of the load meanwhile is not taken for its work. It is given up at
 * 1.5 standard errors below.
 *
 * Considered: latency against that of an empty system as gradient (TCP Vegas; Netflix's concurrency-limits, Gradient2).
 * It needs jobs of like length, and does not see failures. A fit of the Universal Scalability Law: wrong at a cliff,
 * which a full pool is. `docs/decisions/0012-tuning-and-routing.md` has the figures.
 */
import * as Goodput from "./Goodput.ts"
import type { PoolSample, PoolSizing, Sized, SlotBounds } from "./PoolSize.ts"

export interface ConcurrencyState extends Sized {
  readonly phase: "climbing" | "backing off" | "narrowing" | "resting"
  /** The number that was best so far. */
  readonly centre: number
  readonly step: number
  readonly direction: 1 | -1
  /** A step the other way is known not to help. */
  readonly onlyWay: boolean
  /** What is tried at rest, of the centre. */
  readonly upPart: number
  readonly downPart: number
  /** Steps taken in a row. */
  readonly inRow: number
  /** The number beside the centre that is tried, or was last. */
  readonly candidate: number
  /** What is measured: the centre, a number beside it, or the centre once more after that. */
  readonly stage: "centre" | "beside" | "again"
  /** Jobs still to end, and milliseconds gone, until counts tell of the present number. */
  readonly settling: { readonly jobs: number; readonly ms: number } | undefined
  /** Since `slots` was set, settling apart. At rest the last minute or so. */
  readonly here: Goodput.Stretch
  /** Jobs that ended in it, failures too. */
  readonly finishedHere: number
  readonly atCentre: Goodput.Stretch
  readonly beside: Goodput.Stretch
  readonly restMs: number
  readonly restSpanMs: number
  readonly noise: Goodput.Noise
  /** How far goodput was above and below what it was, added up, in standard errors. */
  readonly above: number
  readonly below: number
  /** For how long slots have not been what jobs wait for. */
  readonly unpressedMs: number
}

/** Slots count as full from this part of them on: some are always between one job and the next. */
const fullPart = 0.75
/** Steps, of the present number: while climbing and at most; at least; the first at rest, and by what it widens. */
const stride = 0.5
const finest = 0.05
const restStep = 0.15
const widening = 1.5
/** After a change jobs begun under the old number end first: as many as there are slots, or this long. */
const settleMostMs = 30_000
/** A stretch says something from here on: two samples, two jobs per slot. */
const stretchLeastMs = 2000
const jobsPerSlot = 2
/**
 * So many completions, or three times as many failures, are a base to compare with; fewer are if they took this long.
 */
const evidence = 30
const evidenceMostMs = 300_000
/** Differences below one per cent are not looked for. */
const resolution = 0.01
/** A trial ends here, undecided: while climbing, and later. */
const strideMostMs = 30_000
const trialMostMs = 120_000
/** In standard errors. */
const likely = 1.5
const surely = 2.5
const clearly = 5
/** Between two trials at rest. */
const restFirstMs = 30_000
const restMostMs = 300_000
/** Goodput at rest is remembered for about so long. */
const memoryMs = 60_000
/**
 * The CUSUM: what is forgiven per sample, in standard errors and as a part of the goodput; where it ends the rest; its
 * least base.
 */
const allowance = 0.5
const allowancePart = 0.05
const changed = 12
const changeBaseMs = 20_000
/** Until a trial is called off because jobs no longer wait for slots. */
const patienceMs = 10_000

const bounded = (slots: number, { max, min }: SlotBounds) => Math.max(1, min, Math.min(max, slots))

const initial = (bounds: SlotBounds): ConcurrencyState => {
  const slots = bounded(bounds.min, bounds)
  return {
    slots,
    reason: "start",
    phase: "climbing",
    centre: slots,
    step: Math.max(1, Math.round(slots * stride)),
    direction: 1,
    onlyWay: true,
    upPart: restStep,
    downPart: restStep,
    inRow: 0,
    candidate: slots,
    stage: "centre",
    settling: undefined,
    here: Goodput.nothing,
    finishedHere: 0,
    atCentre: Goodput.nothing,
    beside: Goodput.nothing,
    restMs: 0,
    restSpanMs: restFirstMs,
    noise: Goodput.unknownNoise,
    above: 0,
    below: 0,
    unpressedMs: 0
  }
}

const finestStep = (centre: number) => Math.max(1, Math.round(centre * finest))

/** Sets the slots and begins a new stretch. */
const moved = (
  state: ConcurrencyState,
  slots: number,
  stage: ConcurrencyState["stage"],
  reason: ConcurrencyState["reason"]
): ConcurrencyState => ({
  ...state,
  slots,
  stage,
  reason,
  settling: { jobs: Math.max(slots, state.slots), ms: 0 },
  here: Goodput.nothing,
  finishedHere: 0,
  noise: Goodput.broken(state.noise),
  above: 0,
  below: 0
})

/** Stays for a while, to try `direction` then. */
const rest = (state: ConcurrencyState, spanMs: number, direction: 1 | -1): ConcurrencyState => ({
  ...state,
  phase: "resting",
  restSpanMs: Math.min(restMostMs, spanMs),
  restMs: Math.min(restMostMs, spanMs),
  step: Math.max(
    finestStep(state.centre),
    Math.round(state.centre * (direction === 1 ? state.upPart : state.downPart))
  ),
  direction,
  onlyWay: true
})

/** Of a candidate that is not taken. Promising: better at first sight only. */
type Finding = "worse" | "alike" | "promising"

/** A step the present way does not help: what is tried next. */
const turned = (state: ConcurrencyState, found: Finding): ConcurrencyState => {
  const { centre, direction, onlyWay, phase, step } = state
  const half = Math.max(finestStep(centre), Math.ceil(step / 2))
  switch (phase) {
    case "climbing":
    case "backing off":
      return step === 1
        ? rest(state, restFirstMs, direction === 1 ? -1 : 1)
        : { ...state, phase: "narrowing", step: half, direction: 1, onlyWay: phase === "climbing", inRow: 0 }
    case "narrowing":
      if (!onlyWay) return { ...state, direction: direction === 1 ? -1 : 1, onlyWay: true, inRow: 0 }
      if (step > half) return { ...state, step: half, direction: 1, onlyWay: false, inRow: 0 }
      return rest({ ...state, upPart: restStep, downPart: restStep }, restFirstMs, 1)
    case "resting": {
      // A step that shows nothing is too small for the noise.
      const part = step / centre
      const widens = found !== "worse" && part < stride
      const later = Math.min(stride, widens ? part * widening : part / widening)
      const parts = direction === 1 ? { ...state, upPart: later } : { ...state, downPart: later }
      const spanMs = widens ? state.restSpanMs : 2 * state.restSpanMs
      return rest(parts, spanMs, found === "promising" ? direction : direction === 1 ? -1 : 1)
    }
  }
}

const rejected = (state: ConcurrencyState, found: Finding): ConcurrencyState =>
  turned(
    state.stage === "beside"
      ? {
          ...moved(state, state.centre, "centre", "took back"),
          atCentre: Goodput.sum(state.atCentre, Goodput.nothing, 0.5)
        }
      : // The centre is in place again.
        { ...state, stage: "centre", reason: "holds", atCentre: Goodput.sum(state.atCentre, Goodput.nothing, 0.5) },
    found
  )

/** The candidate becomes the centre. */
const accepted = (state: ConcurrencyState): ConcurrencyState => {
  const { candidate, direction, inRow, phase, stage, step } = state
  const strides = phase === "climbing" || phase === "backing off"
  const largest = Math.max(1, Math.round(candidate * stride))
  const on: ConcurrencyState = {
    ...state,
    centre: candidate,
    onlyWay: true,
    inRow: inRow + 1,
    // Once more the same way: the best may be far off.
    step: strides ? largest : Math.min(largest, inRow > 0 ? 2 * step : step),
    ...(strides ? {} : { phase: "narrowing", restSpanMs: restFirstMs })
  }
  return stage === "beside"
    ? { ...on, stage: "centre", reason: "holds", atCentre: Goodput.nothing }
    : { ...moved(on, candidate, "centre", direction === 1 ? "grew" : "shrank"), atCentre: state.beside }
}

const measured = ({ here, slots, finishedHere }: ConcurrencyState): boolean =>
  here.ms >= stretchLeastMs && finishedHere >= jobsPerSlot * slots

/** Enough ended to compare with, failures too. */
const isEvidence = ({ succeeded }: Goodput.Stretch, { finishedHere }: ConcurrencyState): boolean =>
  succeeded >= evidence || finishedHere >= 3 * evidence

/** Tries the next number, once enough is known of the centre. */
const atCentre = (state: ConcurrencyState, bounds: SlotBounds): ConcurrencyState => {
  const known = Goodput.sum(state.atCentre, state.here)
  if (!(measured(state) && isEvidence(known, state)) && known.ms < evidenceMostMs) return state
  if (state.phase === "resting" && state.restMs > 0) return state
  const candidate = bounded(state.centre + state.direction * state.step, bounds)
  if (candidate === state.centre) return turned(state, "worse")
  return {
    ...moved(state, candidate, "beside", candidate > state.centre ? "grew" : "shrank"),
    candidate,
    atCentre: known
  }
}

/** Judges the number beside, as soon as it can. */
const beside = (state: ConcurrencyState): ConcurrencyState => {
  const { atCentre, centre, here, phase, slots } = state
  if (!measured(state) && here.ms < evidenceMostMs) return state
  const gain = Goodput.worth(here, slots) - Goodput.worth(atCentre, centre)
  const error = Goodput.errorOf(here, atCentre, state.noise)
  const striding = phase === "climbing" || phase === "backing off"
  if (gain < -(striding ? surely : likely) * error) return rejected(state, "worse")
  if (gain > surely * error) {
    if (striding || gain > clearly * error) return accepted(state)
    return { ...moved(state, centre, "again", "took back"), beside: here }
  }
  const ideal = Math.abs(Math.log(slots / centre))
  const fine = error < Math.max(resolution, ideal * Goodput.leastGain)
  const mostMs = isEvidence(here, state) ? (striding ? strideMostMs : trialMostMs) : evidenceMostMs
  if (!fine && here.ms < mostMs) return state
  // Undecided, since jobs are long or the load is rough. What a step brings cannot be told yet: it counts as useful.
  if (phase === "climbing" && !fine && (gain > 0 || error > ideal / 2)) return accepted(state)
  if (phase === "backing off" && gain > -likely * error) return accepted(state)
  return rejected(state, gain < -error ? "worse" : "alike")
}

/** Judges the candidate against the centre before and after it. */
const again = (state: ConcurrencyState): ConcurrencyState => {
  const { atCentre, beside, candidate, centre, here } = state
  if (!measured(state) || here.ms < beside.ms) return state
  const around = Goodput.sum(atCentre, here)
  const gain = Goodput.worth(beside, candidate) - Goodput.worth(around, centre)
  return gain > surely * Goodput.errorOf(beside, around, state.noise) &&
    Goodput.worth(beside, candidate) > Goodput.worth(here, centre)
    ? accepted(state)
    : rejected(state, "promising")
}

/** At rest: what was long ago is forgotten, and a change of the goodput ends the rest. */
const atRest = (state: ConcurrencyState, sample: PoolSample): ConcurrencyState => {
  const { here, noise } = state
  const restMs = state.restMs - sample.elapsedMs
  const kept = Math.exp(-sample.elapsedMs / memoryMs)
  const remembered = { ...state, restMs, here: Goodput.sum(here, Goodput.nothing, kept) }
  if (here.ms < changeBaseMs) return { ...state, restMs }
  const expected = (here.succeeded / here.ms) * sample.elapsedMs
  const deviation = Math.sqrt(noise.dispersion * Math.max(expected, 1))
  const off = (sample.succeeded - expected) / deviation
  const forgiven = allowance + ((allowancePart + 1.5 * Math.sqrt(2 * noise.drift)) * expected) / deviation
  const above = Math.max(0, state.above + off - forgiven)
  const below = Math.max(0, state.below - off - forgiven)
  if (Math.max(above, below) < changed) return { ...remembered, above, below }
  return {
    ...state,
    ...(above > below ? { phase: "climbing", direction: 1 } : { phase: "backing off", direction: -1 }),
    step: Math.max(1, Math.round(state.centre * stride)),
    onlyWay: true,
    inRow: 0,
    here: Goodput.nothing,
    finishedHere: 0,
    noise: Goodput.broken(state.noise),
    atCentre: Goodput.nothing,
    restSpanMs: restFirstMs,
    above: 0,
    below: 0,
    reason: "holds"
  }
}

const counted = (state: ConcurrencyState, sample: PoolSample): ConcurrencyState => {
  const { elapsedMs, finished, succeeded } = sample
  const brought = { ms: elapsedMs, succeeded, elsewhereMs: sample.elsewhere * elapsedMs }
  return {
    ...state,
    reason: "holds",
    unpressedMs: 0,
    noise: Goodput.heard(state.noise, brought),
    here: Goodput.sum(state.here, brought),
    finishedHere: state.finishedHere + finished
  }
}

/** Slots are full and jobs wait: what is seen tells of the number of slots. */
const pressed = (state: ConcurrencyState, bounds: SlotBounds, sample: PoolSample): ConcurrencyState => {
  if (state.settling !== undefined) {
    const jobs = state.settling.jobs - sample.finished
    const ms = state.settling.ms + sample.elapsedMs
    const settled = jobs <= 0 || ms >= settleMostMs
    return { ...state, reason: "holds", unpressedMs: 0, settling: settled ? undefined : { jobs, ms } }
  }
  const resting = state.phase === "resting" && state.stage === "centre"
  const now = counted(resting ? atRest(state, sample) : state, sample)
  switch (now.stage) {
    case "centre":
      return atCentre(now, bounds)
    case "beside":
      return beside(now)
    case "again":
      return again(now)
  }
}

const next = (state: ConcurrencyState, bounds: SlotBounds, sample: PoolSample): ConcurrencyState => {
  if (sample.busy >= state.slots * fullPart && sample.waiting > 0) return pressed(state, bounds, sample)
  // Too little work, or another limit: a pause says nothing about the best number, which stays.
  const unpressedMs = state.unpressedMs + sample.elapsedMs
  const waits: ConcurrencyState = { ...state, reason: "holds", unpressedMs }
  return state.stage === "centre" || unpressedMs < patienceMs
    ? waits
    : { ...moved(waits, state.centre, "centre", "took back"), atCentre: Goodput.nothing }
}

/** Finds the concurrency with the best goodput. Pure; about a microsecond a sample. */
export const concurrency: PoolSizing<ConcurrencyState> = { initial, next }
