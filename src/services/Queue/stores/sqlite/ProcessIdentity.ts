/**
 * Who a process is beyond its number: the machine and pid namespace it lives in, and when it started. A pid alone may belong to a
 * process in another container, or to a newer one that got the number of the dead.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"

const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    return ""
  }
}

/** Machine, boot and pid namespace (Linux); elsewhere the host's name. Pids are comparable only where it is equal. */
export const machine: string =
  [
    attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    attempt(() => readlinkSync("/proc/self/ns/pid"))
  ]
    .join(" ")
    .trim() || hostname()

/** When a process started, in ticks since boot; empty where `/proc` is missing or the process is gone. */
export const processStart = (pid: number): string => {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
  // The name in parentheses may hold spaces and parentheses itself; the start time is the 20th field after it.
  return stat === "" ? "" : (stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "")
}

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and another user's.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH")
  }
}

/** Whether the process is certainly gone: true only on its own machine, by its number or its start time. */
export const isDead = (process: {
  readonly machine: string
  readonly pid: number
  readonly start: string
}): boolean => {
  if (process.machine !== machine) return false
  if (!exists(process.pid)) return true
  const start = processStart(process.pid)
  return process.start !== "" && start !== "" && start !== process.start
}
