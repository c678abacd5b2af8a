/** `sluice job send`: text for the standard input of a running command that was added with `--stdin-open`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"

const flags = {
  job: JobFlags.jobIdArgument(),
  text: Argument.String("text").pipe(
    Argument.withDescription("a line for the command, or - for standard input as it is"),
    Argument.optional
  ),
  noNewline: Flag.Boolean("no-newline").pipe(
    Flag.withAlias("n"),
    Flag.withoutNegation,
    Flag.withDescription("the text alone, without the end of a line"),
    Flag.withDefault(false)
  ),
  eof: Flag.Boolean("eof").pipe(
    Flag.withoutNegation,
    Flag.withDescription("then its input ends"),
    Flag.withDefault(false)
  )
}

export type SendFlags = Command.Command.Config.Infer<typeof flags>

export const send = Command.make(
  "send",
  flags,
  Effect.fnUntraced(function* (config) {
    const { sendInput } = yield* Effect.promise(() => import("../../job/SendInput.ts"))
    yield* sendInput(config)
  }, looking)
).pipe(
  Command.withDescription(
    "Writes to the standard input of a running command that was added with --stdin-open, on the machine that runs it. What the command has not read yet waits for it in a pipe."
  ),
  Command.withExamples([
    { command: "sluice job send last yes" },
    { command: "sluice job send last --eof" },
    { command: "cat answers.txt | sluice job send last - --eof" }
  ])
)
