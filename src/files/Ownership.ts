/**
 * Whose a file or folder is. Sluice opens, writes to, signals by and removes what is the caller's own; what somebody
 * else could have put there, or can still change, is refused. The kinds there are:
 *
 * - **own**: what Sluice makes and names by itself (stores and what lies beside them, notes, records, logs, sockets). A
 *   regular file, folder or socket of the caller's, reached without a symbolic link as its last step, with no second
 *   name, writable by nobody else.
 * - **trusted**: what is only read and then believed (configuration, folders things are looked up in). The caller's or
 *   root's, writable by nobody else; links are followed to what they lead to.
 * - **named**: what the user writes on the command line to be read or written (`--output FILE`, `--joblog FILE`,
 *   `--payload @FILE`, the sink and source of a stream). It is the user's business, as it is any program's; links are
 *   followed, and nothing here looks at it.
 *
 * Nothing is checked where the system has no owners (Windows).
 */
import { readFileSync, type Stats } from "node:fs"
import { userInfo } from "node:os"

/** What is at a path is not the caller's to use. The message is one line and names the path. */
export class NotOwn extends Error {
  readonly path: string
  constructor(path: string, why: string) {
    super(`${path} ${why}`)
    this.name = "NotOwn"
    this.path = path
  }
}

const hasOwners = process.geteuid !== undefined

/** Undefined where the system has none. */
export const ownUid = (): number | undefined => process.geteuid?.()

const attempt = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

/**
 * Whether a group has nobody in it but the caller, as far as the files of this machine tell: many systems give every
 * user a group of that kind and a umask of 002, so that all they make is writable by it.
 */
export const isPrivateGroup = (
  gid: number,
  {
    groups,
    name,
    own,
    users
  }: { readonly groups: string; readonly users: string; readonly name: string; readonly own: number }
): boolean => {
  if (gid !== own) return false
  const fields = (text: string) => text.split("\n").map((line) => line.split(":"))
  const group = fields(groups).find((each) => each[2] === String(gid))
  if (group === undefined) return false
  const members = (group[3] ?? "").split(",").filter((member) => member !== "")
  return (
    members.every((member) => member === name) &&
    fields(users).every((user) => user[3] !== String(gid) || user[0] === name)
  )
}

let privateGroup: number | null | undefined

/** The caller's own group, when it is a private one. */
const ownPrivateGroup = (): number | null => {
  if (privateGroup === undefined) {
    privateGroup = null
    try {
      const own = process.getegid!()
      const [groups, users] = [attempt("/etc/group"), attempt("/etc/passwd")]
      if (isPrivateGroup(own, { groups, users, name: userInfo().username, own })) privateGroup = own
    } catch {
      // A user without a name has no group of that name.
    }
  }
  return privateGroup
}

const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, "0")

/** What is wrong with the owner, as the end of a sentence; undefined: it is the caller's or, with `orRoot`, root's. */
export const foreignOwner = ({ uid }: Stats, orRoot: boolean): string | undefined => {
  const own = ownUid()
  return own === undefined || uid === own || (orRoot && uid === 0) ? undefined : `belongs to another user (uid ${uid})`
}

/** What is wrong with the mode: others than the caller and root may write. */
const writableByOthers = (stats: Stats): string | undefined => {
  if (!hasOwners) return undefined
  if ((stats.mode & 0o002) !== 0) return `may be written by others (mode ${modeOf(stats)})`
  if ((stats.mode & 0o020) === 0 || stats.gid === ownPrivateGroup()) return undefined
  return `may be written by its group (gid ${stats.gid}, mode ${modeOf(stats)})`
}

/** Why it is not own; undefined when it is. */
export const notOwn = (stats: Stats): string | undefined => foreignOwner(stats, false) ?? writableByOthers(stats)

/** Why it is not to be trusted; undefined when it is. */
export const notTrusted = (stats: Stats): string | undefined => foreignOwner(stats, true) ?? writableByOthers(stats)

/** Whether names that the caller makes in a folder stay the caller's: nobody else may remove or rename them. */
export const keepsNames = (stats: Stats): boolean =>
  foreignOwner(stats, true) === undefined && ((stats.mode & 0o1000) !== 0 || writableByOthers(stats) === undefined)
