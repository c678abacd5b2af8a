// What each order of a group does to the same load: mean and 95th-percentile wait, slowdown, deadlines met, and by how
// much a job was passed. Arrivals, run times, priorities and deadlines are made here; ranks and expected runs are those
// of src/.
//
// node scripts/evaluate/order.ts [--seeds 5] [--bound 4.5] bound in minutes for every order; default: each order's own
//
// Prints one line per order, in the mean over the seeds; docs/decisions/0013-order.md has them.

import { parseArgs } from "node:util"
import type { RollUp } from "../../src/services/Store/RollUp.ts"
import { type ExpectedRuns, expectedRuns } from "../../src/services/Queue/policy/ExpectedRun.ts"
import { defaultBoundMs, noRuns, type OrderName, orders, rankBy } from "../../src/services/Queue/policy/Order.ts"
import { defaultAgeingStepMs } from "../../src/services/Queue/policy/Rank.ts"
import { SeededRandom } from "../../test/support/SeededRandom.ts"

export interface SimulatedJob {
  readonly id: number
  readonly task: string
  readonly due: number
  readonly priority: number
  readonly deadline: number | undefined
  readonly runMs: number
}

/** Four tasks of one group, from a third of a second to three quarters of a minute. */
const tasks = [
  { name: "thumbnail", share: 0.55, meanMs: 300 },
  { name: "mail", share: 0.25, meanMs: 1_200 },
  { name: "report", share: 0.15, meanMs: 8_000 },
  { name: "export", share: 0.05, meanMs: 45_000 }
]
const slots = 4
const hours = 4
/** Of what the slots can do: below it, and for the first sixth of every half hour far above it. */
const calm = 0.85
const burst = 1.9

const minute = 60_000
const hour = 60 * minute

/** A load whose mean is a little above what the slots can do: 1.02. */
export const makeLoad = (seed: number): ReadonlyArray<SimulatedJob> => {
  const random = new SeededRandom(seed)
  const meanWork = tasks.reduce((sum, { meanMs, share }) => sum + share * meanMs, 0)
  const jobs: Array<SimulatedJob> = []
  let at = 0
  for (;;) {
    const rate = ((at % (30 * minute) < 5 * minute ? burst : calm) * slots) / meanWork
    at += -Math.log(1 - random.next()) / rate
    if (at > hours * hour) return jobs
    const pick = random.next()
    const task =
      tasks.find((_, i) => pick < tasks.slice(0, i + 1).reduce((sum, { share }) => sum + share, 0)) ?? tasks[0]!
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
    const sigma = 0.6
    const due = Math.round(at)
    jobs.push({
      id: jobs.length,
      task: task.name,
      due,
      priority: 1 + random.below(10),
      deadline: random.chance(0.6) ? due + minute + random.below(19 * minute) : undefined,
      runMs: task.meanMs * Math.exp(sigma * normal - (sigma * sigma) / 2)
    })
  }
}

export interface Outcome {
  readonly meanWaitMs: number
  readonly p95WaitMs: number
  readonly longestWaitMs: number
  /** Of jobs of priorities 1 to 3. */
  readonly importantWaitMs: number
  /** Mean of (wait + run) / run. */
  readonly slowdown: number
  /** Of those that had one, the part that ended by it. */
  readonly deadlinesMet: number
  /** The most by which a job that started was due after one that still waited. */
  readonly passedByMs: number
}

interface Waiting {
  readonly job: SimulatedJob
  readonly rank: number
}

/** Binary heap of waiting jobs by rank, then id. */
class Heap {
  readonly items: Array<Waiting> = []

  private before(a: Waiting, b: Waiting) {
    return a.rank < b.rank || (a.rank === b.rank && a.job.id < b.job.id)
  }

  push(item: Waiting) {
    let i = this.items.push(item) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.before(item, this.items[parent]!)) break
      this.items[i] = this.items[parent]!
      i = parent
    }
    this.items[i] = item
  }

  pop(): Waiting {
    const first = this.items[0]!
    const item = this.items.pop()!
    const { length } = this.items
    if (length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= length) break
        if (child + 1 < length && this.before(this.items[child + 1]!, this.items[child]!)) child++
        if (!this.before(this.items[child]!, item)) break
        this.items[i] = this.items[child]!
        i = child
      }
      this.items[i] = item
    }
    return first
  }
}

/**
 * One order on a load, its expected runs learned on the way as a process learns them: each minute, from the hours
 * recorded.
 */
export const simulate = (
  load: ReadonlyArray<SimulatedJob>,
  order: OrderName,
  boundMs = defaultBoundMs(order, defaultAgeingStepMs)
): Outcome => {
  const heap = new Heap()
  const free = Array.from({ length: slots }, () => 0)
  const ended: Array<{ readonly at: number; readonly job: SimulatedJob }> = []
  const recorded = new Map<string, { readonly start: number; readonly task: string; count: number; sum: number }>()
  let expected: ReadonlyMap<string, ExpectedRuns> = new Map()
  let learnedAt = 0
  const learn = (now: number) => {
    if (now < learnedAt + minute) return
    learnedAt = now
    for (const { at, job } of ended.filter(({ at }) => at <= now)) {
      const start = Math.floor(at / hour) * hour
      const key = `${start} ${job.task}`
      const cell = recorded.get(key) ?? { start, task: job.task, count: 0, sum: 0 }
      cell.count++
      cell.sum += job.runMs
      recorded.set(key, cell)
    }
    ended.splice(0, ended.length, ...ended.filter(({ at }) => at > now))
    const rollUps = [...recorded.values()].map(
      ({ count, start, sum, task }) => ({ group: "g", task, start, run: { count, sum } }) as unknown as RollUp
    )
    expected = expectedRuns(rollUps, expected)
  }

  /** Waiting jobs by due time: those that started are passed over when they come first. */
  const started = new Uint8Array(load.length)
  let oldest = 0
  let arrived = 0
  let passedByMs = 0
  const waits: Array<number> = []
  let important = 0
  let importantCount = 0
  let slowdown = 0
  let withDeadline = 0
  let met = 0
  while (waits.length < load.length) {
    const slot = free.indexOf(Math.min(...free))
    const now = heap.items.length === 0 ? Math.max(free[slot]!, load[arrived]!.due) : free[slot]!
    for (; arrived < load.length && load[arrived]!.due <= now; arrived++) {
      const job = load[arrived]!
      learn(job.due)
      const ranking = { order, boundMs, runs: expected.get("g") ?? noRuns }
      heap.push({ job, rank: rankBy(ranking, job.task, job.due, job.priority, job.deadline) })
    }
    const { job } = heap.pop()
    const start = Math.max(now, job.due)
    const end = start + job.runMs
    free[slot] = end
    started[job.id] = 1
    while (oldest < load.length && started[oldest] === 1) oldest++
    if (oldest < arrived) passedByMs = Math.max(passedByMs, job.due - load[oldest]!.due)
    ended.push({ at: end, job })
    waits.push(start - job.due)
    slowdown += (end - job.due) / job.runMs
    if (job.priority <= 3) {
      important += start - job.due
      importantCount++
    }
    if (job.deadline !== undefined) {
      withDeadline++
      if (end <= job.deadline) met++
    }
  }
  waits.sort((a, b) => a - b)
  return {
    meanWaitMs: waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
    p95WaitMs: waits[Math.floor(waits.length * 0.95)]!,
    longestWaitMs: waits.at(-1)!,
    importantWaitMs: important / importantCount,
    slowdown: slowdown / waits.length,
    deadlinesMet: met / withDeadline,
    passedByMs
  }
}

const meanOf = (outcomes: ReadonlyArray<Outcome>, field: keyof Outcome) =>
  outcomes.reduce((sum, outcome) => sum + outcome[field], 0) / outcomes.length

const main = () => {
  const { values } = parseArgs({ options: { seeds: { type: "string", default: "5" }, bound: { type: "string" } } })
  const loads = Array.from({ length: Number(values.seeds) }, (_, i) => makeLoad(i + 1))
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1).padStart(7)} s`
  const jobs = loads.reduce((sum, load) => sum + load.length, 0)
  console.log(`${loads.length} loads, ${jobs} jobs, ${slots} slots, ${hours} hours`)
  console.log(
    "order       bound    mean wait   p95 wait    longest  priority 1-3   slowdown  deadlines met  passed by at most"
  )
  for (const order of orders) {
    const boundMs =
      values.bound === undefined
        ? defaultBoundMs(order, defaultAgeingStepMs)
        : order === "fifo"
          ? 0
          : Number(values.bound) * minute
    const outcomes = loads.map((load) => simulate(load, order, boundMs))
    const mean = (field: keyof Outcome) => meanOf(outcomes, field)
    const passed = Math.max(...outcomes.map(({ passedByMs }) => passedByMs))
    console.log(
      `${order.padEnd(9)} ${(boundMs / minute).toFixed(1).padStart(5)} m  ${seconds(mean("meanWaitMs"))}  ${seconds(mean("p95WaitMs"))}  ${seconds(mean("longestWaitMs"))}     ${seconds(mean("importantWaitMs"))}  ${mean("slowdown").toFixed(1).padStart(9)}  ${(100 * mean("deadlinesMet")).toFixed(1).padStart(11)} %  ${seconds(passed).padStart(16)}`
    )
  }
}

if (import.meta.main) main()
