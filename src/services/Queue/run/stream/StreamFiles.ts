/** The files a stream touches: its source, sink, record and spool. One seam, so that a test can stop a stream at every one of its steps. */
import { Context, Data, Effect, type Scope } from "effect"
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises"

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

export interface StreamFiles {
  /** Closed with the scope. `"r+"` makes the file when it is missing. */
  readonly open: (path: string, mode: "r" | "r+") => Effect.Effect<OpenFile, FileError, Scope.Scope>
  /** Undefined: there is none. */
  readonly readText: (path: string) => Effect.Effect<string | undefined, FileError>
  /** Makes the file, unless there is one: then answers false. */
  readonly create: (path: string, text: string) => Effect.Effect<boolean, FileError>
  readonly rename: (from: string, to: string) => Effect.Effect<void, FileError>
  /** A file or a folder with all in it, if it is there. */
  readonly remove: (path: string) => Effect.Effect<void, FileError>
  readonly makeFolder: (path: string) => Effect.Effect<void, FileError>
  /** Names in a folder; none when it is missing. */
  readonly list: (path: string) => Effect.Effect<ReadonlyArray<string>, FileError>
  /** Makes names given and removed in a folder survive a power cut. */
  readonly syncFolder: (path: string) => Effect.Effect<void, FileError>
}

const fileError = (error: unknown) =>
  error instanceof Error
    ? new FileError({ message: error.message, code: "code" in error ? String(error.code) : "" })
    : new FileError({ message: String(error), code: "" })

/** Uninterruptible: a buffer is its reader's until the system has done with it. */
const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, FileError> =>
  Effect.uninterruptible(Effect.tryPromise({ try: run, catch: fileError }))

const missing = <A>(effect: Effect.Effect<A, FileError>, otherwise: A) =>
  Effect.catch(effect, (error) => (error.code === "ENOENT" ? Effect.succeed(otherwise) : Effect.fail(error)))

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

const openHandle = (path: string, mode: "r" | "r+") =>
  mode === "r"
    ? open(path, "r")
    : open(path, "r+").catch((error: NodeJS.ErrnoException) =>
        error.code === "ENOENT" ? open(path, "w+", 0o600) : Promise.reject(error)
      )

const node: StreamFiles = {
  open: (path, mode) =>
    Effect.map(
      Effect.acquireRelease(
        attempt(() => openHandle(path, mode)),
        (handle) => Effect.ignore(attempt(() => handle.close()))
      ),
      opened
    ),
  readText: (path) =>
    missing(
      attempt((): Promise<string | undefined> => readFile(path, "utf8")),
      undefined
    ),
  create: (path, text) =>
    attempt(async () => {
      const handle = await open(path, "wx", 0o600)
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
  makeFolder: (path) => Effect.asVoid(attempt(() => mkdir(path, { recursive: true, mode: 0o700 }))),
  list: (path) =>
    missing(
      attempt((): Promise<ReadonlyArray<string>> => readdir(path)),
      []
    ),
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
