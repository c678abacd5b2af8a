/**
 * Which files the settings of a project stand in. Two may lie in its folder: `sluice.config.json`, which is data, and
 * one of code (`sluice.config.ts`, `.mts`, `.mjs`, `.js`). They are looked for from the caller's folder upwards, in
 * folders of the caller's own (or root's) alone: up to the home folder, the root of a project, and where another file
 * system begins. The caller may name one file instead, which is read whoever it belongs to. Why:
 * `docs/decisions/0015-configuration.md`.
 */
import * as Effect from "effect/Effect"
import { existsSync, lstatSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"
import * as OwnFile from "../files/OwnFile.ts"
import { NotOwn, notTrusted } from "../files/Ownership.ts"
import { type CommandFailure, fail } from "./Failure.ts"

export interface ConfigFiles {
  readonly data: string | undefined
  readonly code: string | undefined
  /** Named by the caller, who answers for what it says and does; else it was found. */
  readonly isNamed: boolean
}

const dataName = "sluice.config.json"
const codeNames = ["sluice.config.ts", "sluice.config.mts", "sluice.config.mjs", "sluice.config.js"]

export const isCode = (file: string): boolean => /\.[cm]?[jt]s$/.test(file)

/** What to do about a file that is refused. */
const insist = (file: string) => `to use it all the same, name it: --config ${file} (or SLUICE_CONFIG)`

/** A file that is not the caller's own, for the caller to decide on. */
export const refused = (file: string, error: NotOwn): CommandFailure =>
  fail("notAllowed", `${error.message}, so it is not read; ${insist(file)}`)

const isThere = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false }) !== undefined

const isProjectRoot = (folder: string): boolean =>
  ["package.json", ".git"].some((name) => existsSync(path.join(folder, name)))

const real = (folder: string): string => {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

const none: ConfigFiles = { data: undefined, code: undefined, isNamed: false }

/**
 * The files of the first folder that has any. Fails with `notAllowed` when the caller stands in a folder of somebody
 * else's that has.
 */
export const find = (from: string, home: string): Effect.Effect<ConfigFiles, CommandFailure> =>
  Effect.suspend(() => {
    const start = real(from)
    const top = real(home)
    for (let folder = start; ; folder = path.dirname(folder)) {
      const stats: Stats | undefined = statSync(folder, { throwIfNoEntry: false })
      if (stats === undefined) return Effect.succeed(none)
      const [data, code] = [[dataName], codeNames].map((names) =>
        names.map((name) => path.join(folder, name)).find(isThere)
      )
      const found = data ?? code
      const why = notTrusted(stats)
      if (why !== undefined)
        return found === undefined || folder !== start
          ? Effect.succeed(none)
          : Effect.fail(refused(found, new NotOwn(`${folder}, where ${path.basename(found)} lies,`, why)))
      if (found !== undefined) return Effect.succeed({ data, code, isNamed: false })
      const parent = path.dirname(folder)
      const isLast = parent === folder || folder === top || isProjectRoot(folder)
      if (isLast || statSync(parent, { throwIfNoEntry: false })?.dev !== stats.dev) return Effect.succeed(none)
    }
  })

/** The file the caller names. */
export const named = (file: string): ConfigFiles =>
  isCode(file) ? { ...none, code: file, isNamed: true } : { ...none, data: file, isNamed: true }

const unreadable = (file: string, error: unknown): CommandFailure =>
  fail("usage", `${file}: cannot be read: ${(error instanceof Error ? error.message : String(error)).split("\n")[0]!}`)

/** The file's text. A file that was found, or is the user's, must be the caller's own or root's. */
const textOf = (file: string, isNamed: boolean): Effect.Effect<string, CommandFailure> =>
  Effect.try({
    try: () => (isNamed ? readFileSync(file, "utf8") : OwnFile.readTrusted(file)) ?? missing(file),
    catch: (error) => (error instanceof NotOwn ? refused(file, error) : unreadable(file, error))
  })

const missing = (file: string): never => {
  throw new Error(`there is no ${file}`)
}

/** Fails when the file is one that would be refused, were it read. */
export const mustBeTrusted = (file: string): Effect.Effect<void, CommandFailure> => Effect.asVoid(textOf(file, false))

/** What a file says: of code its default export, for which it is run. */
export const contentOf = (file: string, isNamed: boolean): Effect.Effect<unknown, CommandFailure> =>
  Effect.flatMap(textOf(file, isNamed), (text) =>
    Effect.tryPromise({
      try: async (): Promise<unknown> =>
        isCode(file)
          ? ((await import(pathToFileURL(file).href)) as { readonly default?: unknown }).default
          : JSON.parse(text),
      catch: (error) => unreadable(file, error)
    })
  )

/** Where a path leads in the end, also when nothing is there yet. */
const destination = (file: string): string => {
  try {
    return realpathSync(file)
  } catch {
    const parent = path.dirname(file)
    return parent === file ? file : path.join(destination(parent), path.basename(file))
  }
}

/** Whether a path leads into a folder, by whatever links. */
export const isWithin = (file: string, folder: string): boolean =>
  destination(file).startsWith(destination(folder) + path.sep)
