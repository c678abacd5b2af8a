/**
 * Files of the caller's own: made exclusively and for the caller alone (0600, whatever the umask), opened only when
 * they are what `Ownership` calls own. A path that leads elsewhere is never followed, and what is there is not touched.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync
} from "node:fs"
import { NotOwn, notOwn, notTrusted } from "./Ownership.ts"

export const fileMode = 0o600

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY, O_RDWR, O_WRONLY } = constants

/** To open a file that must not be there yet. */
export const exclusively = O_CREAT | O_EXCL | O_NOFOLLOW

/** To open a file that is there: no link is followed, and nothing is waited for at the other end of a pipe. */
export const asItIs = O_NOFOLLOW | O_NONBLOCK

const access = { read: O_RDONLY, write: O_WRONLY, append: O_WRONLY | O_APPEND, readWrite: O_RDWR } as const

const kindOf = (stats: Stats): string =>
  stats.isSymbolicLink()
    ? "symbolic link"
    : stats.isDirectory()
      ? "folder"
      : stats.isFIFO()
        ? "pipe"
        : stats.isSocket()
          ? "socket"
          : "device"

/** Why what was found is no regular file; undefined when it is one. */
export const notRegular = (stats: Stats): string | undefined =>
  stats.isFile() ? undefined : `is a ${kindOf(stats)}, not a regular file`

/**
 * Why a file is known by other names too; undefined when it is not. What is written to it would be found under those.
 */
export const namedTwice = ({ nlink }: Stats): string | undefined =>
  nlink > 1 ? `has ${nlink} names (hard links)` : undefined

/** Why what was found is no file of the caller's own; undefined when it is one. */
export const notOwnFile = (stats: Stats): string | undefined => notRegular(stats) ?? notOwn(stats) ?? namedTwice(stats)

const refuse = (path: string, why: string | undefined): void => {
  if (why !== undefined) throw new NotOwn(path, why)
}

/** What is at the path itself; undefined: nothing. Throws `NotOwn` when it is no file of the caller's own. */
export const look = (path: string): Stats | undefined => {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats !== undefined) refuse(path, notOwnFile(stats))
  return stats
}

const checked = (path: string, descriptor: number, why: (stats: Stats) => string | undefined): number => {
  try {
    refuse(path, why(fstatSync(descriptor)))
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** The system's words for a link that was not followed are about loops. */
const opened = (path: string, flags: number): number => {
  try {
    return openSync(path, flags)
  } catch (error) {
    // A link, or a socket: what it is tells more than the system's code.
    look(path)
    throw error
  }
}

/** Opens a file that is there; throws `NotOwn`, or the system's error. */
export const open = (path: string, how: keyof typeof access): number =>
  checked(path, opened(path, access[how] | asItIs), notOwnFile)

const made = (path: string, flags: number): number => {
  const descriptor = openSync(path, flags | exclusively, fileMode)
  // The umask may have taken from it.
  fchmodSync(descriptor, fileMode)
  return descriptor
}

/** Makes a file and opens it for writing; throws `EEXIST` when anything is there, also a link to nothing. */
export const create = (path: string): number => made(path, access.write)

const withFile = <A>(descriptor: number, body: (descriptor: number) => A): A => {
  try {
    return body(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT"

/** Undefined when there is none. */
export const readText = (path: string): string | undefined => {
  try {
    return withFile(open(path, "read"), (descriptor) => readFileSync(descriptor, "utf8"))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Makes a file that must not be there yet, with this in it. */
export const writeNew = (path: string, text: string): void =>
  withFile(create(path), (descriptor) => writeFileSync(descriptor, text))

/** Opens a file to write at its end, whoever else does; made when it is missing. */
export const openToAppend = (path: string): number => {
  try {
    return open(path, "append")
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  try {
    return made(path, access.append)
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    return open(path, "append")
  }
}

export const append = (path: string, text: string): void =>
  withFile(openToAppend(path), (descriptor) => writeFileSync(descriptor, text))

/** Puts a file in the place of the one there was, whole or not at all, also for a reader at the same time. */
export const replace = (path: string, text: string): void => {
  look(path)
  const half = `${path}.${process.pid}.half`
  remove(half)
  writeNew(half, text)
  renameSync(half, path)
}

/** Removes the name, whatever it leads to; not a folder. */
export const remove = (path: string): void => rmSync(path, { force: true })

/**
 * What is trusted (see `Ownership`) may be read: links are followed, and a pipe is not waited for. Undefined when there
 * is nothing; throws `NotOwn`, or the system's error.
 */
export const readTrusted = (path: string): string | undefined => {
  try {
    const descriptor = openSync(path, O_RDONLY | O_NONBLOCK)
    return withFile(
      checked(path, descriptor, (stats) => notRegular(stats) ?? notTrusted(stats)),
      (own) => readFileSync(own, "utf8")
    )
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
