/**
 * The file before it is a store: looked at without changing a byte, then opened, created or refused with a typed
 * reason.
 */
import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readSync, statfsSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import path from "node:path"
import * as OwnFile from "../../../files/OwnFile.ts"
import * as OwnFolder from "../../../files/OwnFolder.ts"
import { Database, waitOutBusy } from "./Database.ts"
import { applicationId, migrate, refuseOthers, schemaVersion, userVersion } from "./migrations.ts"
import { corrupt, foreign, newer, StoreFault, systemCode, unsafe } from "./StoreFault.ts"
import { storePlace } from "./StorePlace.ts"

/**
 * `full`: a commit is on the disk before it is answered. `relaxed`: it survives a crash of the process, but the last
 * ones may be lost with the power; three to five times as many small commits.
 */
export type Durability = "full" | "relaxed"

export interface OpenOptions {
  readonly path: string
  readonly durability: Durability
  readonly busyTimeoutMs: number
  /** Whether others may own or write the file and its folder; see `storePlace`. */
  readonly shared?: boolean | undefined
  /** Of the linked SQLite; tests pass another. */
  readonly sqliteVersion?: string
}

const header = { size: 100, magic: "SQLite format 3\u0000", schemaCookie: 40, userVersion: 60, applicationId: 68 }

interface Header {
  readonly magic: string
  /** 0: nothing was ever created in it. */
  readonly schemaCookie: number
  readonly userVersion: number
  readonly applicationId: number
}

/** What the first page says. Undefined: there is no file, or an empty one. */
const readHeader = (file: string): Header | undefined => {
  if (!existsSync(file)) return undefined
  const descriptor = openSync(file, OwnFile.asItIs)
  try {
    if (!fstatSync(descriptor).isFile()) throw new StoreFault(foreign(file, "not a regular file"))
    const bytes = Buffer.alloc(header.size)
    const length = readSync(descriptor, bytes, 0, header.size, 0)
    if (length === 0) return undefined
    const magic = bytes.toString("latin1", 0, header.magic.length)
    if (length < header.size && magic.startsWith(header.magic.slice(0, length))) {
      throw new StoreFault(corrupt(file, "it ends within its header"))
    }
    return {
      magic,
      schemaCookie: bytes.readInt32BE(header.schemaCookie),
      userVersion: bytes.readInt32BE(header.userVersion),
      applicationId: bytes.readInt32BE(header.applicationId)
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Refuses what is not ours, reading only. A file of ours carries its application id from the first write on. */
export const inspect = (file: string): void => {
  const found = readHeader(file)
  if (found === undefined) return
  if (found.magic !== header.magic) throw new StoreFault(foreign(file, "not an SQLite database"))
  if (found.applicationId === 0 && found.schemaCookie === 0 && found.userVersion === 0) return
  if (found.applicationId !== applicationId) {
    throw new StoreFault(foreign(file, `an SQLite database with application id ${found.applicationId}`))
  }
  if (found.userVersion > schemaVersion) throw new StoreFault(newer(file, found.userVersion, schemaVersion))
}

/** Whether the file is another program's database. Damage, also to the header, makes it nobody's. */
export const isOfAnotherProgram = (file: string): boolean => {
  try {
    inspect(file)
    return false
  } catch (error) {
    return (
      error instanceof StoreFault && error.reason.tag === "StoreForeign" && readHeader(file)?.magic === header.magic
    )
  }
}

/**
 * Versions whose WAL files are safe to share: 3.51.3, and the corrected 3.50 and 3.44 (sqlite.org/wal.html, section
 * 11).
 */
export const isSafeToShare = (version: string): boolean => {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number)
  if (major !== 3) return major > 3
  if (minor === 50) return patch >= 7
  if (minor === 44) return patch >= 6
  return minor > 51 || (minor === 51 && patch >= 3)
}

const linkedVersion = (): string => {
  const db = new DatabaseSync(":memory:")
  try {
    return db.prepare("SELECT sqlite_version() AS version").get()!.version as string
  } finally {
    db.close()
  }
}

/** File systems of other machines, by the magic number of statfs(2). */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x01021997, "9p"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"]
])

/**
 * The network file system a path lies on, where that can be told: locks and shared memory may not work across its
 * machines.
 */
export const networkFileSystem = (file: string): string | undefined => {
  try {
    return networkFileSystems.get(statfsSync(path.dirname(file)).type >>> 0)
  } catch {
    return undefined
  }
}

/** Makes the file for this user alone when it is missing; SQLite gives its side files the mode of the file. */
const create = (file: string): void => {
  try {
    closeSync(OwnFile.create(file))
  } catch (error) {
    // It is there: also when two processes begin at once.
    if (systemCode(error) !== "EEXIST") throw error
    accessSync(file, constants.R_OK | constants.W_OK)
  }
}

const name = (text: string): string => `"${text.replaceAll('"', '""')}"`

/** Reads one page of every table of ours: damage there is found now and not half-way through a turn. */
const probe = (db: Database): void => {
  const tables = db.prepare<[string]>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE %'"
  )
  for (const [table] of tables.all()) {
    const first = db.raw.prepare(`SELECT * FROM ${name(table)} LIMIT 1`)
    // A number that is too large is no damage of a page: its row is set aside when it is met.
    first.setReadBigInts(true)
    first.get()
  }
}

export interface OpenedFile {
  readonly db: Database
  /** False: this SQLite must not share the file; other processes are locked out. */
  readonly isShared: boolean
}

/** Opens or creates a store. What throws has changed nothing of a file that was there. */
export const openStoreFile = (options: OpenOptions): OpenedFile =>
  // The process that closes last holds the file for a moment.
  waitOutBusy(options.busyTimeoutMs, options.path, () => open(options))

const open = ({ busyTimeoutMs, durability, path: asked, shared, sqliteVersion }: OpenOptions): OpenedFile => {
  OwnFolder.make(path.dirname(asked))
  const file = storePlace(asked, { shared })
  inspect(file)
  create(file)
  const isShared = isSafeToShare(sqliteVersion ?? linkedVersion())
  const db = new Database({ path: file, busyTimeoutMs })
  try {
    if (!isShared) lockOut(db, sqliteVersion ?? linkedVersion())
    if (userVersion(db) > schemaVersion) throw new StoreFault(newer(file, userVersion(db), schemaVersion))
    refuseOthers(db)
    // Before anything is written, so that an unfinished creation is still recognised as ours.
    if (db.prepare<[number]>("PRAGMA application_id").get()![0] !== applicationId) {
      db.exec(`PRAGMA application_id = ${applicationId}`)
    }
    useWal(db)
    db.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`)
    db.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY")
    db.exec("PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 4194304")
    migrate(db)
    probe(db)
    // What cannot be written is known now, not at the first job.
    db.write(() => undefined)
    return { db, isShared }
  } catch (error) {
    db.close()
    throw error
  }
}

const useWal = (db: Database): void => {
  const mode = waitOutBusy(db.busyTimeoutMs, db.path, () => db.prepare<[string]>("PRAGMA journal_mode = WAL").get()![0])
  if (mode !== "wal") throw new Error(`no write-ahead log on this file system: journal mode ${mode}`)
}

/** Holds the file for this process alone. */
const lockOut = (db: Database, version: string): void => {
  try {
    db.raw.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT")
  } catch {
    throw new StoreFault(unsafe(db.path, version))
  }
}
