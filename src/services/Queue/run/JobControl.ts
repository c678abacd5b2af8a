/**
 * Stops and continues what runs for this process, as a shell does with its jobs. Commands and worker processes lead
 * process groups of their own, where the signals of a terminal do not reach them.
 */
import { stateOf } from "../host/ProcessIdentity.ts"
import * as ProcessGroup from "./ProcessGroup.ts"

/** By group, the signal that stops it. */
const groups = new Map<number, NodeJS.Signals>()
/** Those stopped here: what somebody else has stopped is not ours to continue. */
const stopped = new Set<number>()
/** Between `stopAll` and `continueAll`: what was already on its way begins and stops at once. */
let isStanding = false
let starting = 0

const stop = (group: number, stopsBy: NodeJS.Signals): void => {
  stopped.add(group)
  ProcessGroup.signal(group, stopsBy)
}

/**
 * A process is being started, and whether it has is told later. Call what this answers once it is known, after `began`.
 */
export const begins = (): (() => void) => {
  starting++
  return () => {
    starting--
  }
}

/** Of this process from now on. `SIGTSTP` for a process that stops its own jobs first. */
export const began = (group: number, stopsBy: "SIGSTOP" | "SIGTSTP" = "SIGSTOP"): void => {
  groups.set(group, stopsBy)
  if (isStanding) stop(group, stopsBy)
}

export const ended = (group: number): void => {
  groups.delete(group)
  stopped.delete(group)
}

/** Whether all that was stopped here stands still: who stops its own jobs first takes a moment. */
export const isStill = (): boolean =>
  starting === 0 && [...stopped].every((group) => stateOf(group, undefined) !== "running")

export const stopAll = (): void => {
  isStanding = true
  for (const [group, stopsBy] of groups) stop(group, stopsBy)
}

export const continueAll = (): void => {
  isStanding = false
  for (const group of stopped) ProcessGroup.signal(group, "SIGCONT")
  stopped.clear()
}
