/**
 * The memory limit of the control group this process runs in, versions 1 and 2, and what counts against it. Used is
 * what the kernel cannot take back without killing: the group's usage less its inactive file pages, as the kubelet
 * reckons a working set. Node's own `process.availableMemory()` counts those pages as used.
 */
import { readFileSync } from "node:fs"
import path from "node:path"

export interface ContainerMemory {
  readonly version: 1 | 2
  readonly limitBytes: number
  readonly usedBytes: () => number
}

export type ReadText = (file: string) => string | undefined

const readText: ReadText = (file) => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const mount = "/sys/fs/cgroup"

/** A limit as large as this (a number of pages near 2^63) means none. */
const unlimitedFrom = 2 ** 60

const numberIn = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text.trim())
  return Number.isFinite(value) ? value : undefined
}

const statOf = (text: string | undefined, name: string): number => {
  const line = text?.split("\n").find((one) => one.startsWith(`${name} `))
  return line === undefined ? 0 : Number(line.slice(name.length + 1))
}

const versions = [
  { version: 2, controller: "", limit: "memory.max", used: "memory.current", inactive: "inactive_file", at: mount },
  {
    version: 1,
    controller: "memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    inactive: "total_inactive_file",
    at: path.posix.join(mount, "memory")
  }
] as const

/** Folders from the process's own group up to the root: a limit holds for everything below it. */
const ancestors = (at: string, group: string): ReadonlyArray<string> => {
  const folders: Array<string> = []
  for (let folder = group; ; folder = path.posix.dirname(folder)) {
    folders.push(path.posix.join(at, folder))
    if (folder === "/" || folder === ".") return folders
  }
}

/** The tightest limit in force below `machineBytes`; undefined when there is none. */
export const containerMemory = (machineBytes: number, read: ReadText = readText): ContainerMemory | undefined => {
  const groups = read("/proc/self/cgroup")
  if (groups === undefined) return undefined
  let tightest: ContainerMemory | undefined
  for (const { at, controller, inactive, limit, used, version } of versions) {
    for (const line of groups.split("\n")) {
      const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
      if (controllers === undefined || group === undefined || !controllers.split(",").includes(controller)) continue
      // Inside a container the group named may lie outside of what is mounted; the mount's root is then the container's
      // own group.
      for (const folder of ancestors(at, group)) {
        const limitBytes = numberIn(read(path.posix.join(folder, limit)))
        if (limitBytes === undefined || limitBytes >= Math.min(unlimitedFrom, tightest?.limitBytes ?? machineBytes))
          continue
        tightest = {
          version,
          limitBytes,
          usedBytes: () =>
            Math.max(
              0,
              (numberIn(read(path.posix.join(folder, used))) ?? 0) -
                statOf(read(path.posix.join(folder, "memory.stat")), inactive)
            )
        }
      }
    }
  }
  return tightest
}
