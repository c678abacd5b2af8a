/** The surroundings a command is recorded with: folder, environment and umask of the caller. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type ShellCommand, Umask } from "../services/Queue/index.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import * as CommandTemplate from "./input/CommandTemplate.ts"
import * as ShellSyntax from "./input/ShellSyntax.ts"
import { Invocation } from "./Invocation.ts"
import * as KeptEnvironment from "./KeptEnvironment.ts"
import type * as Settings from "./Settings.ts"

/** Everything of the stream; refused beyond `limitBytes`, since it travels in the job's payload. */
export const readAll = (stream: NodeJS.ReadableStream, limitBytes: number): Effect.Effect<Buffer, CommandFailure> =>
  Effect.tryPromise({
    try: async () => {
      const chunks: Array<Buffer> = []
      let length = 0
      for await (const chunk of stream) {
        const bytes = Buffer.from(chunk as Uint8Array)
        length += bytes.length
        if (length > limitBytes)
          throw fail("usage", `standard input holds more than ${limitBytes} bytes; put it into a file and name that`)
        chunks.push(bytes)
      }
      return Buffer.concat(chunks)
    },
    catch: (error) => error as CommandFailure
  })

export interface Recorded {
  readonly command: ShellCommand
  /** See `KeptEnvironment.Kept`. */
  readonly withheld: Readonly<Record<string, string>>
}

/** A command in the caller's surroundings, its environment as far as settings and flags have it kept. */
export const recorded = (
  words: readonly [string, ...Array<string>],
  settings: Settings.PlainSettings,
  flags: KeptEnvironment.EnvironmentFlags,
  stdin?: Uint8Array
) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* Invocation
    const choice = Result.getOrThrow(KeptEnvironment.parseChoice(settings.env.value))
    const kept = yield* KeptEnvironment.choose(env, choice, flags)
    const command: ShellCommand = {
      command: words,
      cwd,
      env: kept.recorded,
      umask: Umask.current(),
      ...(stdin === undefined ? {} : { stdin })
    }
    return { command, withheld: kept.withheld } satisfies Recorded
  })

type Words = readonly [string, ...Array<string>]

/** The words of a command written as one text; refused where it needs a shell. */
const splitText = (text: string): Effect.Effect<Words, CommandFailure | CommandTemplate.CommandTemplateError> => {
  const found = ShellSyntax.firstIn(text)
  if (found !== undefined) {
    const advice = "add --shell to have one, or put it in quotes"
    return Effect.fail(fail("usage", `no shell reads ${found.text} (column ${found.column}); ${advice}`))
  }
  return Effect.map(Effect.fromResult(CommandTemplate.split(text)), ([first, ...rest]) => [first!, ...rest] as const)
}

/**
 * The words after `--` as program and arguments; one that holds blanks is split as a shell would, which runs nothing.
 * With `--shell` they are one text for `sh -c`.
 */
export const commandWords = (
  words: ReadonlyArray<string>,
  options: { readonly shell: boolean; readonly usage: string }
): Effect.Effect<Words, CommandFailure | CommandTemplate.CommandTemplateError> => {
  const [first, ...rest] = words
  if (first === undefined) return Effect.fail(fail("usage", `no command; write it after --, as in ${options.usage}`))
  if (first.trim() === "")
    return Effect.fail(fail("usage", `the command is empty; write it after --, as in ${options.usage}`))
  if (options.shell) return Effect.succeed(["sh", "-c", words.join(" ")])
  return rest.length === 0 && /\s/.test(first) ? splitText(first) : Effect.succeed([first, ...rest])
}
