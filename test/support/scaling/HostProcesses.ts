/** What this host says of its processes. */
import { readdirSync, readFileSync } from "node:fs"

const statOf = (pid: number | string): { readonly state: string; readonly parent: number } | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return state === undefined || state === "Z" ? undefined : { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

/** Processes whose parent is this one; a zombie is none. */
export const childrenOf = (parent: number): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) && statOf(name)?.parent === parent ? [Number(name)] : []))

export const runs = (pid: number): boolean => statOf(pid) !== undefined
