/**
 * Handlers that contend, by the second: how many jobs end and how many of them complete when so many run at a time.
 * Poisson noise, and a load that drifts by 5 % with a memory of 20 s.
 */
import { concurrency } from "../../../src/services/Queue/policy/Concurrency.ts"
import type { SlotBounds } from "../../../src/services/Queue/policy/PoolSize.ts"
import { SeededRandom } from "../SeededRandom.ts"

export interface Contention {
  /** Jobs that end per second with `n` running. */
  readonly rate: (n: number) => number
  /** The part of them that fails. */
  readonly failing: (n: number) => number
}

const never = () => 0

/** A lock: one at a time gets on, and each that waits slows the holder down. */
export const lock: Contention = { rate: (n) => 40 / (1 + 0.05 * (n - 1)), failing: never }
/** N. Gunther's Universal Scalability Law, with its peak at 28. */
export const thrashing: Contention = {
  rate: (n) => (8 * n) / (1 + 0.03 * (n - 1) + 0.0012 * n * (n - 1)),
  failing: never
}
/** A pool of so many connections: who finds none waits, and ever more run into their time limit. */
export const connections = (size: number): Contention => ({
  rate: (n) => 6 * Math.min(n, size),
  failing: (n) => (n <= size ? 0 : Math.min(0.95, (2.5 * (n - size)) / n))
})
/** No contention at all. */
export const free: Contention = { rate: (n) => 3 * n, failing: never }
/** Gene Amdahl's law: more always brings something, ever less. */
export const serialPart: Contention = { rate: (n) => (8 * n) / (1 + 0.05 * (n - 1)), failing: never }

const goodput = ({ failing, rate }: Contention, n: number) => rate(n) * (1 - failing(n))

/** The best that a fixed number of slots reaches, completions per second. */
export const bestGoodput = (contention: Contention, max: number): number =>
  Math.max(...Array.from({ length: max }, (_, i) => goodput(contention, i + 1)))

const normal = (random: SeededRandom) =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

const poisson = (random: SeededRandom, mean: number): number => {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  let count = 0
  for (let product = random.next(); product > Math.exp(-mean); product *= random.next()) count++
  return count
}

const binomial = (random: SeededRandom, count: number, part: number): number => {
  if (part === 0) return 0
  let hits = 0
  for (let i = 0; i < count; i++) if (random.chance(part)) hits++
  return hits
}

export interface Simulated {
  /** Completions over what the best fixed number would have brought, the search included. */
  readonly ratio: number
  /** Changes of the number of slots, all workers together: in all, and in each hour. */
  readonly moves: number
  readonly hourly: ReadonlyArray<number>
  /** The slots at the end, by worker. */
  readonly slots: ReadonlyArray<number>
}

/**
 * `contention(second)` is shared by all workers, as is the backlog, which never ends. They hear of each other every ten
 * seconds.
 */
export const simulate = (
  contention: (second: number) => Contention,
  { bounds, seconds, seed, workers = 1 }: { bounds: SlotBounds; seconds: number; seed: number; workers?: number }
): Simulated => {
  const random = new SeededRandom(seed)
  const states = Array.from({ length: workers }, () => concurrency.initial(bounds))
  const told = states.map(({ slots }) => slots)
  const hourly = Array.from({ length: Math.ceil(seconds / 3600) }, () => 0)
  const kept = Math.exp(-1 / 20)
  let drift = 0
  let completed = 0
  let best = 0
  let moves = 0
  let known: Contention | undefined
  let peak = 0
  for (let second = 0; second < seconds; second++) {
    const now = contention(second)
    if (now !== known) peak = bestGoodput(now, bounds.max * workers)
    known = now
    best += peak
    drift = kept * drift + 0.05 * Math.sqrt(1 - kept ** 2) * normal(random)
    const all = states.reduce((sum, { slots }) => sum + slots, 0)
    for (let i = 0; i < workers; i++) {
      const state = states[i]!
      if ((second + i * 3) % 10 === 0) told[i] = state.slots
      const finished = poisson(random, now.rate(all) * Math.exp(drift) * (state.slots / all))
      const succeeded = finished - binomial(random, finished, now.failing(all))
      completed += succeeded
      const after = concurrency.next(state, bounds, {
        elapsedMs: 1000,
        busy: state.slots,
        waiting: 1000,
        finished,
        succeeded,
        elsewhere: told.reduce((sum, slots, j) => (j === i ? sum : sum + slots), 0)
      })
      if (after.slots !== state.slots) {
        moves++
        hourly[Math.floor(second / 3600)]!++
      }
      states[i] = after
    }
  }
  return { ratio: completed / best, moves, hourly, slots: states.map(({ slots }) => slots) }
}
