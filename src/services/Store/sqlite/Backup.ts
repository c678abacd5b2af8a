/** Copies of a store as a file of its own, and their way back. */
import { Effect } from "effect"
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync
} from "node:fs"
import { backup as copyPages, DatabaseSync } from "node:sqlite"
import path from "node:path"
import * as OwnFile from "../../../files/OwnFile.ts"
import * as OwnFolder from "../../../files/OwnFolder.ts"
import type { StoreError } from "../StoreError.ts"
import { busyTimeoutMs, Database, waitOutBusy } from "./Database.ts"
import { findDamage } from "./Damage.ts"
import { openExisting } from "./ReadAccess.ts"
import { storeError } from "./SqliteError.ts"
import { corrupt, foreign, inUse, isBusy, reasonOf, StoreFault } from "./StoreFault.ts"
import { inspect, isOfAnotherProgram } from "./StoreFile.ts"
import { type PlaceOptions, sqliteFiles, storePlace } from "./StorePlace.ts"

export interface BackupResult {
  readonly path: string
  readonly bytes: number
  readonly jobs: number
}

/** Pages copied between two looks at the event loop: 16 MB. */
const pagesAtATime = 4096

/** Where a path leads in the end, also when nothing is there yet. */
const real = (file: string): string => {
  try {
    return realpathSync(file)
  } catch {
    return path.resolve(file)
  }
}

/** Whether both paths lead to one file, by whatever links. */
export const isSameFile = (a: string, b: string): boolean => {
  const [one, other] = [statSync(a, { throwIfNoEntry: false }), statSync(b, { throwIfNoEntry: false })]
  return one === undefined || other === undefined ? real(a) === real(b) : one.dev === other.dev && one.ino === other.ino
}

/**
 * Copies a store that may be working to `target`, consistent as of one commit at the beginning, and verifies the copy:
 * structure, counters and checksums. It appears whole or not at all; a file that is there is replaced, one that is in
 * use is refused with `StoreInUse`. Commits go on meanwhile; the WAL is not emptied before the copy is done. The copy
 * needs no file beside it, so it can be read where nothing can be written.
 */
export const backup = (file: string, target: string, options?: PlaceOptions): Effect.Effect<BackupResult, StoreError> =>
  Effect.tryPromise({
    try: async () => {
      const place = real(target)
      refuseOwnFiles(file, place)
      refuseInUse(place)
      OwnFolder.make(path.dirname(place))
      storePlace(place, options)
      const part = `${place}.part`
      try {
        await copyTo(file, part, options)
        const jobs = seal(part, file)
        // It may have been opened while the pages were copied.
        refuseInUse(place)
        renameSync(part, place)
        sync(path.dirname(place))
        return { path: target, bytes: statSync(place).size, jobs }
      } finally {
        removeAll(part)
      }
    },
    catch: (error) => storeError("backup", error, file)
  })

/** Reads a backup as `restore` would and answers its number of jobs; nothing is written. */
export const verify = (backupFile: string, options?: PlaceOptions): Effect.Effect<number, StoreError> =>
  Effect.try({
    try: () =>
      ofBackup(backupFile, () =>
        waitOutBusy(busyTimeoutMs, backupFile, () => {
          const db = openExisting(backupFile, { ...options, mayBeLinked: true })
          try {
            return wholeJobs(db, backupFile)
          } finally {
            db.close()
          }
        })
      ),
    catch: (error) => storeError("verify", error, backupFile)
  })

/**
 * Puts a verified copy of `backupFile` in the place of `file`. Refused with `StoreInUse` while another process has the
 * store open, and with `StoreForeign` when `file` is another program's database. What was there, sound or damaged, is
 * kept beside it as `<file>.before-restore` until the next restore.
 */
export const restore = (
  backupFile: string,
  file: string,
  options?: PlaceOptions
): Effect.Effect<BackupResult, StoreError> =>
  Effect.tryPromise({
    try: async () => {
      OwnFolder.make(path.dirname(path.resolve(file)))
      const place = storePlace(file, options)
      // What a link leads to is replaced only when it is a store.
      if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) inspect(place)
      if (isSameFile(backupFile, place)) throw new StoreFault(inUse(`${backupFile} is the store itself.`))
      if (isOfAnotherProgram(place)) throw new StoreFault(foreign(file, "another program's database"))
      const part = `${place}.restore`
      try {
        const jobs = await ofBackup(backupFile, async () => {
          await copyTo(backupFile, part, options)
          return seal(part, backupFile)
        })
        const release = holdAlone(place)
        try {
          keepAside(place)
          renameSync(part, place)
          sync(path.dirname(place))
        } finally {
          release()
        }
        return { path: file, bytes: statSync(place).size, jobs }
      } finally {
        removeAll(part)
      }
    },
    catch: (error) => storeError("restore", error, file)
  })

/** Copies one snapshot. It is held to the end: without it every commit of others would begin the copy anew. */
const copyTo = async (file: string, part: string, options: PlaceOptions | undefined): Promise<void> => {
  const source = waitOutBusy(busyTimeoutMs, file, () => openExisting(file, { ...options, mayBeLinked: true }))
  try {
    removeAll(part)
    closeSync(OwnFile.create(part))
    waitOutBusy(busyTimeoutMs, file, () => {
      if (!source.raw.isTransaction) source.raw.exec("BEGIN")
      source.prepare("SELECT count(*) FROM sqlite_schema").get()
    })
    await copyPages(source.raw, part, { rate: pagesAtATime })
  } finally {
    source.close()
  }
}

/** Makes a copy readable without files beside it, verifies it, and sees it onto the disk. Errors name `origin`. */
const seal = (part: string, origin: string): number => {
  const db = new Database({ path: part, busyTimeoutMs })
  try {
    db.exec("PRAGMA journal_mode = DELETE")
    return wholeJobs(db, origin)
  } finally {
    db.close()
    sync(part)
  }
}

/** The number of jobs of a store without damage; throws at the first found. */
const wholeJobs = (db: Database, name: string): number => {
  const { checked, findings } = findDamage(db, { indexes: true })
  const [first] = findings
  if (first !== undefined) throw new StoreFault(corrupt(name, first.detail))
  return checked
}

const afterwards = (error: unknown, backupFile: string): unknown => {
  const reason = reasonOf(error, backupFile)
  switch (reason.tag) {
    case "StoreFull":
    case "StoreReadOnly":
      // Of the place that is written.
      return error
    case "StoreCorrupt":
      return new StoreFault({
        tag: reason.tag,
        message: `The backup ${reason.message.replace(/ Restore a backup;.*/s, " Take another backup; nothing was changed.")}`
      })
    default:
      return new StoreFault(reason)
  }
}

/** What goes wrong in `body` is the backup's, not the store's. */
const ofBackup = <A>(backupFile: string, body: () => A): A => {
  try {
    const result = body()
    return result instanceof Promise
      ? (result.catch((error: unknown) => Promise.reject(afterwards(error, backupFile))) as A)
      : result
  } catch (error) {
    throw afterwards(error, backupFile)
  }
}

const refuseOwnFiles = (file: string, target: string): void => {
  const store = real(file)
  const own = [...sqliteFiles, ".reserve"].some((suffix) => target === store + suffix)
  if (own || isSameFile(store, target)) {
    throw new StoreFault(inUse(`${target} belongs to the store that is copied. Name another file.`))
  }
}

/** Nobody may have open what is replaced: their commits would go into a file without a name, or into the new one. */
const refuseInUse = (target: string): void => {
  const side = sqliteFiles.find((suffix) => existsSync(target + suffix))
  if (side !== undefined) {
    throw new StoreFault(
      inUse(
        `${target} is in use, or was not closed: ${target}${side} lies beside it. Stop what has it open, or name another file.`
      )
    )
  }
  if (!existsSync(target)) return
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(target, { timeout: 0 })
    db.exec("BEGIN EXCLUSIVE; ROLLBACK")
  } catch (error) {
    if (isBusy(error)) {
      throw new StoreFault(inUse(`${target} is in use. Stop what has it open, or name another file.`))
    }
    // No database, or a damaged one: the caller wanted it replaced.
  } finally {
    db?.close()
  }
}

/**
 * Empties the WAL and locks every other process out; throws when one has the file open. A damaged file nobody can have
 * in use.
 */
const holdAlone = (file: string): (() => void) => {
  // SQLite would delete the WAL of an empty file.
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return () => undefined
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { timeout: 0 })
    // Leaving WAL mode needs the file to itself.
    const [mode] = Object.values(db.prepare("PRAGMA journal_mode = DELETE").get()!)
    if (mode !== "delete") throw new StoreFault(storeInUse(file))
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
    const held = db
    return () => held.close()
  } catch (error) {
    db?.close()
    if (isBusy(error)) throw new StoreFault(storeInUse(file))
    if (error instanceof StoreFault) throw error
    return () => undefined
  }
}

const storeInUse = (file: string) =>
  inUse(`${file} is in use. Stop the workers and commands that have it open, then restore again.`)

/** The old file keeps its name until the new one takes it: a process that starts in between creates no third. */
const keepAside = (file: string): void => {
  const aside = `${file}.before-restore`
  removeAll(aside)
  for (const suffix of sqliteFiles) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
  if (!existsSync(file)) return
  try {
    linkSync(file, aside)
  } catch {
    // A file system without hard links.
    renameSync(file, aside)
  }
}

const removeAll = (file: string): void => {
  for (const suffix of ["", ...sqliteFiles]) rmSync(file + suffix, { force: true })
}

const sync = (file: string): void => {
  const descriptor = openSync(file, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
