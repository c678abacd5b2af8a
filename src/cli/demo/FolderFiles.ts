/**
 * The files of a folder, as `npm start` works on them: regular files below it, in the order of their paths, within
 * bounds, and an account of everything that was left out.
 */
import * as Schema from "effect/Schema"
import * as Effect from "effect/Effect"
import type { Ignore } from "ignore"
import * as fs from "node:fs"
import * as path from "node:path"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import * as GitIgnore from "./GitIgnore.ts"

/** A regular file that could be read when it was listed. */
export interface FolderFile {
  /** Relative to the folder, with `/` between the parts. Raw: may hold newlines and control characters. */
  readonly path: string
  /** Size when it was listed. */
  readonly bytes: number
}

/** Why something was left out. The first that applies, in this order. */
export const leftOutReasons = [
  "version-control",
  "dependencies",
  "ignored",
  "symbolic-link",
  "special",
  "unreadable",
  "too-many-files",
  "too-many-bytes"
] as const
export type LeftOutReason = (typeof leftOutReasons)[number]

/** What was left out for one reason. */
export interface LeftOut {
  readonly reason: LeftOutReason
  readonly files: number
  /** Bytes of those files. Folders are left out unopened: what they hold is in no count. */
  readonly bytes: number
  readonly folders: number
  /** The first ten paths, raw. */
  readonly paths: ReadonlyArray<string>
}

export interface FolderListing {
  /** The folder with its symbolic links resolved. */
  readonly folder: string
  readonly files: ReadonlyArray<FolderFile>
  readonly bytes: number
  readonly leftOut: ReadonlyArray<LeftOut>
  /** False when the look-around ended at `mostEntries`: there is more, neither listed nor counted. */
  readonly complete: boolean
}

export interface FolderLimits {
  /** Files listed at most, 500 unless said: a run of a few seconds. */
  readonly mostFiles: number
  /**
   * Bytes of all listed files at most, 200 MB unless said. A file that does not fit is left out, smaller ones after it
   * may fit.
   */
  readonly mostBytes: number
  /** Entries looked at, 200,000 unless said: a second or two, for whoever starts it at `/`. */
  readonly mostEntries: number
}

const defaultLimits: FolderLimits = { mostFiles: 500, mostBytes: 200_000_000, mostEntries: 200_000 }

/** The folder itself cannot be listed. */
export class FolderFilesError extends Schema.TaggedError<FolderFilesError>()("FolderFilesError", {
  reason: Schema.Literals(["NotFound", "NotAFolder", "NotReadable"]),
  folder: Schema.String
}) {
  override get message() {
    const what = { NotFound: "does not exist", NotAFolder: "is not a folder", NotReadable: "cannot be read" }[
      this.reason
    ]
    return `${Sanitize.line(this.folder)} ${what}; name a folder whose files you may read`
  }
}

const pathsKept = 10

/** Entries handled before other fibers get their turn. */
const entriesAtOnce = 1000

interface Frame {
  /** Relative to the listed folder; empty for itself. */
  readonly path: string
  readonly entries: ReadonlyArray<fs.Dirent>
  next: number
  readonly rules: Ignore | undefined
}

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

const openFolder = (folder: string): Effect.Effect<string, FolderFilesError> =>
  Effect.try({
    try: () => {
      const resolved = fs.realpathSync(folder)
      fs.readdirSync(resolved)
      return resolved
    },
    catch: (error) => {
      const code = errorCode(error)
      return new FolderFilesError({
        reason: code === "ENOENT" ? "NotFound" : code === "ENOTDIR" ? "NotAFolder" : "NotReadable",
        folder
      })
    }
  })

/**
 * Lists `folder`. Left out: `.git`, `node_modules`, what the `.gitignore` files in it name (and those above it, up to
 * the root of its repository, unless they name the folder itself), symbolic links (what they lead to is either listed
 * already or outside), anything that is not a regular file, what cannot be read, and what exceeds the limits. Nothing
 * is written and no file is opened. The same tree gives the same listing: paths go by their UTF-16 units, folders in
 * place. A name that is no valid UTF-8 cannot be opened by its text and counts as unreadable.
 */
export const listFolder = (
  folder: string,
  limits: Partial<FolderLimits> = {}
): Effect.Effect<FolderListing, FolderFilesError> =>
  Effect.gen(function* () {
    const { mostBytes, mostEntries, mostFiles } = { ...defaultLimits, ...limits }
    const root = yield* openFolder(folder)
    const outer = GitIgnore.above(root)
    const files: Array<FolderFile> = []
    const left = new Map<LeftOutReason, { files: number; bytes: number; folders: number; paths: Array<string> }>()
    let bytes = 0

    const leaveOut = (
      reason: LeftOutReason,
      at: string,
      what: { readonly folder: boolean; readonly bytes: number }
    ) => {
      const entry = left.get(reason) ?? { files: 0, bytes: 0, folders: 0, paths: [] }
      left.set(reason, entry)
      if (what.folder) entry.folders++
      else entry.files++
      entry.bytes += what.bytes
      if (entry.paths.length < pathsKept) entry.paths.push(at)
    }

    /** Reads a folder and its `.gitignore`; one that cannot be read is left out. */
    const open = (at: string, inherited: Ignore | undefined): Frame | undefined => {
      try {
        const entries = fs
          .readdirSync(path.join(root, at), { withFileTypes: true })
          .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
        const named = entries.some((entry) => entry.name === ".gitignore" && entry.isFile())
        const rules = named
          ? GitIgnore.extend(inherited, path.join(root, at), `${outer.prefix}${at}`.replace(/\/$/, ""))
          : inherited
        return { path: at === "" ? "" : `${at}/`, entries, next: 0, rules }
      } catch {
        leaveOut("unreadable", at, { folder: true, bytes: 0 })
        return undefined
      }
    }

    const visit = (frame: Frame, entry: fs.Dirent): Frame | undefined => {
      const at = frame.path + entry.name
      const isFolder = entry.isDirectory()
      const size = (): number => {
        try {
          return isFolder ? 0 : fs.lstatSync(path.join(root, at)).size
        } catch {
          return 0
        }
      }
      const leave = (reason: LeftOutReason) => leaveOut(reason, at, { folder: isFolder, bytes: size() })
      if (entry.name === ".git") leave("version-control")
      else if (isFolder && entry.name === "node_modules") leave("dependencies")
      else if (GitIgnore.ignores(frame.rules, outer.prefix + at + (isFolder ? "/" : ""))) leave("ignored")
      else if (isFolder) return open(at, frame.rules)
      else if (entry.isSymbolicLink()) leaveOut("symbolic-link", at, { folder: false, bytes: 0 })
      else if (!entry.isFile()) leaveOut("special", at, { folder: false, bytes: 0 })
      else list(at)
      return undefined
    }

    const list = (at: string) => {
      let size: number
      try {
        size = fs.lstatSync(path.join(root, at)).size
        if (files.length < mostFiles && bytes + size <= mostBytes) fs.accessSync(path.join(root, at), fs.constants.R_OK)
      } catch {
        return leaveOut("unreadable", at, { folder: false, bytes: 0 })
      }
      if (files.length >= mostFiles) return leaveOut("too-many-files", at, { folder: false, bytes: size })
      if (bytes + size > mostBytes) return leaveOut("too-many-bytes", at, { folder: false, bytes: size })
      files.push({ path: at, bytes: size })
      bytes += size
    }

    const first = open("", outer.rules)
    const stack = first === undefined ? [] : [first]
    let seen = 0
    while (stack.length > 0 && seen < mostEntries) {
      const frame = stack.at(-1)!
      const entry = frame.entries[frame.next++]
      if (entry === undefined) {
        stack.pop()
        continue
      }
      if (++seen % entriesAtOnce === 0) yield* Effect.yieldNow
      const inner = visit(frame, entry)
      if (inner !== undefined) stack.push(inner)
    }
    return {
      folder: root,
      files,
      bytes,
      leftOut: leftOutReasons.flatMap((reason) => {
        const entry = left.get(reason)
        return entry === undefined ? [] : [{ reason, ...entry }]
      }),
      complete: stack.every((frame) => frame.next >= frame.entries.length)
    }
  })

const plural = (n: number, noun: string): string => `${HumanNumber.count(n)} ${noun}${n === 1 ? "" : "s"}`

const wording: { readonly [Reason in LeftOutReason]: string } = {
  "version-control": ".git",
  dependencies: "node_modules",
  ignored: "named by .gitignore",
  "symbolic-link": "symbolic links",
  special: "not regular files",
  unreadable: "cannot be read",
  "too-many-files": "beyond the number of files",
  "too-many-bytes": "beyond the number of bytes"
}

/**
 * The account for people, safe to show: what is worked on, then a line per reason of what is not. What cannot be read
 * is named, up to ten of it.
 */
export const summarize = (listing: FolderListing): ReadonlyArray<string> => [
  `${plural(listing.files.length, "file")}, ${HumanNumber.bytes(listing.bytes)}, in ${Sanitize.line(listing.folder)}`,
  ...listing.leftOut.map(({ bytes, files, folders, paths, reason }) => {
    const counts = [
      ...(files === 0 ? [] : [`${plural(files, "file")}${bytes === 0 ? "" : ` (${HumanNumber.bytes(bytes)})`}`]),
      ...(folders === 0 ? [] : [plural(folders, "folder")])
    ]
    const more = files + folders - paths.length
    const names =
      reason === "unreadable"
        ? `: ${paths.map(Sanitize.line).join(", ")}${more > 0 ? ` and ${HumanNumber.count(more)} more` : ""}`
        : ""
    return `left out, ${wording[reason]}: ${counts.join(" and ")}${names}`
  }),
  ...(listing.complete ? [] : ["stopped looking here: the folder holds more than is worth counting"])
]
