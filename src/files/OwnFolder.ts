/**
 * Folders of the caller's own: made for the caller alone (0700, whatever the umask), used only when they are what
 * `Ownership` calls own.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync
} from "node:fs"
import path from "node:path"
import { foreignOwner, keepsNames, NotOwn, notOwn, notTrusted } from "./Ownership.ts"

export const folderMode = 0o700

/** Makes one folder; false when anything is there. */
const makeOne = (folder: string): boolean => {
  try {
    mkdirSync(folder, { mode: folderMode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
  // The umask may have taken from it.
  if (process.geteuid === undefined) return true
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    if ((fstatSync(descriptor).mode & 0o777) !== folderMode) fchmodSync(descriptor, folderMode)
  } finally {
    closeSync(descriptor)
  }
  return true
}

/** Makes what is missing of a path; what is there, links included, is left as it is. */
export const make = (folder: string): void => {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return
  const parent = path.dirname(folder)
  if (parent !== folder) make(parent)
  makeOne(folder)
}

/** Why what was found is no folder of the caller's own; undefined when it is one. */
export const notOwnFolder = (stats: Stats): string | undefined =>
  stats.isSymbolicLink() ? "is a symbolic link, not a folder" : stats.isDirectory() ? notOwn(stats) : "is not a folder"

/** Whether a folder is there. Throws `NotOwn` when it is none of the caller's own. */
export const look = (folder: string): boolean => {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) return false
  const why = notOwnFolder(stats)
  if (why !== undefined) throw new NotOwn(folder, why)
  return true
}

/**
 * Where a folder is that its user, or the system, may have moved elsewhere: a link in its place counts when nobody else
 * can have made it, which its owner and the folder it lies in tell.
 */
export const placed = (folder: string): string => {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats?.isSymbolicLink() !== true || foreignOwner(stats, true) !== undefined) return folder
  const isMoved = existsSync(folder) && statSync(folder).isDirectory()
  return isMoved && notTrusted(statSync(path.dirname(folder))) === undefined ? realpathSync(folder) : folder
}

/**
 * Makes a folder, and those above it, where they are missing. Throws `NotOwn` when what is there is none of the
 * caller's own.
 */
export const ensure = (folder: string): void => {
  if (look(folder)) return
  make(path.dirname(folder))
  makeOne(folder)
  look(folder)
}

/** Names in a folder; none when it is missing. Throws `NotOwn` when it is none of the caller's own. */
export const list = (folder: string): ReadonlyArray<string> => (look(folder) ? readdirSync(folder) : [])

/**
 * The same for what nobody else may even look into, in a folder that others may share (a temporary one): made, or there
 * and the caller's alone. Throws `NotOwn`; also when others could put another folder in its place.
 */
export const ensureSecluded = (folder: string): void => {
  const parent = path.dirname(folder)
  if (!keepsNames(statSync(parent))) throw new NotOwn(parent, "lets others replace what is in it")
  makeOne(folder)
  look(folder)
  if (process.geteuid !== undefined && (lstatSync(folder).mode & 0o077) !== 0)
    throw new NotOwn(folder, "may be looked into by others")
}
