/** Processes as Linux shows them: whose children run, and how to stop and continue them with their groups. */
import { readdirSync, readFileSync } from "node:fs"
import * as ProcessIdentity from "../../../src/services/Queue/host/ProcessIdentity.ts"

const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

/** Children of the process that lead a command's group: its helpers, and the watchdog of commands, are none of them. */
export const commandsOf = (pid: number): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const stat = textOf(`/proc/${name}/stat`)
      const [, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      return Number(parent) === pid && group === name && !textOf(`/proc/${name}/cmdline`).includes("sluice-watchdog")
    })
    .map(Number)

export const signalGroup = (group: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-group, signal)
  } catch {
    // It has ended.
  }
}

export const isStopped = (pid: number): boolean => ProcessIdentity.stateOf(pid, undefined) === "stopped"
export const isGone = (pid: number): boolean => ProcessIdentity.stateOf(pid, undefined) === "gone"
