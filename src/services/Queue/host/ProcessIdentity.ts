/**
 * Who a process is beyond its number, and whether it is there: the one place that answers this. A pid alone may belong
 * to a process in another container, to a newer one that got the number of the dead, or to a zombie that nobody has
 * collected.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"

const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    return ""
  }
}

const ownNamespace = (kind: "pid" | "time"): string => attempt(() => readlinkSync(`/proc/self/ns/${kind}`))

/**
 * Processes for which it is equal share a monotonic clock: one boot of one machine (Linux); elsewhere the host's name.
 */
export const sharedClock: string =
  `${attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())} ${ownNamespace("time")}`.trim() ||
  hostname()

/** The same with the pid namespace. Pids are comparable only where it is equal. */
export const machine: string = `${sharedClock} ${ownNamespace("pid")}`.trim()

/** Whether a process of that `machine` shares our monotonic clock. */
export const sharesClock = (other: string): boolean => other === sharedClock || other.startsWith(`${sharedClock} `)

interface Look {
  /** One letter, as ps(1) has it. */
  readonly state: string
  /** When it began: ticks since boot, or a date where there is no `/proc`. Without spaces. */
  readonly start: string
}

/**
 * The name in parentheses may hold spaces and parentheses itself; the start time is the 20th field after it (proc(5)).
 */
const fromProc = (pid: number): Look => {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { state, start: fields[18] ?? "" }
}

/** Where there is no `/proc`; a few milliseconds. Nothing where there is no `ps` either. */
export const fromPs = (pid: number): Look => {
  const line = attempt(() =>
    execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"]
    }).trim()
  )
  const [, state = "", start = ""] = /^(\S)\S*\s+(\S.*)$/.exec(line) ?? []
  return { state, start: start.replaceAll(/\s+/g, "_") }
}

const look: (pid: number) => Look = existsSync("/proc/self/stat") ? fromProc : fromPs

/** When a process began, to tell it from a later one of its number; empty when it is gone or nobody can tell. */
export const startOf = (pid: number): string => look(pid).start

export type ProcessState = "running" | "stopped" | "gone"

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/**
 * What has become of a process of this machine that began at `start` (empty: not known). Zombies are gone, whoever has
 * yet to collect them. Two small reads on Linux.
 */
export const stateOf = (pid: number, start: string | undefined): ProcessState => {
  // 0 and below would name groups.
  if (!Number.isSafeInteger(pid) || pid <= 0 || !exists(pid)) return "gone"
  const found = look(pid)
  if (found.state === "Z" || found.state === "X" || found.state === "x") return "gone"
  if (start !== undefined && start !== "" && found.start !== "" && found.start !== start) return "gone"
  return found.state === "T" || found.state === "t" ? "stopped" : "running"
}

export const isAlive = (pid: number, start?: string): boolean => stateOf(pid, start) !== "gone"

/** As `stateOf`, of a process as it told of itself; `undefined` when it lives where we cannot look. */
export const stateThere = (process: {
  readonly machine: string
  readonly pid: number
  readonly start: string
}): ProcessState | undefined => (process.machine === machine ? stateOf(process.pid, process.start) : undefined)

/** What is written down of a process of this machine, to be found by `stateOfMark`. */
export const markOf = (pid: number): string => `${pid} ${startOf(pid)} ${machine}`

/**
 * Of a process that left a mark on this machine. `undefined`: it lives in another container, where we cannot look. A
 * mark of before a reboot is of a process that is gone; one without a machine is taken for one of ours.
 */
export const stateOfMark = (mark: string): ProcessState | undefined => {
  const [pid, start, ...where] = mark.split(" ")
  const of = where.length === 0 ? machine : where.join(" ")
  if (!sharesClock(of)) return "gone"
  return stateThere({ machine: of, pid: Number(pid), start: start ?? "" })
}
