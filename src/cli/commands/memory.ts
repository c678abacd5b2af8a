/** `sluice memory`: what workers use of their memory, and a collection on demand. */
import * as Command from "effect/cli/Command"
import { gc } from "./memory/gc.ts"
import { status } from "./memory/status.ts"

export const command = Command.make("memory").pipe(
  Command.withDescription("The memory of the workers of this store."),
  Command.withSubcommands([status, gc])
)
