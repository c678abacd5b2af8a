/**
 * Where a store lies, and whether that is a place of the caller's own. Everybody who opens a store file asks here
 * first, and goes on with the path it answers: links are resolved once, so that what lies beside the store is looked
 * for in one place.
 *
 * SQLite and Sluice keep files beside the store under fixed names, and believe what they find there. So its folder must
 * be one in which nobody else can make a name: a sticky folder like /tmp is not enough. Why:
 * `docs/decisions/0014-paths.md`.
 */
import { closeSync, fstatSync, lstatSync, openSync, readSync, realpathSync, type Stats, statSync } from "node:fs"
import path from "node:path"
import { asItIs, namedTwice, notRegular } from "../../../files/OwnFile.ts"
import { notTrusted } from "../../../files/Ownership.ts"
import { foreign, StoreFault, systemCode, untrusted } from "./StoreFault.ts"

/** Kept by SQLite beside a database that is open, or was not closed. */
export const sqliteFiles: ReadonlyArray<string> = ["-wal", "-shm", "-journal"]

const besideStore = [...sqliteFiles, ".reserve"]

const insist = "where it is meant to be shared, say so: --shared, SLUICE_SHARED=on, or `shared` in code"

/**
 * The path without links, and what is there. A link in the store's own place counts when it leads to a file with
 * something in it.
 */
const resolved = (file: string): { readonly place: string; readonly stats: Stats | undefined } => {
  const folder = realpathSync(path.dirname(file))
  const place = path.join(folder, path.basename(file))
  const stats = lstatSync(place, { throwIfNoEntry: false })
  if (stats?.isSymbolicLink() !== true) return { place, stats }
  let target: Stats | undefined
  try {
    target = statSync(place)
  } catch {
    // To nothing, or in circles.
  }
  if (target === undefined || target.size === 0) {
    throw new StoreFault(
      untrusted(`${place} is a symbolic link that leads to no store. Name the file itself, or remove the link.`)
    )
  }
  return { place: realpathSync(place), stats: target }
}

/** A restore gives the old file a second name, which a crash may leave beside the store. */
const isKeptAside = (place: string, { dev, ino, nlink }: Stats): boolean => {
  const aside = lstatSync(`${place}.before-restore`, { throwIfNoEntry: false })
  return nlink === 2 && aside?.ino === ino && aside.dev === dev
}

/**
 * At the end of a rollback journal that names another file, which SQLite would look for and might remove. Ours name
 * none.
 */
const superJournalMark = Buffer.from("d9d505f920a163d7", "hex")

const namesAnotherFile = (journal: string): boolean => {
  let descriptor: number
  try {
    descriptor = openSync(journal, asItIs)
  } catch (error) {
    // Whoever made the store just now is done with it.
    if (systemCode(error) === "ENOENT") return false
    throw error
  }
  try {
    const end = Buffer.alloc(superJournalMark.length)
    const { size } = fstatSync(descriptor)
    if (size < end.length) return false
    readSync(descriptor, end, 0, end.length, size - end.length)
    return end.equals(superJournalMark)
  } finally {
    closeSync(descriptor)
  }
}

const checkFolder = (folder: string): void => {
  const why = notTrusted(statSync(folder))
  if (why === undefined) return
  throw new StoreFault(
    untrusted(`The folder ${folder} ${why}: keep a store, or a copy of one, in a folder of your own; ${insist}.`)
  )
}

const checkStore = (place: string, stats: Stats, isShared: boolean, mayBeLinked: boolean): void => {
  const kind = notRegular(stats)
  if (kind !== undefined) throw new StoreFault(foreign(place, `it ${kind}`))
  const why = isShared ? undefined : notTrusted(stats)
  if (why !== undefined) throw new StoreFault(untrusted(`${place} ${why}; ${insist}.`))
  const named = mayBeLinked || isKeptAside(place, stats) ? undefined : namedTwice(stats)
  if (named !== undefined) throw new StoreFault(untrusted(`${place} ${named}: copy it to a file of its own.`))
}

const checkBeside = (file: string, isShared: boolean): void => {
  const stats = lstatSync(file, { throwIfNoEntry: false })
  if (stats === undefined) return
  const why =
    notRegular(stats) ??
    (isShared ? undefined : notTrusted(stats)) ??
    namedTwice(stats) ??
    (file.endsWith("-journal") && namesAnotherFile(file) ? "names another file" : undefined)
  if (why !== undefined)
    throw new StoreFault(untrusted(`${file} ${why}. It lies where the store keeps a file of its own: remove it.`))
}

export interface PlaceOptions {
  /**
   * Whether the store and its folder may be another user's, or writable by others. Whoever can write them reads and
   * changes every job, with the environment it carries, and decides what workers run as their user. Default false.
   */
  readonly shared?: boolean | undefined
}

export interface CopyOptions {
  /** The file is only copied from: what other names it has does not matter. */
  readonly mayBeLinked?: boolean
}

/**
 * The path to open the store by. Throws a `StoreFault` when it, its folder or what lies beside it is not the caller's
 * own; nothing is opened, followed or changed. A shared store may be anybody's, and writable by anybody, but links and
 * what is no regular file are refused there too. Some ten looks at the file system.
 */
export const storePlace = (
  file: string,
  { mayBeLinked = false, shared: isShared = false }: PlaceOptions & CopyOptions = {}
): string => {
  const { place, stats } = resolved(file)
  if (!isShared) checkFolder(path.dirname(place))
  if (stats !== undefined) checkStore(place, stats, isShared, mayBeLinked)
  for (const suffix of besideStore) checkBeside(place + suffix, isShared)
  return place
}
