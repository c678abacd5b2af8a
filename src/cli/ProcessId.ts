/** Whether a process that left a note of itself is still there. Ids are used again, so its start counts too. */
import { readFileSync } from "node:fs"

/** When a process began, in clock ticks since boot (proc(5), field 22); empty where there is no /proc. */
export const startOf = (pid: number): string => {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[19] ?? ""
    )
  } catch {
    return ""
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** Whether `pid` is alive and began at `start`, as `startOf` told it then. */
export const isSame = (pid: number, start: string | undefined): boolean =>
  isAlive(pid) && startOf(pid) === (start ?? "")
