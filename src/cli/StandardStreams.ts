/** What this process was given as stdin and stdout, where that decides what it does. */
import { constants, fstatSync, readFileSync } from "node:fs"

/** Whether stdin is one end of a pipe (`… | sluice`); false where it cannot be told. */
export const isPipedInto = (): boolean => {
  try {
    return fstatSync(0).isFIFO()
  } catch {
    return false
  }
}

/**
 * Whether stdout is a file that is appended to (`>> FILE`) and has something in it; false where the system does not
 * tell (it does on Linux).
 */
export const isAppended = (): boolean => {
  try {
    const stats = fstatSync(1)
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync("/proc/self/fdinfo/1", "utf8"))?.[1] ?? "0"
    return stats.isFile() && stats.size > 0 && (Number.parseInt(flags, 8) & constants.O_APPEND) !== 0
  } catch {
    return false
  }
}
