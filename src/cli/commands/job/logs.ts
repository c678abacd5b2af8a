import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"

export const logs = Command.make(
  "logs",
  {
    job: JobFlags.jobIdArgument(),
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withoutNegation,
      Flag.withDescription("as it is written, until the job has ended"),
      Flag.withDefault(false)
    ),
    attempt: Flag.Int("attempt").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(
        "of this attempt only (default: what all have logged, and what a command writes in the last one)"
      ),
      Flag.optional
    ),
    lines: Flag.Int("lines").pipe(
      Flag.withAlias("n"),
      Flag.withMetavar("N"),
      Flag.withDescription("of a command: its last lines only"),
      Flag.optional
    ),
    stdout: Flag.Boolean("stdout").pipe(
      Flag.withoutNegation,
      Flag.withDescription("of a command: its stdout only"),
      Flag.withDefault(false)
    ),
    stderr: Flag.Boolean("stderr").pipe(
      Flag.withoutNegation,
      Flag.withDescription("of a command: its stderr only"),
      Flag.withDefault(false)
    ),
    json: JobFlags.json
  },
  Effect.fnUntraced(function* (flags) {
    const id = yield* JobReference.jobOf(flags.job)
    const { printLogs } = yield* Effect.promise(() => import("../../job/PrintLogs.ts"))
    yield* printLogs(id, flags)
  }, looking)
).pipe(
  Command.withDescription(
    "Prints what a job has logged, and what a command writes, in the order it was written, also while it runs: its stdout on stdout, its stderr on stderr."
  ),
  Command.withExamples([
    { command: "sluice job logs -f last", description: "as it is written" },
    { command: "sluice job logs last --stderr -n 20", description: "the last lines of its stderr" }
  ])
)
