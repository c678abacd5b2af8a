/** What `--help` says of each command, as data. */
import { CliConfig, make as makeCliConfig } from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import { type CommandDescriptor, fromCommand } from "effect/cli/Completions"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type { HelpDoc } from "effect/cli/HelpDoc"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { loadWholeTree, parserSurroundings } from "../../src/cli/Cli.ts"

export interface HelpPage {
  /** From `sluice` on. */
  readonly path: ReadonlyArray<string>
  readonly doc: HelpDoc
}

const pathsOf = (command: CommandDescriptor, above: ReadonlyArray<string> = []): Array<ReadonlyArray<string>> => {
  const path = [...above, command.name]
  return [path, ...command.subcommands.flatMap((below) => pathsOf(below, path))]
}

/** The pages of all commands, each before those of its subcommands. */
export const helpPages: Effect.Effect<ReadonlyArray<HelpPage>> = Effect.gen(function* () {
  const tree = yield* loadWholeTree
  const pages: Array<HelpPage> = []
  for (const path of pathsOf(fromCommand(tree))) {
    const presenter: CliOutput.Presenter = {
      present: (event) =>
        Effect.sync(() => {
          if (event._tag === "Help") pages.push({ path, doc: event.helpDoc })
        })
    }
    const surroundings = Context.make(
      CliConfig,
      makeCliConfig({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
    ).pipe(Context.add(CliOutput.Presenter, presenter))
    const shown = Command.runWith(tree, { version: "" })([...path.slice(1), "--help"]) as Effect.Effect<
      void,
      unknown,
      Command.Environment
    >
    yield* shown.pipe(Effect.provideContext(surroundings), Effect.provide(parserSurroundings), Effect.orDie)
  }
  return pages
})
