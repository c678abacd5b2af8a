/**
 * The process of a running command on this machine, whoever runs it: the leader of a process group that was given the
 * job's id and this store in its environment. `/proc` says so on Linux; elsewhere it is not found.
 */
import { readdirSync, readFileSync } from "node:fs"

export interface JobProcess {
  /** Of the group too. */
  readonly pid: number
  /** It was stopped (SIGSTOP, Ctrl-Z) and has not been continued. */
  readonly isStopped: boolean
}

interface Stat {
  readonly state: string
  readonly group: number
  readonly startTicks: number
}

/** The name before the fields may hold spaces and parentheses (proc(5)). */
const statOf = (pid: string): Stat => {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0] ?? "", group: Number(fields[2]), startTicks: Number(fields[19]) }
}

/** Another's process, one that has ended, one that is no leader: none of them is it. */
const leaderOf = (pid: string, marks: ReadonlyArray<string>): (Stat & { readonly pid: number }) | undefined => {
  try {
    const stat = statOf(pid)
    if (stat.group !== Number(pid) || stat.state === "Z") return undefined
    const variables = new Set(readFileSync(`/proc/${pid}/environ`, "latin1").split("\0"))
    return marks.every((mark) => variables.has(mark)) ? { ...stat, pid: Number(pid) } : undefined
  } catch {
    return undefined
  }
}

/**
 * `id` as people see it; `store` as `TaskQueue.store` names it. Undefined: no process of this user on this machine runs
 * it.
 */
export const find = (id: string, store: string): JobProcess | undefined => {
  const marks = [`SLUICE_JOB_ID=${id}`, `SLUICE_STORE=${Buffer.from(store).toString("latin1")}`]
  let pids: ReadonlyArray<string>
  try {
    pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
  } catch {
    return undefined
  }
  const leaders = pids.flatMap((pid) => leaderOf(pid, marks) ?? [])
  // What a command puts into a group of its own has the same environment, and began later.
  const [first] = leaders.sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)
  return first === undefined ? undefined : { pid: first.pid, isStopped: first.state === "T" || first.state === "t" }
}
