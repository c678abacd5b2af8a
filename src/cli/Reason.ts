/** Why a job has not started, in a sentence, and what would change it. */
import { type Explain, Job, ShellTask } from "../services/Queue/index.ts"
import * as SlotsInWords from "./SlotsInWords.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"
import { relativeTime } from "./terminal/RelativeTime.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

export interface Explanation {
  readonly why: string
  /** What to do; empty when nothing needs doing. */
  readonly advice: string
}

/** Workers that are named in one sentence. */
const mostNamed = 3

const fills = (held: ReadonlyArray<Explain.HeldSlots>): string =>
  [
    ...held
      .slice(0, mostNamed)
      .map(
        ({ decision, worker }) => `${Sanitize.line(worker)} fills ${SlotsInWords.inWords(decision.by, decision.asked)}`
      ),
    ...(held.length > mostNamed ? [`${held.length - mostNamed} more alike`] : [])
  ].join("; ")

/** Whose limit it is. */
const limited = ({ group, key }: { readonly group: string; readonly key: string | undefined }): string =>
  key === undefined
    ? `group ${group}`
    : key === ""
      ? `the jobs without a key in group ${group}`
      : `its key ${JSON.stringify(Sanitize.line(key))} in group ${group}`

const humanRate = ({ limit, perMs }: { readonly limit: number; readonly perMs: number }): string =>
  `${HumanNumber.rate((limit * 1_000) / perMs)}`

/** `failure`: the job's last one, as it rests. Texts are safe to show. */
export const explain = (reason: Explain.Reason, now: number, failure?: string): Explanation => {
  switch (reason._tag) {
    case "Finished":
      return {
        why: `it is ${reason.state}${failure === undefined || reason.state === "completed" ? "" : ` (${Sanitize.line(failure)})`}`,
        advice: reason.state === "completed" ? "" : "sluice job retry runs it again"
      }
    case "Running":
      return {
        why: `it runs${reason.since === undefined ? "" : `, started ${relativeTime(reason.since, now)}`}`,
        advice: ""
      }
    case "NotDue":
      return {
        why:
          reason.deferredTo === undefined
            ? `it is due ${relativeTime(reason.due, now)}`
            : `it was put off to when the load is forecast to be lowest, and is due ${relativeTime(reason.due, now)}; wanted ${relativeTime(reason.deferredTo, now)}`,
        advice: "sluice job edit JOB --in 0s starts it now"
      }
    case "WaitingForRetry":
      return {
        why: `attempt ${reason.attempt} failed${reason.lastError === undefined ? "" : ` (${Sanitize.line(reason.lastError)})`}; the next is due ${relativeTime(reason.due, now)}`,
        advice: "sluice job edit JOB --in 0s starts it now"
      }
    case "WaitingForJobs":
      return {
        why: `it waits for ${reason.jobs.map(Job.formatJobId).join(", ")}`,
        advice: "sluice job explain says why those wait"
      }
    case "HeldByKey":
      return {
        why: `an earlier job has its unique key ${JSON.stringify(Sanitize.line(reason.key))}`,
        advice: "it follows when that one ends"
      }
    case "KeyPaused":
      return { why: `${limited(reason)} is paused`, advice: "it starts when an operator resumes it" }
    case "HeldBack":
      return {
        why: `the other side takes no more of ${limited(reason)} for now, as a job of it was told`,
        advice: `the next starts ${relativeTime(reason.until, now)}`
      }
    case "BreakerOpen":
      return {
        why: `too many jobs of ${limited(reason)} have failed of late: its breaker is open`,
        advice: `a probe starts ${relativeTime(reason.until, now)}`
      }
    case "BreakerHalfOpen":
      return { why: `a probe of ${limited(reason)} runs`, advice: "it starts when that succeeds" }
    case "KeyFull":
      return {
        why: `${limited(reason)} is full: ${reason.held} of ${reason.limit} slots are held`,
        advice: "it starts when one is given back"
      }
    case "RateSpent":
      return {
        why: `${limited(reason)} has started as much as its rate of ${humanRate(reason.rate)} allows`,
        advice: `the next starts ${relativeTime(reason.at, now)}`
      }
    case "InLine":
      return {
        why: `others of ${limited(reason)}, or other keys, have their turn first`,
        advice: "it starts when it is next"
      }
    case "QueuePaused":
      return { why: "the queue is paused", advice: "sluice queue resume" }
    case "GroupPaused":
      return { why: `group ${reason.group} is paused`, advice: `sluice queue resume ${reason.group}` }
    case "GroupClosed":
      return {
        why: `group ${reason.group} opens ${relativeTime(reason.opensAt, now)}, at ${new Date(reason.opensAt).toISOString()}`,
        advice: `sluice queue hours ${reason.group} none lets it start now`
      }
    case "NoWorker":
      return { why: "no worker is alive", advice: "sluice worker -d starts one in the background" }
    case "NoWorkerForTask":
      return ShellTask.laneOf(reason.task) === undefined
        ? {
            why: `no worker knows task ${Sanitize.line(reason.task)}`,
            advice: "start one that does: sluice worker --tasks ./tasks.ts"
          }
        : {
            why: "the run or map that brought it has ended",
            advice: "the same map goes on with it, or a worker takes it over: sluice worker -d"
          }
    case "NoSlotsForGroup":
      return { why: `no worker has slots for group ${reason.group}`, advice: `sluice worker -g ${reason.group}=2` }
    case "GroupFull":
      return {
        why: `group ${reason.group} is full: ${reason.running} of ${reason.limit} run`,
        advice: `sluice queue limit ${reason.group} ${reason.limit + 1} allows more`
      }
    case "WorkersBusy":
      return {
        why: `all ${reason.slots} slots of the workers for group ${reason.group} are busy${reason.held === undefined ? "" : `; ${fills(reason.held)}`}`,
        advice: "it starts when one is free"
      }
    case "TotalUsed":
      return {
        why: `slots of group ${reason.group} are free, but all ${reason.running} of all groups together are busy; of those ${fills(reason.totals)}`,
        advice: "it starts when one is free; sluice worker --total-slots allows more"
      }
    case "WaitingForBatch":
      return {
        why: `its batch fills up: ${reason.jobs} of at most ${reason.size} jobs are there`,
        advice: `it starts with the last of them, or ${relativeTime(reason.until, now)}`
      }
    case "Next":
      return { why: "a slot is free: it starts next", advice: "" }
  }
}
