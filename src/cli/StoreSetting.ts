/** Which store a command works on, where a project's files may be a stranger's. */
import * as Effect from "effect/Effect"
import path from "node:path"
import { fileURLToPath } from "node:url"
import * as ConfigFiles from "./ConfigFiles.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import { shown } from "./ShownSetting.ts"
import { environmentOf, isUrl, type PlainSettings, type Read, type Setting } from "./Settings.ts"

/** The store in force. Fails with `usage` when a project's files may not say, or cannot without being run. */
export const storeIn = <S extends PlainSettings>({ found, settings, unread }: Read<S>) =>
  Effect.suspend((): Effect.Effect<Setting, CommandFailure> => {
    const { store } = settings
    if (store.source === found && !isInFolderOf(found, store.value)) {
      return Effect.fail(
        fail(
          "usage",
          `store (${found}) is ${shown("store", store).value}, outside of that file's folder; name it yourself: --store, SLUICE_STORE, your own config, or --config ${found}`
        )
      )
    }
    const isSaid = store.source === "--store" || store.source === environmentOf("store") || store.source === found
    return unread === undefined || isSaid
      ? Effect.succeed(store)
      : Effect.fail(
          fail(
            "usage",
            `${unread} may name the store, and this command does not run it; name the store with --store or SLUICE_STORE, in sluice.config.json beside it, or run it with --config ${unread}`
          )
        )
  })

const isInFolderOf = (config: string, store: string): boolean => {
  if (!isUrl(store)) return ConfigFiles.isWithin(store, path.dirname(config))
  if (!store.startsWith("file:")) return true
  try {
    return ConfigFiles.isWithin(fileURLToPath(store), path.dirname(config))
  } catch {
    // No path at all: refused for that.
    return true
  }
}
