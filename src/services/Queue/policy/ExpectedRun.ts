/**
 * How long a run of each task takes, from what the store recorded of past ones. The mean, and not the median: starting
 * first what is expected to be done first minimises the mean wait when what is expected is the mean (M. H. Rothkopf,
 * "Scheduling with random service times", Management Science 12, 1966).
 */
import type { RollUp } from "../../Store/RollUp.ts"

/** How far back runs are looked for, in milliseconds: work that comes once a day is still known. */
export const lookBackMs = 24 * 3_600_000

/**
 * The means go over this many of the newest hours in which a task ran: enough runs to be steady, few enough to follow a
 * change within two hours.
 */
const hoursTaken = 2

export interface ExpectedRun {
  /** Milliseconds. */
  readonly ms: number
  /**
   * The part of the group's recent work (run time) in tasks that run at most as long, its own with it; 0 to 1. It is
   * what a job waits for when shorter ones go first (T. E. Phipps, "Machine repair as a priority waiting-line problem",
   * Operations Research 4, 1956), and spreads the tasks of a group whether their runs differ by half or by a thousand
   * times.
   */
  readonly share: number
}

/** By task. */
export type ExpectedRuns = ReadonlyMap<string, ExpectedRun>

interface Seen {
  hours: number
  count: number
  sum: number
}

/**
 * By group, from roll-ups of one hour. What they do not tell is taken from `before`, so that later calls may bring the
 * newest hours alone.
 */
export const expectedRuns = (
  rollUps: ReadonlyArray<RollUp>,
  before: ReadonlyMap<string, ExpectedRuns>
): ReadonlyMap<string, ExpectedRuns> => {
  const groups = new Map<string, Map<string, Seen>>()
  for (const { group, run, task } of [...rollUps].sort((a, b) => b.start - a.start)) {
    if (run.count === 0) continue
    let tasks = groups.get(group)
    if (tasks === undefined) {
      tasks = new Map()
      groups.set(group, tasks)
    }
    const seen = tasks.get(task) ?? { hours: 0, count: 0, sum: 0 }
    tasks.set(task, seen)
    if (seen.hours === hoursTaken) continue
    seen.hours++
    seen.count += run.count
    seen.sum += run.sum
  }
  return new Map([...before, ...[...groups].map(([group, seen]) => [group, ofGroup(seen, before.get(group))] as const)])
}

const ofGroup = (seen: ReadonlyMap<string, Seen>, before: ExpectedRuns | undefined): ExpectedRuns => {
  const means = new Map([...(before ?? [])].map(([task, { ms }]) => [task, ms]))
  let work = 0
  for (const [task, { count, sum }] of seen) {
    means.set(task, sum / count)
    work += sum
  }
  const runs = new Map<string, ExpectedRun>()
  let done = 0
  for (const [task, ms] of [...means].sort(([, a], [, b]) => a - b)) {
    done += seen.get(task)?.sum ?? 0
    runs.set(task, { ms, share: work === 0 ? 0.5 : Math.min(1, done / work) })
  }
  return runs
}
