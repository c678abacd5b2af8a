/**
 * What somebody else may have put where Sluice keeps a file of its own, and things outside that must come to no harm by
 * it: a file, a folder, and a socket that counts who connects.
 */
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { Effect, type Scope } from "effect"

/** Another user; only root can give files away. */
export const otherUser = 65534
export const isRoot = process.getuid?.() === 0

export interface Outside {
  readonly folder: string
  /** A file of the user's that has nothing to do with Sluice. */
  readonly file: string
  /** Nothing is here. */
  readonly nothing: string
  /** A folder with a file in it. */
  readonly inner: string
  readonly socket: string
  readonly connections: () => number
  /** Everything there is to see of it. */
  readonly state: () => string
}

const describeFile = (file: string): string => {
  const { gid, ino, mode, mtimeMs, size, uid } = lstatSync(file)
  return JSON.stringify({ gid, ino, mode, mtimeMs, size, uid })
}

const describeFolder = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const file = path.join(folder, name)
      return `${name} ${describeFile(file)} ${lstatSync(file).isFile() ? readFileSync(file, "utf8") : ""}`
    })
    .join("\n")

/** Goes with its scope. */
export const outside: Effect.Effect<Outside, never, Scope.Scope> = Effect.acquireRelease(
  Effect.callback<Outside & { readonly close: () => void }>((resume) => {
    const folder = mkdtempSync(path.join(tmpdir(), "outside-"))
    const file = path.join(folder, "precious")
    const inner = path.join(folder, "inner")
    const socket = path.join(folder, "socket")
    writeFileSync(file, "precious\n", { mode: 0o644 })
    mkdirSync(inner)
    writeFileSync(path.join(inner, "precious"), "precious too\n")
    let connections = 0
    const server = createServer((peer) => {
      connections++
      peer.destroy()
    })
    server.listen(socket, () =>
      resume(
        Effect.succeed({
          folder,
          file,
          inner,
          nothing: path.join(folder, "nothing"),
          socket,
          connections: () => connections,
          state: () => describeFolder(folder),
          close: () => {
            server.close()
            rmSync(folder, { recursive: true, force: true })
          }
        })
      )
    )
  }),
  ({ close }) => Effect.sync(close)
)

const file = (place: string, mode: number) => {
  writeFileSync(place, "", { flag: "wx" })
  chmodSync(place, mode)
}

/** What may lie at a place that Sluice takes for its own. */
export const plants: Readonly<Record<string, (place: string, outside: Outside) => void>> = {
  "a link to a file": (place, { file }) => symlinkSync(file, place),
  "a link to a folder": (place, { inner }) => symlinkSync(inner, place),
  "a link to a socket": (place, { socket }) => symlinkSync(socket, place),
  "a link to nothing": (place, { nothing }) => symlinkSync(nothing, place),
  "a link to itself": (place) => symlinkSync(place, place),
  "a second name of a file": (place, { file }) => linkSync(file, place),
  "a folder": (place) => void mkdirSync(place),
  "a pipe": (place) => void execFileSync("mkfifo", [place]),
  "a file that others may write": (place) => file(place, 0o666),
  "a file that its group may write": (place) => {
    file(place, 0o660)
    if (isRoot) chownSync(place, 0, 12345)
  },
  ...(isRoot
    ? {
        "a file of another user": (place: string) => {
          file(place, 0o600)
          chownSync(place, otherUser, otherUser)
        },
        "a folder of another user": (place: string) => {
          mkdirSync(place, { mode: 0o700 })
          chownSync(place, otherUser, otherUser)
        }
      }
    : {})
}
