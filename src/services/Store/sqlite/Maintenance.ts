/**
 * What operators do to a store file as a whole: back it up while it works, put a backup in its place, check it, query
 * it, migrate it forth and back. Each opens the file by itself and closes it again; a store that is not the caller's
 * own is refused as when it is opened.
 */
import { Effect } from "effect"
import { statSync } from "node:fs"
import type { StoreError } from "../StoreError.ts"
import { busyTimeoutMs, type Database, waitOutBusy } from "./Database.ts"
import { type CheckOptions, type CheckResult, findDamage } from "./Damage.ts"
import {
  migrate as migrateFile,
  type Migration,
  migrations,
  rollback as rollbackFile,
  userVersion
} from "./migrations.ts"
import { openExisting, openOurs, openWhole } from "./ReadAccess.ts"
import { type NamedRow, SetAside } from "./SetAside.ts"
import { storeError } from "./SqliteError.ts"
import type { PlaceOptions } from "./StorePlace.ts"

export { backup, type BackupResult, isSameFile, restore, verify } from "./Backup.ts"
export type { CheckOptions, CheckResult, Finding } from "./Damage.ts"
export type { NamedRow } from "./SetAside.ts"
export type { PlaceOptions } from "./StorePlace.ts"
export { type Cell, type Cursor, query, type QueryOptions, StatementRefused } from "./Statement.ts"

export interface MigrationStatus {
  readonly found: number
  readonly known: number
  /** Steps not yet taken. */
  readonly pending: ReadonlyArray<Migration>
}

const using = <A>(
  operation: string,
  file: string,
  open: (file: string, options?: PlaceOptions) => Database,
  options: PlaceOptions | undefined,
  body: (db: Database) => A
): Effect.Effect<A, StoreError> =>
  Effect.try({
    try: () =>
      waitOutBusy(busyTimeoutMs, file, () => {
        const db = open(file, options)
        try {
          return body(db)
        } finally {
          db.close()
        }
      }),
    catch: (error) => storeError(operation, error, file)
  })

/**
 * Looks for damage: the schema and structure of the file, counters against the tables, payloads against their
 * checksums. Reads only; takes a second per some 200,000 jobs.
 */
export const check = (file: string, options?: CheckOptions & PlaceOptions): Effect.Effect<CheckResult, StoreError> =>
  using("check", file, openExisting, options, (db) => findDamage(db, options))

const isNewest = (db: Database): boolean => userVersion(db) === migrations.length

/**
 * Sets aside every row that cannot be read, of a store of the newest schema; answers how many. Whoever meets one does
 * the same.
 */
export const setAside = (file: string, now: number, options?: PlaceOptions): Effect.Effect<number, StoreError> =>
  using("setAside", file, openOurs, options, (db) => (isNewest(db) ? new SetAside(db).repair(now) : 0))

/** Rows that were set aside, by name. */
export const rowsSetAside = (
  file: string,
  options?: PlaceOptions
): Effect.Effect<ReadonlyArray<NamedRow>, StoreError> =>
  using("rowsSetAside", file, openWhole, options, (db) => (isNewest(db) ? new SetAside(db).list() : []))

/** Removes such a row for good. False: there is none of that name. */
export const forgetRow = (file: string, name: string, options?: PlaceOptions): Effect.Effect<boolean, StoreError> =>
  using("forgetRow", file, openOurs, options, (db) => isNewest(db) && db.write(() => new SetAside(db).drop(name)))

/**
 * Which schema the file has, and the steps to the newest. Fails with `StoreCorrupt` when it is not what its version
 * promises.
 */
export const migrationStatus = (file: string, options?: PlaceOptions): Effect.Effect<MigrationStatus, StoreError> =>
  using("migrationStatus", file, openWhole, options, (db) => {
    const found = userVersion(db)
    return { found, known: migrations.length, pending: migrations.slice(found) }
  })

/** What only a store in a file has. Sizes in bytes. */
export interface FileStatus {
  readonly schemaVersion: number
  /** The write-ahead log, of the bytes that the store takes. */
  readonly walBytes: number
  /** Pages of the file that nothing is in: what is stored next comes there. */
  readonly reusableBytes: number
}

export const fileStatus = (file: string, options?: PlaceOptions): Effect.Effect<FileStatus, StoreError> =>
  using("fileStatus", file, openOurs, options, (db) => ({
    schemaVersion: userVersion(db),
    walBytes: statSync(`${db.path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    reusableBytes: db
      .prepare<[number]>("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
      .get()![0]
  }))

/** Takes the steps to the newest schema; answers their names. Opening a store does the same. */
export const migrate = (file: string, options?: PlaceOptions): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  using("migrate", file, openOurs, options, (db) => migrateFile(db))

/**
 * Takes the last step back, for going back to an older Sluice; answers its name, or undefined when there is no way
 * back.
 */
export const rollback = (file: string, options?: PlaceOptions): Effect.Effect<string | undefined, StoreError> =>
  using("rollback", file, openOurs, options, (db) => rollbackFile(db))
