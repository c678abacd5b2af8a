/** Calls of every command with hostile words: as its arguments, and as the value of each of its flags. */
import * as Completions from "effect/cli/Completions"
import { Effect } from "effect"
import { loadWholeTree } from "../../../src/cli/Cli.ts"
import { hostileTexts } from "./HostileText.ts"

/** They run for minutes or hours, or would follow the process of the tests. */
const leftOut = /^(?:worker$|demo|bench|soak)/

/** `texts`: how many of the hostile texts each place is tried with; which ones goes round. */
export const hostileWordCalls = (
  canary: string,
  texts: number
): Effect.Effect<ReadonlyArray<{ readonly command: string; readonly words: ReadonlyArray<string> }>> =>
  Effect.map(loadWholeTree, (tree) => {
    const hostile = hostileTexts(canary)
    let next = 0
    const calls: Array<{ command: string; words: ReadonlyArray<string> }> = []
    const visit = (node: Completions.CommandDescriptor, path: ReadonlyArray<string>): void => {
      const command = path.join(" ")
      if (!leftOut.test(command)) {
        for (let i = 0; i < texts; i++) {
          const text = hostile[next++ % hostile.length]!
          // An unknown subcommand where there are some, else arguments.
          calls.push({
            command,
            words: [...path, ...(node.arguments.length === 0 ? [text] : node.arguments.map(() => text))]
          })
          calls.push({ command, words: [...path, "--", text, text] })
          for (const { name, type } of node.flags) {
            if (type._tag === "Boolean") continue
            calls.push({ command, words: [...path, `--${name}=${hostile[next++ % hostile.length]!}`] })
          }
        }
      }
      for (const inner of node.subcommands) visit(inner, [...path, inner.name])
    }
    visit(Completions.fromCommand(tree), [])
    return calls
  })
