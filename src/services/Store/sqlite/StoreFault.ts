/**
 * What can be wrong with a store file, as plain data: it crosses threads, and the store's thread need not load the
 * schemas of the errors that the callers see.
 */
import type { StoreReason } from "../StoreError.ts"

export interface Reason {
  readonly tag: StoreReason["_tag"]
  readonly message: string
  /** Of `StoreNewer`: the versions of the schema. */
  readonly found?: number
  readonly known?: number
}

/** Carries a reason through code that throws. */
export class StoreFault extends Error {
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason.message)
    this.reason = reason
  }
}

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
export const codes = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notDatabase: 26
}

/** The primary result code of an error of `node:sqlite`. */
export const sqliteCode = (error: unknown): number | undefined =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined

export const isBusy = (error: unknown): boolean => {
  const code = sqliteCode(error)
  return code === codes.busy || code === codes.locked
}

/** No room, or the device refused the write: what does not need new room may still succeed. */
export const isOutOfRoom = (error: unknown): boolean => {
  const code = sqliteCode(error)
  return code === codes.full || code === codes.ioError || systemCode(error) === "ENOSPC"
}

export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined

/** The reason behind anything thrown while working on the file `path`. */
export const reasonOf = (error: unknown, path: string): Reason => {
  if (error instanceof StoreFault) return error.reason
  const message = error instanceof Error ? error.message : String(error)
  switch (sqliteCode(error)) {
    case codes.busy:
    case codes.locked:
      return unavailable(`${path} stayed locked by another process: ${message}. Try again.`)
    case codes.readOnly:
      return readOnly(path)
    case codes.corrupt:
    case codes.notDatabase:
      return corrupt(path, message)
    case codes.full:
      return full(path)
    case codes.cannotOpen:
      return unavailable(`${path} cannot be opened: ${message}. Check that its folder exists and may be written.`)
    case codes.ioError:
      return unavailable(`The disk under ${path} failed: ${message}. Check the device, then try again.`)
  }
  switch (systemCode(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return readOnly(path)
    case "ENOSPC":
    case "EDQUOT":
      return full(path)
    case "ERR_INVALID_STATE":
      return closed(path)
  }
  return unavailable(`${path}: ${message}`)
}

export const unavailable = (message: string): Reason => ({ tag: "StoreUnavailable", message })

export const outcomeUnknown = (message: string): Reason => ({ tag: "StoreOutcomeUnknown", message })

export const closed = (path: string): Reason => ({ tag: "StoreClosed", message: `The store ${path} is closed.` })

export const readOnly = (path: string): Reason => ({
  tag: "StoreReadOnly",
  message: `${path} cannot be written. Check the owner and mode of the file and of its folder.`
})

export const corrupt = (path: string, detail: string): Reason => ({
  tag: "StoreCorrupt",
  message: `${path} is damaged (${detail}). Restore a backup; the file is left untouched.`
})

export const full = (path: string): Reason => ({
  tag: "StoreFull",
  message: `The disk under ${path} is full. Make room, then enqueue again; running jobs still complete.`
})

export const foreign = (path: string, detail: string): Reason => ({
  tag: "StoreForeign",
  message: `${path} is not a Sluice store (${detail}). Name another file; this one is left untouched.`
})

export const untrusted = (message: string): Reason => ({ tag: "StoreUntrusted", message })

export const newer = (path: string, found: number, known: number): Reason => ({
  tag: "StoreNewer",
  message: `${path} was written by a newer Sluice (schema ${found}, this one knows ${known}). Upgrade; the file is left untouched.`,
  found,
  known
})

export const tampered = (path: string, what: string): Reason => ({
  tag: "StoreTampered",
  message: `${path} holds what Sluice did not make and what would act on its jobs: ${what}. Drop it with sluice db sql --write, or restore a backup; the file is left untouched.`
})

export const inUse = (message: string): Reason => ({ tag: "StoreInUse", message })

export const unsafe = (path: string, sqliteVersion: string): Reason => ({
  tag: "StoreUnsafe",
  message: `${path} is in use by another process, and SQLite ${sqliteVersion} may damage a file that is shared. Use Node 24.14.1 or later.`
})
