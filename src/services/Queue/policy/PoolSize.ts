/**
 * How many slots a worker gives a group that may have between `min` and `max`: more while jobs wait and more slots
 * bring more throughput, fewer when some have long been idle.
 *
 * Growing is tried, not assumed: after each step up the throughput of full slots is measured again, and a step that
 * brought less than a third of what it would bring if slots were all that is missing is taken back and not tried again
 * for a while. What the slots wait for may be a disk or another machine, and then more of them only make every job
 * slower.
 */

export interface SlotBounds {
  /** The fewest slots, from 0. */
  readonly min: number
  readonly max: number
  /**
   * Whether the number follows what completes, for handlers that contend; see `policy/Concurrency.ts`. Default false:
   * it then grows as long as jobs wait and slots help, and shrinks when they idle. Tuning measures by trying, which a
   * group whose handlers do not contend pays for nothing.
   */
  readonly tune?: boolean
}

/** What was seen of a group since the last sample. */
export interface PoolSample {
  readonly elapsedMs: number
  /** Jobs of this worker running at its end. */
  readonly busy: number
  /** Jobs of the group waiting to be claimed, by whomever. */
  readonly waiting: number
  /** How often a slot of this worker was free again. */
  readonly finished: number
  /** Jobs of this worker that completed; what failed, was handed back or tried again is not among them. */
  readonly succeeded: number
  /** Jobs of the group that other workers run at its end. */
  readonly elsewhere: number
}

/** What every decision over a size tells. */
export interface Sized {
  readonly slots: number
  readonly reason: "start" | "grew" | "took back" | "shrank" | "holds"
}

export interface PoolState extends Sized {
  /** While slots are full and jobs wait: for how long, and how many jobs ended meanwhile. */
  readonly fullMs: number
  readonly fullFinished: number
  /** The step up that is being tried: the size and the throughput (jobs per second) before it. */
  readonly trial: { readonly slots: number; readonly throughput: number } | undefined
  /** Until a step up is tried again. */
  readonly holdMs: number
  /** For how long some slots were idle and nothing waited, and the most that were busy meanwhile. */
  readonly idleMs: number
  readonly idlePeak: number
}

/** A decision over the size of a pool; another may take its place. */
export interface PoolSizing<S extends Sized = PoolState> {
  readonly initial: (bounds: SlotBounds) => S
  readonly next: (state: S, bounds: SlotBounds, sample: PoolSample) => S
}

/** Slots count as full from this part of them on: some are always between one job and the next. */
const fullPart = 0.75
/** Full slots are measured for at least this long, and until each slot has ended two jobs. */
const measureLeastMs = 2000
const measureJobsPerSlot = 2
/** Jobs this long are no reason to wait for more of them: the step counts as useful. */
const measureMostMs = 30_000
/**
 * A step up, of the present size. Small enough to find the knee, large enough to reach ten times the size in about ten
 * steps.
 */
const step = 0.25
/** A step is kept when it brings at least this part of what its slots would bring alone. */
const usefulPart = 1 / 3
/** After a step that was taken back. */
const holdAfterMs = 60_000
/** Idle slots go after this long, so that a pause between two bursts costs no ramp. */
const idleLongMs = 30_000

const fresh = { fullMs: 0, fullFinished: 0, idleMs: 0, idlePeak: 0 }

const bounded = (slots: number, { max, min }: SlotBounds) => Math.max(min, Math.min(max, slots))

const initial = (bounds: SlotBounds): PoolState => ({
  slots: bounds.min,
  reason: "start",
  trial: undefined,
  holdMs: 0,
  ...fresh
})

const grow = (state: PoolState, bounds: SlotBounds, throughput: number): PoolState => {
  const slots = bounded(state.slots + Math.max(1, Math.ceil(state.slots * step)), bounds)
  if (slots === state.slots) return { ...state, ...fresh, trial: undefined, reason: "holds" }
  return { ...state, ...fresh, slots, trial: { slots: state.slots, throughput }, reason: "grew" }
}

/** Slots are full and jobs wait. */
const pressed = (state: PoolState, bounds: SlotBounds, sample: PoolSample): PoolState => {
  const fullMs = state.fullMs + sample.elapsedMs
  const fullFinished = state.fullFinished + sample.finished
  const measured = fullMs >= measureLeastMs && fullFinished >= measureJobsPerSlot * state.slots
  if (!measured && fullMs < measureMostMs) {
    return { ...state, fullMs, fullFinished, idleMs: 0, idlePeak: 0, reason: "holds" }
  }
  const throughput = (fullFinished * 1000) / fullMs
  const { trial } = state
  if (trial !== undefined && measured) {
    const ideal = trial.throughput * (state.slots / trial.slots - 1)
    if (throughput - trial.throughput < usefulPart * ideal) {
      return { ...state, ...fresh, slots: trial.slots, trial: undefined, holdMs: holdAfterMs, reason: "took back" }
    }
  }
  if (state.holdMs > 0) return { ...state, ...fresh, trial: undefined, reason: "holds" }
  return grow(state, bounds, throughput)
}

/** Some slots are idle and nothing waits. */
const idle = (state: PoolState, bounds: SlotBounds, { busy, elapsedMs }: PoolSample): PoolState => {
  const idleMs = state.idleMs + elapsedMs
  const idlePeak = Math.max(state.idlePeak, busy)
  const kept = { ...state, ...fresh, trial: undefined }
  if (idleMs < idleLongMs) return { ...kept, idleMs, idlePeak, reason: "holds" }
  const slots = bounded(state.slots - Math.ceil((state.slots - idlePeak) / 2), bounds)
  return { ...kept, slots, reason: slots < state.slots ? "shrank" : "holds" }
}

const next = (before: PoolState, bounds: SlotBounds, sample: PoolSample): PoolState => {
  const state = { ...before, holdMs: Math.max(0, before.holdMs - sample.elapsedMs) }
  // No slot can be busy where there is none: what waits asks for the first.
  if (state.slots === 0) {
    return sample.waiting > 0
      ? { ...state, ...fresh, slots: bounded(1, bounds), reason: "grew" }
      : { ...state, reason: "holds" }
  }
  if (sample.busy >= state.slots * fullPart && sample.waiting > 0) return pressed(state, bounds, sample)
  if (sample.busy < state.slots && sample.waiting === 0) return idle(state, bounds, sample)
  // Between two claims: says nothing either way.
  return { ...state, reason: "holds" }
}

/** The decision in use unless another is provided. */
export const poolSizing: PoolSizing = { initial, next }
