/** `sluice job ls`: which jobs, which columns of them, in which order. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type JobFilter, type JobId, type JobRecord, type Page, TaskQueue } from "../services/Queue/index.ts"
import { didYouMean } from "./input/Suggestion.ts"
import type { JobColumn } from "./JobTable.ts"
import { whatItDoes } from "../api/JobShape.ts"

/** Jobs a store hands out at a time. */
const pageMost = 1000

interface Advice {
  readonly advice: string
}

const column = <C extends { readonly header: string }>(
  name: string,
  all: ReadonlyArray<C>
): Result.Result<C, Advice> => {
  const found = all.find(({ header }) => header === name)
  const names = all.map(({ header }) => header)
  return found === undefined
    ? Result.fail({ advice: `columns are ${names.join(", ")}.${didYouMean(name, names)}` })
    : Result.succeed(found)
}

/** `id,exit,what`: these columns in this order, whatever the terminal's width. */
export const chosen = (text: string, all: ReadonlyArray<JobColumn>): Result.Result<ReadonlyArray<JobColumn>, Advice> =>
  Result.all(
    text
      .split(",")
      .map((name) => Result.map(column(name.trim(), all), ({ leaves: _, wide: __, ...rest }): JobColumn => rest))
  )

export type Order = (a: JobRecord, b: JobRecord) => number

/** `ran` for the least first, `-ran` for the most. Jobs that are alike stay as they are. */
export const orderBy = (text: string, all: ReadonlyArray<JobColumn>): Result.Result<Order, Advice> => {
  const sign = text.startsWith("-") ? -1 : 1
  return Result.map(column(text.replace(/^-/, ""), all), ({ order }): Order => {
    const compare = (a: number | string, b: number | string): number =>
      typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1
    return (a, b) => sign * compare(order(a), order(b))
  })
}

/**
 * Whether the text stands in what the job does, in its task, group, tags or failure; letters may be small or capital.
 */
export const holds = (text: string): ((job: JobRecord) => boolean) => {
  const wanted = text.toLowerCase()
  return (job) =>
    [whatItDoes(job), job.task, job.group, ...(job.extra?.tags ?? []), job.failure?.message ?? ""].some((part) =>
      part.toLowerCase().includes(wanted)
    )
}

export interface Selection {
  readonly filter: JobFilter
  readonly limit: number
  readonly oldestFirst: boolean
  /** Of those that the filter lets through. Default: all. */
  readonly isWanted?: ((job: JobRecord) => boolean) | undefined
}

/**
 * Hands out the selected jobs in the order of their time, some at a time, and answers whether there are more than the
 * limit. Reads as many pages as that takes, and keeps none.
 */
export const eachPage = <E, R>(
  { filter, isWanted, limit, oldestFirst }: Selection,
  take: (jobs: ReadonlyArray<JobRecord>) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    let left = limit
    let cursor: JobId | undefined
    for (;;) {
      const page: Page = yield* queue.list(filter, {
        limit: isWanted === undefined ? Math.min(pageMost, left + 1) : pageMost,
        order: oldestFirst ? "oldest" : "newest",
        ...(cursor === undefined ? {} : { cursor })
      })
      const wanted = isWanted === undefined ? page.jobs : page.jobs.filter(isWanted)
      yield* take(wanted.slice(0, left))
      if (wanted.length > left) return true
      left -= wanted.length
      cursor = page.next
      if (cursor === undefined) return false
    }
  })

/**
 * The first `limit` of all selected jobs in this order, and whether there are more. Holds no more than those and a
 * page.
 */
export const sorted = (selection: Selection, order: Order) =>
  Effect.gen(function* () {
    let best: ReadonlyArray<JobRecord> = []
    let all = 0
    yield* eachPage({ ...selection, limit: Number.POSITIVE_INFINITY }, (jobs) =>
      Effect.sync(() => {
        all += jobs.length
        best = [...best, ...jobs].sort(order).slice(0, selection.limit)
      })
    )
    return { jobs: best, hasMore: all > selection.limit }
  })
