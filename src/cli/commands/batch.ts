/** `sluice batch`: what the workers have seen of their batches. */
import * as Command from "effect/cli/Command"
import { status } from "./batch/status.ts"
import { tune } from "./batch/tune.ts"

export const command = Command.make("batch").pipe(
  Command.withDescription("Batches of jobs: what they cost, and the size that pays."),
  Command.withSubcommands([status, tune])
)
