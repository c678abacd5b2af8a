/** The store as a file, for commands that work on the file itself. */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { fail } from "./Failure.ts"
import { location } from "./OpenStore.ts"

/** Its path, and how it may be opened. Fails for memory: and, unless it may be missing, when there is no file. */
export const storeFile = (options: { readonly mayBeMissing: boolean }) =>
  Effect.gen(function* () {
    const { location: at, shared } = yield* location
    if (at._tag === "Memory") return yield* fail("usage", "memory: is no file; name one with --store")
    if (!options.mayBeMissing && !existsSync(at.path))
      return yield* fail("unreachable", `no store at ${at.path}; check --store and SLUICE_STORE`)
    return { file: at.path, place: { shared } }
  })
