/**
 * How people name a job: its id, the beginning of it as far as no other job shares it, or `last`, the one enqueued
 * last.
 */
import * as Effect from "effect/Effect"
import { Job, type JobId, TaskQueue } from "../services/Queue/index.ts"
import { fail } from "./Failure.ts"

export const last = "last"

const length = 11

/** Jobs looked at behind the first that may be meant: so many at most are said to begin alike. */
const mostLooked = 100

export const isReference = (text: string): boolean => text === last || /^[0-9a-z]{1,11}$/i.test(text)

const newest = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const { jobs } = yield* queue.list({}, { limit: 1, order: "newest" })
  return jobs[0] === undefined ? yield* fail("notFound", "there is no last job: the store has none") : jobs[0].id
})

/** The job that `reference` names. A whole id is taken as it is. */
export const jobOf = (reference: string) =>
  Effect.gen(function* () {
    if (reference === last) return yield* newest
    const id = reference.length === length ? Job.parseJobId(reference) : undefined
    if (id !== undefined) return id
    const from = Job.parseJobId(reference.padEnd(length, "0"))
    const to = Job.parseJobId(reference.padEnd(length, "z"))
    const unknown = fail("notFound", `no job ${reference}; see: sluice job ls`)
    if (from === undefined) return yield* unknown
    const queue = yield* TaskQueue
    const after = from > 1 ? { cursor: (from - 1) as JobId } : {}
    const { jobs } = yield* queue.list({}, { limit: mostLooked, order: "oldest", ...after })
    const named = jobs.map((job) => job.id).filter((other) => to === undefined || other <= to)
    const [first, second] = named
    if (first === undefined) return yield* unknown
    if (second !== undefined)
      return yield* fail(
        "usage",
        `${named.length === mostLooked ? `${mostLooked} or more` : named.length} jobs begin with ${reference}; give more of the id, like ${Job.formatJobId(first)}`
      )
    return first
  })

export const jobsOf = (references: ReadonlyArray<string>) => Effect.forEach(references, jobOf)
