/** From `--store` and its kin to a queue that works on it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { chmodSync, existsSync, mkdirSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { QueueSettings, Sluice } from "../services/Queue/index.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import { didYouMean } from "./input/Suggestion.ts"
import { Invocation } from "./Invocation.ts"
import { output } from "./Output.ts"
import * as Settings from "./Settings.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

export type StoreLocation = { readonly _tag: "Memory" } | { readonly _tag: "File"; readonly path: string }

/** What a `--store` value names. `value` is absolute where it is a path. */
export const parseLocation = (value: string, source: string): Effect.Effect<StoreLocation, CommandFailure> =>
  Effect.suspend(() => {
    if (value === "memory:") return Effect.succeed<StoreLocation>({ _tag: "Memory" })
    if (value.startsWith("file:")) {
      try {
        return Effect.succeed<StoreLocation>({ _tag: "File", path: fileURLToPath(value) })
      } catch {
        return Effect.fail(
          fail(
            "usage",
            `store ${JSON.stringify(value)} (${source}) is not a file URL; write file:///absolute/path or a plain path`
          )
        )
      }
    }
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(value)?.[1]
    if (scheme !== undefined) {
      return Effect.fail(
        fail(
          "usage",
          `store kind "${scheme}:" (${source}) is not known here; expected a file or memory:.${didYouMean(`${scheme}:`, ["memory:", "file:"])}`
        )
      )
    }
    return value.includes("\0")
      ? Effect.fail(fail("usage", `the store's path (${source}) holds a NUL character`))
      : Effect.succeed<StoreLocation>({ _tag: "File", path: value })
  })

/** The location in force. */
export const location = Effect.gen(function* () {
  const settings = yield* Settings.resolve
  return { settings, location: yield* parseLocation(settings.store.value, settings.store.source) }
})

/** A folder for this user alone. */
export const privateFolder = (folder: string): Effect.Effect<void, CommandFailure> =>
  Effect.try({
    try: () => {
      if (existsSync(folder)) return
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      chmodSync(folder, 0o700)
    },
    catch: (error) =>
      fail(
        "notAllowed",
        `the folder ${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`
      )
  })

export interface OpenOptions {
  /** Whether a missing file is made. Without it a command that only looks says that there is none. */
  readonly create: boolean
  /** Whether the store works in a thread of its own: for commands that run jobs. */
  readonly thread: boolean
}

/** The queue's layer over the store in force. */
export const open = (options: OpenOptions) =>
  Effect.gen(function* () {
    const { location: at, settings } = yield* location
    const { env } = yield* Invocation
    const { note } = yield* output
    for (const line of Settings.misspelt(env)) yield* note(Sanitize.line(line))
    const queueSettings = yield* Settings.toQueueSettings(settings)
    if (at._tag === "File") {
      const isDefault = settings.store.source === "default"
      if (isDefault) yield* privateFolder(Settings.stateFolder(env))
      else if (!existsSync(path.dirname(at.path))) {
        return yield* fail(
          "unreachable",
          `no folder ${path.dirname(at.path)} for the store; make it or name another (--store)`
        )
      }
      if (!existsSync(at.path) && !options.create && !isDefault) {
        return yield* fail(
          "unreachable",
          `no store at ${at.path}; check --store and SLUICE_STORE, or add a job to begin one`
        )
      }
    }
    const layer =
      at._tag === "Memory" ? Sluice.layerMemory() : Sluice.layerSqlite({ path: at.path, thread: options.thread })
    return {
      location: at,
      settings,
      queueSettings,
      layer: layer.pipe(Layer.provideMerge(Layer.succeed(QueueSettings.Settings, queueSettings)))
    }
  })

/** Runs a short command on the store: called directly, closed at its end. */
export const withQueue =
  (options: { readonly create: boolean }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(open({ ...options, thread: false }), ({ layer }) => Effect.provide(effect, layer))

/** For commands that look. */
export const looking = withQueue({ create: false })
/** For commands that put something into the store. */
export const writing = withQueue({ create: true })
