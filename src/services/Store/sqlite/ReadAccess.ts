/** A store that is only looked at, also one on a read-only disk. */
import { existsSync, statSync } from "node:fs"
import path from "node:path"
import { type Access, busyTimeoutMs, Database } from "./Database.ts"
import { refuseOthers, schemaDamage } from "./migrations.ts"
import { codes, corrupt, sqliteCode, StoreFault, unavailable } from "./StoreFault.ts"
import { inspect } from "./StoreFile.ts"
import { type CopyOptions, type PlaceOptions, storePlace } from "./StorePlace.ts"

const open = (file: string, access: Access): Database => {
  const db = new Database({ path: file, access, busyTimeoutMs })
  try {
    db.prepare("SELECT count(*) FROM sqlite_schema").get()
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

const hasWal = (file: string): boolean => (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0

const unreadableWal = (file: string): string =>
  `${file} has commits in ${file}-wal that cannot be read where nothing can be written. Copy both files into a folder of yours and name the copy.`

/**
 * Opens a store that is there. A connection that may write takes its `-wal` and `-shm` with it when it closes last;
 * where nothing can be written, the file is read as it is, unless commits wait in a WAL that cannot be read without
 * writing.
 */
export const openExisting = (asked: string, options?: PlaceOptions & CopyOptions): Database => {
  if (!existsSync(path.dirname(asked))) throw new StoreFault(unavailable(`${asked} does not exist.`))
  const file = storePlace(asked, options)
  if (!existsSync(file)) throw new StoreFault(unavailable(`${asked} does not exist.`))
  inspect(file)
  for (const access of ["readWrite", "readOnly"] as const) {
    try {
      return open(file, access)
    } catch (error) {
      const code = sqliteCode(error)
      if (code !== codes.readOnly && code !== codes.cannotOpen) throw error
      if (access === "readOnly" && hasWal(file)) throw new StoreFault(unavailable(unreadableWal(file)))
    }
  }
  return open(file, "immutable")
}

const openChecked =
  (check: (db: Database) => void) =>
  (file: string, options?: PlaceOptions): Database => {
    const db = openExisting(file, options)
    try {
      check(db)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  }

/** The same; refuses a store whose schema is not what its version promises. */
export const openWhole = openChecked((db) => {
  const damage = db.read(() => schemaDamage(db))
  if (damage !== undefined) throw new StoreFault(corrupt(db.path, damage))
})

/** The same; refuses one as well to which others have added what would act on our tables. */
export const openOurs = openChecked(refuseOthers)
