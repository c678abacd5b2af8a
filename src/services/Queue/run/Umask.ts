import { readFileSync } from "node:fs"

/**
 * The file mode bits this process withholds from new files, 0 to 0o777.
 *
 * Linux tells it in `/proc` (since 4.7). `process.umask()`, the only other way, sets the mask of the whole process to 0
 * for a moment, in which a file that another thread creates is open to everyone; it is used only where there is no
 * `/proc`.
 */
export const current = (): number => {
  try {
    const line = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))
    if (line?.[1] !== undefined) return Number.parseInt(line[1], 8)
  } catch {
    // No /proc here.
  }
  return process.umask()
}
