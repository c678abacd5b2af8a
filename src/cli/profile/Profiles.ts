/** The profile folder of the store in force, and ids as people write them. */
import * as Effect from "effect/Effect"
import path from "node:path"
import { ProfileFolder } from "../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import { Invocation } from "../Invocation.ts"
import { location, type StoreLocation } from "../OpenStore.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import * as Settings from "../Settings.ts"

/** Beside the store's file; for `memory:` in the state folder. */
export const profilesAt = (at: StoreLocation) =>
  Effect.map(
    Invocation,
    ({ env }) =>
      new ProfileFolder.ProfileFolder(
        at._tag === "File" ? ProfileFolder.folderOf(at.path) : path.join(Settings.stateFolder(env), "memory.profiles")
      )
  )

/** Those of the store in force. */
export const profiles = Effect.flatMap(location, (at) => profilesAt(at.location))

/** What the file system refuses is a failure of the command, not of the program. */
export const onFiles = <A>(what: string, work: () => A): Effect.Effect<A, CommandFailure> =>
  Effect.try({
    try: work,
    catch: (error) => fail("notAllowed", `${what}: ${error instanceof Error ? error.message : String(error)}`)
  })

/** The id of a saved profile: whole, its beginning, or `last`. */
export const profileId = (files: ProfileFolder.ProfileFolder, text: string): Effect.Effect<string, CommandFailure> =>
  Effect.gen(function* () {
    const ids = yield* onFiles("the profiles cannot be listed", () => files.ids())
    const found = text === "last" ? ids.slice(0, 1) : ids.filter((id) => id === text || id.startsWith(text))
    if (found.length === 1) return found[0]!
    return yield* found.length === 0
      ? fail(
          "notFound",
          `no profile ${JSON.stringify(Sanitize.line(text))} in ${files.folder}; sluice profile ls lists them`
        )
      : fail("usage", `${JSON.stringify(Sanitize.line(text))} begins ${found.length} ids; write more of it`)
  })

/** A saved report. */
export const readReport = (files: ProfileFolder.ProfileFolder, id: string) =>
  Effect.gen(function* () {
    const report = yield* onFiles(`profile ${id} cannot be read`, () => files.report(id))
    return report ?? (yield* fail("notFound", `profile ${id} is gone`))
  })
