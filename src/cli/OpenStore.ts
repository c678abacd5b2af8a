/** From `--store` and its kin to a queue that works on it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { existsSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import * as OwnFolder from "../files/OwnFolder.ts"
import { QueueSettings, StoreLayers } from "../services/Queue/index.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import { didYouMean } from "./input/Suggestion.ts"
import { Invocation } from "./Invocation.ts"
import { output } from "./Output.ts"
import * as Settings from "./Settings.ts"
import { storeIn } from "./StoreSetting.ts"

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

/** Where the store is that settings name, and whether it may be other people's. */
export const locationIn = <S extends Settings.PlainSettings>(read: Settings.Read<S>) =>
  Effect.gen(function* () {
    const { source, value } = yield* storeIn(read)
    const { settings } = read
    return { settings, location: yield* parseLocation(value, source), shared: settings.shared.value === "on" }
  })

/** The location in force. */
export const location = Effect.flatMap(Settings.looking, locationIn)

/** The same for commands that run the project's code. */
export const actingLocation = Effect.flatMap(Settings.acting, locationIn)

/** A folder of this user's own. */
export const privateFolder = (folder: string): Effect.Effect<void, CommandFailure> =>
  Effect.try({
    try: () => OwnFolder.ensure(folder),
    catch: (error) =>
      fail(
        "notAllowed",
        `the folder ${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`
      )
  })

/** The state folder, or one below it, made where it is missing. Each on the way must be this user's own. */
export const stateFolder = (...names: ReadonlyArray<string>): Effect.Effect<string, CommandFailure, Invocation> =>
  Effect.gen(function* () {
    const { env } = yield* Invocation
    let folder = OwnFolder.placed(Settings.stateFolder(env))
    yield* privateFolder(folder)
    for (const name of names) {
      folder = path.join(folder, name)
      yield* privateFolder(folder)
    }
    return folder
  })

export interface OpenOptions {
  /** Whether a missing file is made. Without it a command that only looks says that there is none. */
  readonly create: boolean
  /** Whether the store works in a thread of its own: for commands that run jobs. */
  readonly thread: boolean
}

const openAt = <S extends Settings.PlainSettings>(
  {
    location: at,
    settings,
    shared
  }: { readonly location: StoreLocation; readonly settings: S; readonly shared: boolean },
  options: OpenOptions
) =>
  Effect.gen(function* () {
    const { env } = yield* Invocation
    const { note } = yield* output
    for (const line of Settings.misspelt(env)) yield* note(line)
    const queueSettings = yield* Settings.toQueueSettings(settings)
    if (at._tag === "File") {
      const isDefault = settings.store.source === "default"
      if (isDefault) yield* stateFolder()
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
      at._tag === "Memory"
        ? StoreLayers.layerMemory()
        : StoreLayers.layerSqlite({ path: at.path, thread: options.thread, shared })
    return {
      location: at,
      settings,
      queueSettings,
      layer: layer.pipe(Layer.provideMerge(Layer.succeed(QueueSettings.Settings, queueSettings)))
    }
  })

/** The queue's layer over the store in force. */
export const open = (options: OpenOptions) => Effect.flatMap(location, (at) => openAt(at, options))

/** The same for commands that run the project's code. */
export const openActing = (options: OpenOptions) => Effect.flatMap(actingLocation, (at) => openAt(at, options))

/** Runs a short command on the store: called directly, closed at its end. */
export const withQueue =
  (options: { readonly create: boolean }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(open({ ...options, thread: false }), ({ layer }) => Effect.provide(effect, layer))

/** For commands that look. */
export const looking = withQueue({ create: false })
/** For commands that put something into the store. */
export const writing = withQueue({ create: true })
/** For commands that look and act with what the project's settings name. */
export const acting = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(openActing({ create: false, thread: false }), ({ layer }) => Effect.provide(effect, layer))
