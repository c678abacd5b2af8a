import { readdirSync, readFileSync, readlinkSync } from "node:fs"

/** Sends a signal to every process of the group. A group that is gone, or not ours to signal, is left alone. */
export const signal = (group: number, name: NodeJS.Signals): void => {
  try {
    process.kill(-group, name)
  } catch {
    // ESRCH: it ended by itself. EPERM: every member has changed its user.
  }
}

/**
 * State and process group, from the text of `/proc/PID/stat`; the name before them may hold spaces and parentheses
 * (proc(5)).
 */
const parseStat = (stat: string): { readonly state: string; readonly group: number } => {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0] ?? "", group: Number(fields[2]) }
}

const isRunning = (pid: string, group: number): boolean => {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"))
    return stat.group === group && stat.state !== "Z" && stat.state !== "X"
  } catch {
    return false
  }
}

/**
 * Whether a process of the group still runs. Zombies do not count: in a container whose first process reaps nobody they
 * stay for ever. One system call for a group that is gone; otherwise `/proc` is read, about 10 us per process of the
 * machine.
 */
export const isAlive = (group: number): boolean => {
  try {
    process.kill(-group, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
  if (process.platform !== "linux") return true
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && isRunning(name, group))
}

const hasOpen = (pid: string, paths: ReadonlyArray<string>): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return paths.includes(readlinkSync(`/proc/${pid}/fd/${fd}`))
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}

/**
 * Other processes of this user that have one of the files open, by their real paths. Linux; elsewhere none is found.
 * Reads all of `/proc`.
 */
export const holders = (paths: ReadonlyArray<string>): ReadonlyArray<number> => {
  if (process.platform !== "linux") return []
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && hasOpen(name, paths))
    .map(Number)
}
