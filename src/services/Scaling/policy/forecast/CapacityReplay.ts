/**
 * What a way of choosing slots would have done with a recorded past: jobs arrive as they were counted, wait for a slot
 * in the order they came, and hold it for a service time. A slot that is asked for costs at once and runs jobs after
 * the start-up time; one that is given up finishes its job first. Within a step jobs come at random moments (a Poisson
 * process given its count), service times are drawn from those measured, and both draws are the same for every policy,
 * so that differences are the policy's. Pure: the seed is part of the program.
 *
 * A policy is told what a scaler can see at that moment and nothing later.
 */
import { type Histogram, quantile, Recorder } from "../../../Queue/policy/Histogram.ts"
import type { Counts } from "./Backtest.ts"

/** What is there when a policy decides. Counts are over all workers. */
export interface ReplaySight {
  /** Milliseconds since the replay began. */
  readonly at: number
  /** Jobs that came since the decision before. */
  readonly arrived: number
  readonly queued: number
  /** How long the first of them has waited, in milliseconds; 0 without one. */
  readonly oldestMs: number
  readonly busy: number
  /** Slots that can run jobs, and those under way. */
  readonly ready: number
  readonly starting: number
  /** Counts of the steps that have ended since the decision before; undefined: not measured. */
  readonly ended: Counts
}

/** Answers how many slots there should be, ready and under way. */
export type CapacityPolicy = (seen: ReplaySight) => number

export interface ReplaySettings {
  readonly stepMs: number
  /** Between two decisions; a part of a step. */
  readonly roundMs: number
  readonly startupMs: number
  /** How long jobs hold a slot. Empty: `unknownServiceMs`. */
  readonly service: Histogram
  /** A job that waits longer is late. */
  readonly waitMs: number
  /** Slots at the start. */
  readonly slots: number
  readonly minSlots: number
  readonly maxSlots: number
}

export interface ReplayStep {
  /** Slots that cost, at the end of the step. */
  readonly slots: number
  /** 95th percentile of the waits of jobs that began in the step, in milliseconds; undefined when none did. */
  readonly waitP95: number | undefined
}

export interface ReplayResult {
  readonly jobs: number
  /** Cost: every slot for as long as it was there. */
  readonly slotSeconds: number
  readonly meanSlots: number
  readonly mostSlots: number
  readonly wait: Histogram
  /**
   * The part of jobs that waited longer than `waitMs`; those that still wait at the end count as waiting until then.
   */
  readonly late: number
  /** Decisions that changed the number of slots. */
  readonly changes: number
  readonly steps: ReadonlyArray<ReplayStep>
}

/** Assumed where no attempt has ended. */
const unknownServiceMs = 1000

/** Quantiles that stand for the histogram of service times. */
const drawsFrom = 256

/** Uniform in [0, 1), from a seed: mulberry32 (T. Ettinger, public domain). */
const uniform = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Moments at which slots are free, the earliest first: a binary heap. */
class Slots {
  private readonly times: Array<number> = []

  get size(): number {
    return this.times.length
  }

  get earliest(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY
  }

  busyAt(now: number): number {
    let busy = 0
    for (const time of this.times) if (time > now) busy++
    return busy
  }

  push(time: number): void {
    const { times } = this
    let i = times.length
    times.push(time)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (times[parent]! <= time) break
      times[i] = times[parent]!
      i = parent
    }
    times[i] = time
  }

  pop(): number {
    const { times } = this
    const top = times[0]!
    const last = times.pop()!
    const n = times.length
    if (n === 0) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= n) break
      if (child + 1 < n && times[child + 1]! < times[child]!) child++
      if (times[child]! >= last) break
      times[i] = times[child]!
      i = child
    }
    times[i] = last
    return top
  }
}

/** Runs the past once. Costs a few tenths of a microsecond per job and slot, and one decision per round. */
export const replay = (counts: Counts, policy: CapacityPolicy, settings: ReplaySettings): ReplayResult => {
  const { roundMs, service, startupMs, stepMs, waitMs } = settings
  const rounds = Math.max(1, Math.round(stepMs / roundMs))
  const tick = stepMs / rounds
  const arrivalAt = uniform(1)
  const drawn = uniform(2)
  const times = Array.from({ length: drawsFrom }, (_, i) =>
    service.count === 0 ? unknownServiceMs : quantile(service, (i + 0.5) / drawsFrom)
  )
  const slots = new Slots()
  for (let i = 0; i < settings.slots; i++) slots.push(0)
  let starting: Array<number> = []
  // Arrival times of jobs that wait, from `head` on.
  let queue: Array<number> = []
  let head = 0
  const waits = new Recorder()
  let stepWaits = new Recorder()
  let [jobs, late, slotMs, changes, most] = [0, 0, 0, 0, 0]

  const record = (wait: number) => {
    jobs++
    if (wait > waitMs) late++
    waits.record(wait)
    stepWaits.record(wait)
  }
  const runUntil = (end: number) => {
    while (head < queue.length && slots.earliest <= end) {
      const free = slots.pop()
      const came = queue[head++]!
      const start = Math.max(free, came)
      record(start - came)
      slots.push(start + times[Math.floor(drawn() * drawsFrom)]!)
    }
    if (head > 65_536 && head * 2 > queue.length) {
      queue = queue.slice(head)
      head = 0
    }
  }

  const steps: Array<ReplayStep> = []
  let arrived = 0
  let ended: Array<number | undefined> = []
  for (let step = 0; step < counts.length; step++) {
    const count = counts[step] ?? 0
    const arrivals = Float64Array.from({ length: count }, () => (step + arrivalAt()) * stepMs).sort()
    let next = 0
    for (let round = 0; round < rounds; round++) {
      const now = step * stepMs + round * tick
      const wanted = policy({
        at: now,
        arrived,
        queued: queue.length - head,
        oldestMs: head < queue.length ? now - queue[head]! : 0,
        busy: slots.busyAt(now),
        ready: slots.size,
        starting: starting.length,
        ended
      })
      ended = []
      const target = Math.max(settings.minSlots, Math.min(settings.maxSlots, Math.round(wanted)))
      let have = slots.size + starting.length
      if (target !== have) changes++
      for (; have < target; have++) starting.push(now + startupMs)
      for (; have > target && starting.length > 0; have--) starting.pop()
      for (; have > target; have--) {
        // The freest goes; what it still runs it finishes, and costs until then.
        const free = slots.pop()
        if (free > now) slotMs += free - now
      }
      const end = now + tick
      for (const readyAt of starting) if (readyAt < end) slots.push(readyAt)
      starting = starting.filter((readyAt) => readyAt >= end)
      slotMs += target * tick
      most = Math.max(most, target)
      const first = next
      for (; next < arrivals.length && arrivals[next]! < end; next++) {
        runUntil(arrivals[next]!)
        queue.push(arrivals[next]!)
        runUntil(arrivals[next]!)
      }
      arrived = next - first
      runUntil(end)
    }
    ended.push(counts[step])
    const seen = stepWaits.snapshot()
    stepWaits = new Recorder()
    steps.push({
      slots: slots.size + starting.length,
      waitP95: seen.count === 0 ? undefined : quantile(seen, 0.95)
    })
  }
  const end = counts.length * stepMs
  for (; head < queue.length; head++) record(end - queue[head]!)
  return {
    jobs,
    slotSeconds: slotMs / 1000,
    meanSlots: end === 0 ? 0 : slotMs / end,
    mostSlots: most,
    wait: waits.snapshot(),
    late: jobs === 0 ? 0 : late / jobs,
    changes,
    steps
  }
}

/** Always the same. */
export const fixedAt =
  (slots: number): CapacityPolicy =>
  () =>
    slots

/**
 * The fewest slots that, never changed, would have kept the part of late jobs within `lateShare`: known only
 * afterwards, a yardstick rather than a policy. Undefined when `maxSlots` would not have done. By halving: about 15
 * replays.
 */
export const fewestFixed = (counts: Counts, settings: ReplaySettings, lateShare: number): number | undefined => {
  const late = (slots: number) => replay(counts, fixedAt(slots), { ...settings, slots, minSlots: 0 }).late
  let low = Math.max(0, settings.minSlots) - 1
  let high = Math.max(1, settings.minSlots)
  while (late(high) > lateShare) {
    if (high >= settings.maxSlots) return undefined
    low = high
    high = Math.min(settings.maxSlots, high * 2)
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (late(middle) <= lateShare) high = middle
    else low = middle
  }
  return high
}
