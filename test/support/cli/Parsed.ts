/** Commands that tell how they were read instead of doing anything. */
import * as Cmd from "effect/cli/Command"
import { type CommandDescriptor, type FlagDescriptor, fromCommand } from "effect/cli/Completions"
import { Effect } from "effect"
import { inspect } from "node:util"
import { loadWholeTree } from "../../../src/cli/Cli.ts"
import type { CommandGroup } from "../../../src/cli/CommandTable.ts"
import * as GlobalFlags from "../../../src/cli/GlobalFlags.ts"
import type { CommandLine } from "../../cli/CommandLine.ts"

/** A command that does something, with what it may be given. */
export interface Leaf {
  /** Behind `sluice`. */
  readonly path: ReadonlyArray<string>
  readonly flags: ReadonlyArray<FlagDescriptor>
  readonly arguments: CommandDescriptor["arguments"]
  /** A table with this command alone, which prints what it was given. */
  readonly table: ReadonlyArray<CommandGroup>
}

const childrenOf = (command: Cmd.Command.Any): ReadonlyArray<Cmd.Command.Any> =>
  command.subcommands.flatMap(({ commands }) => commands)

/** Whether it does something by itself: one that only has subcommands shows its help. */
const acts = (descriptor: CommandDescriptor): boolean =>
  descriptor.subcommands.length === 0 || descriptor.flags.length > 0 || descriptor.arguments.length > 0

/** How a command was read: its flags, its arguments, and the flags of every command. */
const recorder = (tell: (read: unknown) => void) => (flags: unknown) =>
  Effect.gen(function* () {
    const globals = yield* Effect.all(GlobalFlags.all)
    tell([flags, globals])
  })

const leavesBelow = (
  command: Cmd.Command.Any,
  descriptor: CommandDescriptor,
  tell: (read: unknown) => void,
  within: (child: Cmd.Command.Any) => Cmd.Command.Any,
  above: ReadonlyArray<string>
): ReadonlyArray<Leaf> => {
  const path = [...above, command.name]
  const recording = Cmd.withHandler(command as never, recorder(tell) as never) as Cmd.Command.Any
  const root = within(recording)
  const table = [{ group: "", commands: [{ name: root.name, summary: "", load: async () => ({ command: root }) }] }]
  return [
    ...(acts(descriptor) ? [{ path, flags: descriptor.flags, arguments: descriptor.arguments, table }] : []),
    ...childrenOf(command).flatMap((child) =>
      leavesBelow(
        child,
        descriptor.subcommands.find(({ name }) => name === child.name)!,
        tell,
        (inner) =>
          within(Cmd.make(command.name).pipe(Cmd.withSubcommands([inner as never])) as unknown as Cmd.Command.Any),
        path
      )
    )
  ]
}

/** Every command that does something. */
export const leaves = (tell: (read: unknown) => void): Effect.Effect<ReadonlyArray<Leaf>> =>
  Effect.map(loadWholeTree, (tree) =>
    childrenOf(tree).flatMap((command) =>
      leavesBelow(
        command,
        fromCommand(tree).subcommands.find(({ name }) => name === command.name)!,
        tell,
        (inner) => inner,
        []
      )
    )
  )

/** Calls commands and answers how they were read, as text; undefined where they were refused. */
export const makeReader = (cli: CommandLine) =>
  Effect.gen(function* () {
    let told: string | undefined
    const all = yield* leaves((read) => {
      told = inspect(read, { depth: null, maxStringLength: null, sorted: true })
    })
    const read = (leaf: Leaf, words: ReadonlyArray<string>, path: ReadonlyArray<string> = leaf.path) =>
      Effect.gen(function* () {
        told = undefined
        const { code } = yield* cli.call([...path, ...words], { commands: leaf.table })
        return code === 0 ? told : undefined
      })
    return { leaves: all, read }
  })
