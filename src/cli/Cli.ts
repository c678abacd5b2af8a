/**
 * The command line as one effect: arguments in, exit code out. `main.ts` is its process boundary, tests call it
 * in-process.
 */
import * as Cause from "effect/Cause"
import { CliConfig, make as makeCliConfig } from "effect/cli/CliConfig"
import { isCliError, type NonShowHelpErrors } from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Path from "effect/Path"
import { ChildProcessSpawner, make as makeSpawner } from "effect/process/ChildProcessSpawner"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { commandNames } from "./CommandList.ts"
import { commandTable } from "./CommandTable.ts"
import { ExitCode } from "./ExitCode.ts"
import { describeCause } from "./Failure.ts"
import { asFlags, respell, withoutVainHelp } from "./FlagSpelling.ts"
import * as GlobalFlags from "./GlobalFlags.ts"
import { spell } from "./Hint.ts"
import { calledCommand, Invocation } from "./Invocation.ts"
import type { Signals } from "./Signals.ts"
import { sign } from "./terminal/ControlSequence.ts"
import * as LogLine from "./terminal/LogLine.ts"
import * as Sanitize from "./terminal/Sanitize.ts"
import * as Style from "./terminal/Style.ts"
import { usageLine } from "./UsageError.ts"

/** What the parser may ask for. Our flags and arguments need none of it; prompts bring their own terminal. */
export const parserSurroundings = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Stdio.layerTest({}),
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.succeed(80),
      rows: Effect.succeed(24),
      size: Effect.die("no terminal"),
      readInput: Effect.die("no terminal"),
      readLine: Effect.die("no terminal"),
      display: () => Effect.void
    })
  ),
  Layer.succeed(
    ChildProcessSpawner,
    makeSpawner(() => Effect.die("no processes"))
  )
)

/** The module of a command cannot be loaded: the installation is damaged, or the program has a fault. */
const notLoaded = (name: string, cause: unknown): Error => {
  const [why] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
  return new Error(`the command ${name} cannot be loaded (${why}); install Sluice again`, { cause })
}

/** The tree with the modules of the commands that `isWanted` picks; the others are names with a line of help. */
const loadTree = (isWanted: (name: string) => boolean, table = commandTable) =>
  Effect.gen(function* () {
    const groups: Array<{ readonly group: string; readonly commands: ReadonlyArray<Command.Command.Any> }> = []
    for (const { commands, group } of table) {
      groups.push({
        group,
        commands: yield* Effect.forEach(commands, (entry) =>
          isWanted(entry.name)
            ? Effect.promise(() => entry.load().catch((cause) => Promise.reject(notLoaded(entry.name, cause)))).pipe(
                Effect.map(({ command }) => command)
              )
            : Effect.succeed<Command.Command.Any>(Command.make(entry.name).pipe(Command.withDescription(entry.summary)))
        )
      })
    }
    return Command.make("sluice").pipe(
      Command.withDescription("A durable task queue that needs nothing but a file."),
      Command.withGlobalFlags(GlobalFlags.all),
      Command.withSubcommands(groups),
      Command.withExamples([
        { command: "sluice map 'gzip -k -- {}' ::: *.log", description: "compress files, a few at a time" },
        { command: "sluice run -- make test", description: "run one command within the limits of its group" },
        { command: "sluice worker -d; sluice add -- ./report.sh", description: "work in the background" }
      ])
    )
  })

/** Every command with its flags and subcommands. Loads all of them. */
export const loadWholeTree = loadTree(() => true)

/**
 * Runs one call to its end and answers its exit code; never fails. Errors are said on stderr in one line; with
 * `--verbose` their cause follows.
 */
export const run = (version: string, table = commandTable): Effect.Effect<number, never, Invocation | Signals> =>
  Effect.gen(function* () {
    const {
      arguments: { words: given },
      cwd,
      env,
      stderr,
      stdout
    } = yield* Invocation
    const words = asFlags(given)
    const end = words.indexOf("--")
    const before = end < 0 ? words : words.slice(0, end)
    const noColor = before.includes("--no-color")
    const verbose = before.includes("--verbose")
    const say = (line: string) => (line === "" ? Effect.void : stderr.write(`${Sanitize.line(line)}\n`))

    const presenter: CliOutput.Presenter = {
      present: (event) =>
        Effect.suspend(() => {
          if (event._tag === "Version") return stdout.write(`${event.name} ${event.version}\n`)
          if (event._tag === "InvalidInvocation")
            return say(
              spell(usageLine(event.commandPath, event.errors as ReadonlyArray<NonShowHelpErrors>, commandNames), {
                cwd,
                env
              })
            )
          const asked = event.reason === "Requested" || event.commandPath.length === 1
          const colors = Style.isLively({ isTerminal: (asked ? stdout : stderr).isTerminal, environment: env, noColor })
          const text = sign(CliOutput.defaultFormatter({ colors }).formatHelpDoc(event.helpDoc))
          return asked
            ? stdout.write(`${text}\n`)
            : Effect.andThen(
                stderr.write(`${text}\n\n`),
                say(`${event.commandPath.join(" ")}: say what to do, one of the subcommands above.`)
              )
        })
    }

    const called = calledCommand(words)
    const program = Effect.flatMap(
      loadTree((name) => name === called, table),
      (tree) => {
        const known = Completions.fromCommand(tree)
        return Command.runWith(tree, { version })(respell(withoutVainHelp(words, known), known))
      }
    ) as Effect.Effect<void, unknown, Command.Environment | Invocation | Signals>
    const exit = yield* program.pipe(
      Effect.provide(parserSurroundings),
      Effect.provideContext(
        Context.make(CliConfig, makeCliConfig({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })).pipe(
          Context.add(CliOutput.Presenter, presenter),
          // What handlers log is no data.
          Context.add(Logger.CurrentLoggers, new Set([LogLine.logger(stderr)]))
        )
      ),
      Effect.exit
    )
    if (Exit.isSuccess(exit)) return ExitCode.ok
    if (Cause.hasInterruptsOnly(exit.cause)) return ExitCode.interrupted
    const error = Cause.squash(exit.cause)
    if (isCliError(error)) {
      if (error._tag !== "ShowHelp") {
        yield* say(`sluice: ${error.message}`)
        return ExitCode.usage
      }
      return error.errors.length === 0 && error.commandPath.length === 1 ? ExitCode.ok : ExitCode.usage
    }
    const { exitCode, line } = describeCause(exit.cause)
    if (line !== "") yield* say(`sluice: ${spell(line, { cwd, env })}`)
    if (verbose && line !== "") yield* stderr.write(`${Cause.pretty(exit.cause)}\n`)
    return exitCode
  })
