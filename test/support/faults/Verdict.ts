/**
 * What became of the acknowledged jobs, told from what handlers wrote down and what the store says.
 *
 * A job is lost when the store does not hold it as completed, stuck when it is still live, accepted twice when two runs
 * of it were told that their result was taken, or when one was and the stored result is another's. A second run is
 * explained when each earlier one met a fault: its process was killed before, or within a second after, its handler
 * ended (the result was on its way), or was stopped meanwhile for longer than the renewals of its lease can bear, or
 * the store was held up by a process that was stopped in its transaction. A run that failed of itself needs no fault to
 * be followed by another attempt; the same attempt again does.
 */
import { Effect, Schema } from "effect"
import { type JobId, type JobRecord, JobStore } from "../../../src/services/Queue/index.ts"
import { leaseMs } from "./FaultSettings.ts"
import { Run } from "./FaultTasks.ts"
import type { Fleet } from "./Fleet.ts"
import type { Entry } from "./Ledger.ts"
import { lengthOf, type Stretch, without } from "./Stretch.ts"
import type { WorkerProcess } from "./WorkerProcess.ts"

export interface Verdict {
  readonly acknowledged: number
  readonly lost: ReadonlyArray<string>
  readonly stuck: ReadonlyArray<string>
  readonly acceptedTwice: ReadonlyArray<string>
  /** Runs beyond the first of each job. */
  readonly repeated: number
  readonly unexplained: ReadonlyArray<string>
  /** Attempts that failed of themselves. */
  readonly failed: number
  /** Runs that a fault cut off and that had to be repeated. */
  readonly orphans: number
  /**
   * The longest time from a fault to the next run of a job it orphaned, while the store could be reached and somebody
   * was there who may take jobs back, in milliseconds.
   */
  readonly recoveryMaxMs: number
  /** Which job that was, and its runs. */
  readonly slowest: string
  /** When the store was held up by a stopped process. */
  readonly outages: ReadonlyArray<Stretch>
}

interface Execution {
  readonly process: string
  readonly attempt: number
  readonly start: number
  readonly end: number | undefined
  /** It ended by failing of itself. */
  readonly failed: boolean
}

/** Time for a result to reach the store, and for a claim to reach its handler. */
const inFlightMs = 1000
/** Renewals are a third of the lease apart; a shorter stop cannot lose it. */
const harmlessMs = 0.6 * leaseMs

export const records = (ids: ReadonlyArray<JobId>) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const found = new Map<JobId, JobRecord>()
    for (let from = 0; from < ids.length; from += 500) {
      for (const job of yield* store.get(ids.slice(from, from + 500))) found.set(job.id, job)
    }
    return found
  })

export const executionsOf = (entries: ReadonlyArray<Entry>): ReadonlyMap<number, ReadonlyArray<Execution>> => {
  const ends = new Map<string, number>()
  const failures = new Set<string>()
  for (const { at, attempt, id, kind, process } of entries) {
    if (kind === "end" || kind === "failed") ends.set(`${process} ${id} ${attempt}`, at)
    if (kind === "failed") failures.add(`${process} ${id} ${attempt}`)
  }
  const executions = new Map<number, Array<Execution>>()
  for (const { at, attempt, id, kind, process } of entries) {
    if (kind !== "start") continue
    const there = executions.get(id) ?? []
    const run = `${process} ${id} ${attempt}`
    there.push({ process, attempt, start: at, end: ends.get(run), failed: failures.has(run) })
    executions.set(id, there)
  }
  return executions
}

/**
 * Stretches in which the store took no result from anybody while some process was stopped: one that is stopped inside
 * its transaction holds the lock of the file, and no lease can be renewed nor any job recovered until it goes on.
 */
const outagesOf = (entries: ReadonlyArray<Entry>, fleet: Fleet): ReadonlyArray<Stretch> => {
  const stops = fleet.all.flatMap((worker) => worker.stops)
  const accepted = entries.filter(({ kind }) => kind === "accepted")
  return accepted.slice(1).flatMap(({ at: to }, index) => {
    const from = accepted[index]!.at
    return to - from > harmlessMs && stops.some((stop) => stop.from < to && stop.to > from) ? [{ from, to }] : []
  })
}

/** When the fault struck that explains why a run did not count; `undefined`: none did. */
const faultOf = (
  { end, start }: Execution,
  worker: WorkerProcess,
  outages: ReadonlyArray<Stretch>
): number | undefined => {
  const last = end === undefined ? Number.POSITIVE_INFINITY : end + inFlightMs
  const killedAt = worker.killedAt ?? (worker.end?.signal === "SIGKILL" ? worker.end.at : undefined)
  if (killedAt !== undefined && killedAt <= last) return killedAt
  const stops = worker.stops.filter((stop) => stop.to - stop.from > harmlessMs)
  return [...stops, ...outages].findLast(({ from, to }) => from <= last && to >= start - inFlightMs)?.from
}

/**
 * When nobody was there who may take jobs back from others: it takes one that runs, and that did not stand still within
 * the last lease, for whom it would judge may have stood still with it.
 */
const unjudged = (fleet: Fleet): ReadonlyArray<Stretch> => {
  const all = { from: 0, to: Number.MAX_SAFE_INTEGER }
  const judges = fleet.all.flatMap(({ end, killedAt, leavingAt, readyAt, stops }) =>
    readyAt === undefined
      ? []
      : without(
          { from: readyAt, to: killedAt ?? leavingAt ?? end?.at ?? all.to },
          stops.map(({ from, to }) => ({ from, to: to - from > leaseMs / 2 ? to + leaseMs : to }))
        )
  )
  return without(all, judges)
}

const decodeRun = Schema.decodeUnknownSync(Run)

export const judge = (ids: ReadonlyArray<JobId>, entries: ReadonlyArray<Entry>, fleet: Fleet) =>
  Effect.gen(function* () {
    const jobs = yield* records(ids)
    const executions = executionsOf(entries)
    const outages = outagesOf(entries, fleet)
    const helpless = [...outages, ...unjudged(fleet)]
    const accepted = new Map<number, Array<Entry>>()
    for (const entry of entries) {
      if (entry.kind === "accepted") accepted.set(entry.id, [...(accepted.get(entry.id) ?? []), entry])
    }
    const lost: Array<string> = []
    const stuck: Array<string> = []
    const acceptedTwice: Array<string> = []
    const unexplained: Array<string> = []
    let repeated = 0
    let failed = 0
    let orphans = 0
    let recoveryMaxMs = 0
    let slowest = ""
    for (const id of ids) {
      const job = jobs.get(id)
      if (job === undefined) {
        lost.push(`${id}: gone`)
        continue
      }
      if (job.state === "scheduled" || job.state === "pending" || job.state === "running") {
        stuck.push(`${id}: ${job.state}, attempt ${job.attempt}`)
        continue
      }
      if (job.state !== "completed") {
        lost.push(`${id}: ${job.state}, ${job.failure?.cause} ${job.failure?.message}`)
        continue
      }
      const winner = decodeRun(JSON.parse(job.result as string))
      const told = accepted.get(id) ?? []
      if (
        told.some(({ attempt, process }) => process !== winner.process || attempt !== winner.attempt) ||
        told.length > 1
      ) {
        acceptedTwice.push(`${id}: stored ${JSON.stringify(winner)}, told ${JSON.stringify(told)}`)
      }
      const runs = executions.get(id) ?? []
      repeated += runs.length - 1
      runs.forEach((run, index) => {
        if (run.process === winner.process && run.attempt === winner.attempt) return
        if (run.failed) failed++
        if (run.failed && runs.every((other) => other === run || other.attempt !== run.attempt)) return
        const fault = faultOf(run, fleet.byName(run.process), outages)
        if (fault === undefined) {
          unexplained.push(`${id}: ${JSON.stringify(run)} of ${JSON.stringify(runs)}`)
          return
        }
        const next = runs.slice(index + 1).find(({ attempt }) => attempt > run.attempt)
        if (next === undefined) return
        orphans++
        // An attempt in between was claimed by a process that met its own fault before the handler began.
        const recoveryMs = lengthOf(without({ from: fault, to: next.start }, helpless)) / (next.attempt - run.attempt)
        if (recoveryMs <= recoveryMaxMs) return
        recoveryMaxMs = recoveryMs
        slowest = `${id}: fault at ${fault}, runs ${JSON.stringify(runs)}`
      })
    }
    const verdict: Verdict = {
      acknowledged: ids.length,
      lost,
      stuck,
      acceptedTwice,
      repeated,
      failed,
      unexplained,
      orphans,
      recoveryMaxMs,
      slowest,
      outages
    }
    return verdict
  })
