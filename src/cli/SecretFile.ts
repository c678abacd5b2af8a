/**
 * Files that hold one secret: refused when anybody else may read or change them, as ssh refuses keys.
 *
 * Accepted is a regular file, through links too, that is
 * - the caller's own, and nobody else's to read or write (0600, 0400); or
 * - root's, and neither readable nor writable by others nor writable by its group (0440, 0640, 0400): so Kubernetes
 *   mounts secrets with `fsGroup` and a `defaultMode` of 0440, and systemd credentials. Root could read the caller's
 *   files anyway.
 *
 * What is opened is what is looked at: a file that is exchanged in between changes nothing.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs"
import { type CommandFailure, fail } from "./Failure.ts"

/** Secrets are short; a log or a device named by mistake is not read to its end. In bytes. */
const mostBytes = 16 * 1024

const octal = (mode: number): string => `0${(mode & 0o777).toString(8).padStart(3, "0")}`

/** Why nobody should trust what the file says, and what to do. */
const objection = (stats: Stats, own: number): string | undefined => {
  const { mode, size, uid } = stats
  if (!stats.isFile()) return "is not a regular file; put the secret into one"
  if (uid !== own && uid !== 0) return `belongs to another user (uid ${uid}); make a copy of your own with mode 0600`
  if ((mode & (uid === 0 ? 0o027 : 0o077)) !== 0)
    return `has mode ${octal(mode)}, so others may read or change it; chmod 600 it (a mounted secret: mode 0440 and a group of yours)`
  return size > mostBytes ? `holds ${size} bytes; expected a secret of at most ${mostBytes}` : undefined
}

/**
 * What it holds, without white space around it. `setting` names who asks, for the message; `own` is the caller's user
 * id.
 */
export const read = (
  file: string,
  setting: string,
  own: number = process.getuid?.() ?? 0
): Effect.Effect<Redacted.Redacted<string>, CommandFailure> =>
  Effect.suspend(() => {
    const refuse = (what: string) => fail("usage", `${setting}: ${file} ${what}`)
    let descriptor: number
    try {
      // A pipe without a writer would hold everything up.
      descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (error) {
      return refuse(`cannot be read; check its path and mode (${(error as NodeJS.ErrnoException).code})`)
    }
    try {
      const wrong = objection(fstatSync(descriptor), own)
      if (wrong !== undefined) return refuse(wrong)
      const bytes = Buffer.alloc(mostBytes)
      const text = bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, mostBytes, 0)).trim()
      return text === "" ? refuse("is empty; put the secret into it") : Effect.succeed(Redacted.make(text))
    } finally {
      closeSync(descriptor)
    }
  })
