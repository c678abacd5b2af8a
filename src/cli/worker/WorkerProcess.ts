/** Whether a process is a worker of this user's, by what it was started as: only such a one is ended by a note. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, statSync } from "node:fs"
import path from "node:path"
import { ownUid } from "../../files/Ownership.ts"

/** The command line of a process of this user's; undefined: there is none, or it is another user's. */
const wordsOf = (pid: number): ReadonlyArray<string> | undefined => {
  try {
    if (statSync(`/proc/${pid}`).uid !== ownUid()) return undefined
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
  } catch {
    return undefined
  }
}

/** The same where there is no /proc. */
const wordsFromPs = (pid: number): ReadonlyArray<string> | undefined => {
  try {
    const line = execFileSync("/bin/ps", ["-o", "uid=,args=", "-p", String(pid)], {
      encoding: "utf8",
      env: { PATH: process.env.PATH },
      stdio: ["ignore", "pipe", "ignore"]
    }).trim()
    const [uid, ...words] = line.split(/\s+/)
    return Number(uid) === ownUid() ? words : undefined
  } catch {
    return undefined
  }
}

const launchers = ["sluice", "sluice.mjs"]

/**
 * Whether the words of a command line are those of `sluice worker`: Node (with flags of its own), our launcher, and
 * `worker`.
 */
export const isWorkerLine = (words: ReadonlyArray<string>): boolean =>
  words.slice(1).some((word, i) => launchers.includes(path.basename(word)) && words[i + 2] === "worker")

/** Whether the process is this user's and a worker of Sluice's. */
export const isWorker = (pid: number): boolean => {
  if (ownUid() === undefined) return true
  const words = existsSync("/proc/self/cmdline") ? wordsOf(pid) : wordsFromPs(pid)
  return words !== undefined && isWorkerLine(words)
}
