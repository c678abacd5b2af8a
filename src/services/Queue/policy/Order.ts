/**
 * In which order the jobs of a group start. Every order is a *head start*: a job that became due at d has rank `d +
 * offset`, with an offset from 0 to the bound B of the order; the lowest rank starts first. The offset is fixed when
 * the job is ranked and waiting counts the same for all, so the claim stays a plain index scan, and comparing ranks at
 * any moment is comparing `waited − offset` (J. R. Jackson, "Some problems in queueing with dynamic priorities", Naval
 * Research Logistics Quarterly 7, 1960: urgency numbers).
 *
 * | order | offset |
 * |---|---|
 * | `fifo` | 0 |
 * | `priority` | priority × B / 9 |
 * | `deadline` | until the latest start that still meets the deadline: `deadline − expected run − d`, from 0 to B; B without a deadline |
 * | `shortest` | B × the part of the group's work that is in tasks expected to run at most as long (`ExpectedRun.share`) |
 * | `score` | ½ × B × (priority − 1) / 9, plus ¼ of each of the two offsets above |
 *
 * **No order starves a job.** Let j start before i. Then `d_j + offset_j ≤ d_i + offset_i`, so `d_j − d_i ≤ offset_i −
 * offset_j ≤ B`: a job is passed only by jobs that became due at most B after it, whatever the load. While a group
 * changes from one order to another its jobs carry ranks of both, and the larger of 10/9 of their bounds holds.
 *
 * What is not known is neutral: a task whose runs nobody has seen stands in the middle, a job without a deadline as one
 * that is not near. A deadline in the past is an offset of 0: a job cannot be ranked before it was due.
 */
import * as Bounds from "./Bounds.ts"
import type { ExpectedRuns } from "./ExpectedRun.ts"
import { defaultAgeingStepMs, highestPriority, lowestPriority, rank } from "./Rank.ts"

export const orders = ["fifo", "priority", "deadline", "shortest", "score"] as const
export type OrderName = (typeof orders)[number]

/**
 * What holds for a group that nobody gave an order. Nothing learned, no deadline needed: what an operator sees is all
 * there is to it.
 */
export const defaultOrder: OrderName = "priority"

/** Priorities from the first to the last. */
const priorities = lowestPriority - highestPriority

/** An order as someone chose it. */
export interface OrderChoice {
  readonly order: OrderName
  /**
   * B, in whole milliseconds: a job is passed only by those that became due at most this long after it. Default:
   * `defaultBoundMs`.
   */
  readonly boundMs?: number | undefined
}

/** Bounds beyond a week are no bounds. */
export const longestBoundMs = 7 * 24 * 3_600_000

const choiceFields: ReadonlySet<string> = new Set<keyof OrderChoice>(["order", "boundMs"])

/** The choice, within its bounds. Throws `OutOfBounds`. */
export const checkOrder = (name: string, choice: OrderChoice): OrderChoice => {
  Bounds.fields(name, choice, choiceFields)
  Bounds.oneOf(`${name}.order`, choice.order, orders)
  if (choice.boundMs !== undefined) Bounds.whole(`${name}.boundMs`, choice.boundMs, 0, longestBoundMs)
  return choice
}

/**
 * Milliseconds. `priority`: nine steps of ageing, 4.5 minutes. `deadline`: an hour, since deadlines further away than B
 * cannot be told apart, and those of background work are minutes to an hour. `shortest`, `score`: 15 minutes, enough to
 * let a long job stand back through a burst, and short enough that nobody takes it for lost.
 */
export const defaultBoundMs = (order: OrderName, ageingStepMs: number): number => {
  switch (order) {
    case "fifo":
      return 0
    case "priority":
      return priorities * ageingStepMs
    case "deadline":
      return 3_600_000
    case "shortest":
    case "score":
      return 900_000
  }
}

/** Whether an order asks how long the jobs of a task run. */
export const needsRuns = (order: OrderName): boolean =>
  order === "deadline" || order === "shortest" || order === "score"

/** An order in force, with what it goes by. Plain data: it travels to the thread of a store. */
export interface Ranking {
  readonly order: OrderName
  readonly boundMs: number
  /** How long the runs of its tasks take, as far as is known. */
  readonly runs: ExpectedRuns
}

/** The orders in force by group. Groups that are not in it go by priority, a step of ageing each. */
export interface Rankings {
  readonly ageingStepMs: number
  readonly groups: ReadonlyMap<string, Ranking>
}

export const noRankings: Rankings = { ageingStepMs: defaultAgeingStepMs, groups: new Map() }

export const noRuns: ExpectedRuns = new Map()

/** The ranking of a group, also of one without an order of its own. */
export const rankingOf = ({ ageingStepMs, groups }: Rankings, group: string): Ranking =>
  groups.get(group) ?? {
    order: defaultOrder,
    boundMs: defaultBoundMs(defaultOrder, ageingStepMs),
    runs: noRuns
  }

const between = (value: number, most: number): number => Math.max(0, Math.min(most, value))

/** Until the latest start that meets the deadline, as a part of the bound. */
const slack = (ranking: Ranking, task: string, due: number, deadline: number | undefined): number =>
  deadline === undefined
    ? ranking.boundMs
    : between(deadline - (ranking.runs.get(task)?.ms ?? 0) - due, ranking.boundMs)

/** The place of a task whose runs are not known: the middle. */
const unknownShare = 0.5

const length = ({ boundMs, runs }: Ranking, task: string): number => boundMs * (runs.get(task)?.share ?? unknownShare)

/** Parts of the score; together 1. Importance is what somebody said, so it weighs as much as what was measured. */
const importanceWeight = 0.5
const slackWeight = 0.25
const lengthWeight = 0.25

const offset = (
  ranking: Ranking,
  task: string,
  due: number,
  priority: number,
  deadline: number | undefined
): number => {
  const { boundMs } = ranking
  switch (ranking.order) {
    case "fifo":
      return 0
    case "priority":
      return (priority * boundMs) / priorities
    case "deadline":
      return slack(ranking, task, due, deadline)
    case "shortest":
      return length(ranking, task)
    case "score":
      return (
        importanceWeight * ((priority - highestPriority) / priorities) * boundMs +
        slackWeight * slack(ranking, task, due, deadline) +
        lengthWeight * length(ranking, task)
      )
  }
}

/** The rank by one ranking: smaller starts first, ties go by id. Times in milliseconds since 1970. */
export const rankBy = (
  ranking: Ranking,
  task: string,
  due: number,
  priority: number,
  deadline: number | undefined
): number => due + Math.round(offset(ranking, task, due, priority, deadline))

/**
 * The rank in a group. On the way of every enqueue and retry: without any order but the default an addition and a
 * multiplication.
 */
export const rankIn = (
  rankings: Rankings,
  group: string,
  task: string,
  due: number,
  priority: number,
  deadline: number | undefined
): number => {
  const ranking = rankings.groups.size === 0 ? undefined : rankings.groups.get(group)
  return ranking === undefined
    ? rank(due, priority, rankings.ageingStepMs)
    : rankBy(ranking, task, due, priority, deadline)
}

/** What becomes due then, or later, starts after a job of this rank, whatever its priority, deadline and length. */
export const passedUntil = (ranking: Ranking, ownRank: number): number =>
  ownRank - (ranking.order === "priority" ? Math.round((highestPriority * ranking.boundMs) / priorities) : 0)
