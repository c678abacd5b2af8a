/** Why a job has not started, in a sentence, and what would change it. */
import { type Explain, Job, ShellTask } from "../services/Queue/index.ts"
import { relativeTime } from "./terminal/RelativeTime.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

export interface Explanation {
  readonly why: string
  /** What to do; empty when nothing needs doing. */
  readonly advice: string
}

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
    case "HeldByLimit":
      return {
        why:
          reason.key === undefined
            ? `the other keys of group ${reason.group} have their turn first`
            : `its key ${JSON.stringify(Sanitize.line(reason.key))} has as much running in group ${reason.group} as its limit allows`,
        advice: "it starts when its key has room"
      }
    case "QueuePaused":
      return { why: "the queue is paused", advice: "sluice queue resume" }
    case "GroupPaused":
      return { why: `group ${reason.group} is paused`, advice: `sluice queue resume ${reason.group}` }
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
        why: `all ${reason.slots} slots of the workers for group ${reason.group} are busy`,
        advice: "it starts when one is free"
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
