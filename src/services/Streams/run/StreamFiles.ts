/**
 * The files a stream touches: its source, sink, record and spool. One seam, so that a test can stop a stream at every
 * one of its steps.
 */
import { Context, Data, Effect, type Scope } from "effect"
import { constants } from "node:fs"
import { type FileHandle, open, rename, rm } from "node:fs/promises"
import * as OwnFile from "../../../files/OwnFile.ts"
import * as OwnFolder from "../../../files/OwnFolder.ts"
import { NotOwn } from "../../../files/Ownership.ts"

/** What the system refused, with its code (`ENOSPC`, `EACCES`). */
export class FileError extends Data.TaggedError("FileError")<{ readonly message: string; readonly code: string }> {}

export interface OpenFile {
  readonly stat: Effect.Effect<{ readonly size: number; readonly mtimeMs: number }, FileError>
  /** Answers how many bytes were read; 0 at the end. */
  readonly read: (into: Uint8Array, length: number, position: number) => Effect.Effect<number, FileError>
  /** Writes all of it. */
  readonly write: (bytes: Uint8Array, position: number) => Effect.Effect<void, FileError>
  readonly truncate: (length: number) => Effect.Effect<void, FileError>
  /** Answers when what was written survives a power cut. */
  readonly sync: Effect.Effect<void, FileError>
}

/** `named` by the user: source and sink. `own`: what a stream keeps for itself; see `files/Ownership.ts`. */
export type Whose = "named" | "own"

export interface StreamFiles {
  /** Closed with the scope. `"r+"` makes the file when it is missing. */
  readonly open: (path: string, mode: "r" | "r+", whose: Whose) => Effect.Effect<OpenFile, FileError, Scope.Scope>
  /** Of an own file; undefined: there is none. */
  readonly readText: (path: string) => Effect.Effect<string | undefined, FileError>
  /** Makes an own file, unless there is one: then answers false. */
  readonly create: (path: string, text: string) => Effect.Effect<boolean, FileError>
  readonly rename: (from: string, to: string) => Effect.Effect<void, FileError>
  /** A file or a folder with all in it, if it is there. */
  readonly remove: (path: string) => Effect.Effect<void, FileError>
  readonly makeFolder: (path: string, whose: Whose) => Effect.Effect<void, FileError>
  /** Names in an own folder; none when it is missing. */
  readonly list: (path: string) => Effect.Effect<ReadonlyArray<string>, FileError>
  /** Makes names given and removed in a folder survive a power cut. */
  readonly syncFolder: (path: string) => Effect.Effect<void, FileError>
}

/** The code of what was refused since it is not the caller's own. */
export const notOwnCode = "NOTOWN"

const codeOf = (error: Error): string =>
  error instanceof NotOwn ? notOwnCode : "code" in error ? String(error.code) : ""

const fileError = (error: unknown) =>
  error instanceof Error
    ? new FileError({ message: error.message, code: codeOf(error) })
    : new FileError({ message: String(error), code: "" })

/** Uninterruptible: a buffer is its reader's until the system has done with it. */
const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, FileError> =>
  Effect.uninterruptible(Effect.tryPromise({ try: run, catch: fileError }))

/** Short work that need not leave the thread. */
const attemptSync = <A>(run: () => A): Effect.Effect<A, FileError> => Effect.try({ try: run, catch: fileError })

const opened = (handle: FileHandle): OpenFile => ({
  stat: attempt(() => handle.stat()),
  read: (into, length, position) =>
    Effect.map(
      attempt(() => handle.read(into, 0, length, position)),
      ({ bytesRead }) => bytesRead
    ),
  write: (bytes, position) =>
    attempt(async () => {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at)
        at += bytesWritten
      }
    }),
  truncate: (length) => attempt(() => handle.truncate(length)),
  sync: attempt(() => handle.datasync())
})

const orMade = (opening: Promise<FileHandle>, make: () => Promise<FileHandle>) =>
  opening.catch((error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? make() : Promise.reject(error)))

const openNamed = (path: string, mode: "r" | "r+"): Promise<FileHandle> =>
  mode === "r" ? open(path, "r") : orMade(open(path, "r+"), () => open(path, "w+", OwnFile.fileMode))

const makeOwn = async (path: string): Promise<FileHandle> => {
  const handle = await open(path, constants.O_RDWR | OwnFile.exclusively, OwnFile.fileMode)
  // The umask may have taken from it.
  await handle.chmod(OwnFile.fileMode)
  return handle
}

const openOwn = async (path: string, mode: "r" | "r+"): Promise<FileHandle> => {
  OwnFile.look(path)
  const handle = await (mode === "r"
    ? open(path, OwnFile.asItIs)
    : orMade(open(path, constants.O_RDWR | OwnFile.asItIs), () => makeOwn(path)))
  const why = OwnFile.notOwnFile(await handle.stat())
  if (why === undefined) return handle
  await handle.close()
  throw new NotOwn(path, why)
}

const node: StreamFiles = {
  open: (path, mode, whose) =>
    Effect.map(
      Effect.acquireRelease(
        attempt(() => (whose === "own" ? openOwn : openNamed)(path, mode)),
        (handle) => Effect.ignore(attempt(() => handle.close()))
      ),
      opened
    ),
  readText: (path) => attemptSync(() => OwnFile.readText(path)),
  create: (path, text) =>
    attempt(async () => {
      const handle = await makeOwn(path)
      try {
        await handle.writeFile(text)
        await handle.datasync()
      } finally {
        await handle.close()
      }
      return true
    }).pipe(Effect.catch((error) => (error.code === "EEXIST" ? Effect.succeed(false) : Effect.fail(error)))),
  rename: (from, to) => attempt(() => rename(from, to)),
  remove: (path) => attempt(() => rm(path, { recursive: true, force: true })),
  makeFolder: (path, whose) => attemptSync(() => (whose === "own" ? OwnFolder.ensure : OwnFolder.make)(path)),
  list: (path) => attemptSync(() => OwnFolder.list(path)),
  syncFolder: (path) =>
    attempt(async () => {
      const handle = await open(path, "r")
      try {
        await handle.sync()
      } catch (error) {
        // Some file systems cannot sync a folder; they need not.
        const { code } = error as NodeJS.ErrnoException
        if (code !== "EINVAL" && code !== "EPERM" && code !== "EISDIR") throw error
      } finally {
        await handle.close()
      }
    })
}

export const StreamFiles = Context.Reference<StreamFiles>("sluice/run/stream/StreamFiles", {
  defaultValue: () => node
})
