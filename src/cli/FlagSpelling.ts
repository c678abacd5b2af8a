/**
 * Spellings of flags that people expect and the parser reads differently, put into the form it reads alike. `-j4`
 * becomes `-j 4`, as it is to `make` and `parallel`, and `-kj4` becomes `-kj 4`. A flag whose value may be left out
 * gets it. A switch before a word like `true` or `1` becomes `--switch=true`, so that the word stays an argument;
 * `--sort -ran` becomes `--sort=-ran`, since `-ran` is no flag.
 */
import type { CommandDescriptor, FlagDescriptor } from "effect/cli/Completions"

/** What the parser would take as the value of a switch (`effect/cli/Primitive`). */
const literals: ReadonlySet<string> = new Set(["true", "1", "y", "yes", "on", "false", "0", "n", "no", "off"])

/** Flags that mean this when no value follows. */
const leftOut: ReadonlyMap<string, string> = new Map([["--notify", "desktop"]])

/** Global switches, which a descriptor of commands does not tell. */
const globalSwitches = ["--shared", "--quiet", "-q", "--no-color", "--verbose", "--help", "-h"]

/** The flags of the command the words call: of the last command word before the first that is none. */
const flagsOf = (root: CommandDescriptor, words: ReadonlyArray<string>): ReadonlyArray<FlagDescriptor> => {
  let command = root
  for (const word of words) {
    const next = command.subcommands.find(({ name }) => name === word)
    if (next !== undefined) command = next
    else if (!word.startsWith("-") && command !== root) break
  }
  return command.flags
}

const dashed = (name: string): string => `${name.length === 1 ? "-" : "--"}${name}`

/**
 * Letters of switches and one that takes a value, with the value behind it: what comes before the value, and the value.
 */
const withValue = (
  word: string,
  switches: ReadonlySet<string>,
  valued: ReadonlySet<string>
): readonly [flags: string, value: string] | undefined => {
  if (!/^-[^-]/.test(word)) return undefined
  let at = 1
  while (at < word.length && switches.has(`-${word[at]}`)) at++
  const value = word.slice(at + 1)
  return valued.has(`-${word[at]}`) && value !== "" && !value.startsWith("=")
    ? [word.slice(0, at + 1), value]
    : undefined
}

/** `words` as far as the first `--`, spelled for the parser; what follows is left alone. */
export const respell = (words: ReadonlyArray<string>, root: CommandDescriptor): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  const flags = end < 0 ? words : words.slice(0, end)
  const known = flagsOf(root, flags)
  const spellings = (isSwitch: boolean) =>
    known
      .filter(({ type }) => (type._tag === "Boolean") === isSwitch)
      .flatMap(({ aliases, name }) => [name, ...aliases.map((alias) => alias.replace(/^-+/, ""))].map(dashed))
  const switches = new Set([...globalSwitches, ...spellings(true)])
  const valued = new Set(spellings(false))
  const isSwitch = (word: string) =>
    switches.has(word) ||
    (/^-[a-zA-Z0]{2,}$/.test(word) && [...word.slice(1)].every((letter) => switches.has(`-${letter}`)))
  const isFlag = (word: string) => isSwitch(word) || valued.has(word) || withValue(word, switches, valued) !== undefined
  const spelled: Array<string> = []
  for (let i = 0; i < flags.length; i++) {
    const word = flags[i]!
    const next = flags[i + 1] ?? ""
    const value = known.some(({ name }) => `--${name}` === word) ? leftOut.get(word) : undefined
    // The parser reads it as a number.
    if (word === "-0" && switches.has("-0")) spelled.push("--null")
    else if (value !== undefined && (next === "" || next.startsWith("-"))) spelled.push(`${word}=${value}`)
    else if (isSwitch(word) && literals.has(next.toLowerCase())) spelled.push(`${word}=true`)
    else if (valued.has(word) && /^-[^-]/.test(next) && !isFlag(next)) {
      spelled.push(`${word}=${next}`)
      i++
    } else spelled.push(...(withValue(word, switches, valued) ?? [word]))
  }
  return [...spelled, ...(end < 0 ? [] : words.slice(end))]
}

/** Whether the words name commands as far as there are some to name. */
const areCommands = (words: ReadonlyArray<string>, root: CommandDescriptor): boolean => {
  const [first, ...rest] = words
  if (first === undefined || root.subcommands.length === 0) return true
  const next = root.subcommands.find(({ name }) => name === first)
  return next === undefined ? first.startsWith("-") : areCommands(rest, next)
}

/** Help for what is no command says nothing of it: such words are parsed as a call, which names the nearest one. */
export const withoutVainHelp = (words: ReadonlyArray<string>, root: CommandDescriptor): ReadonlyArray<string> => {
  const last = words.at(-1)
  const rest = words.slice(0, -1)
  return (last === "--help" || last === "-h") && !areCommands(rest, root) ? rest : words
}

/** `help`, `help COMMAND`, `version` and `-V` as the flags they mean. */
export const asFlags = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first, ...rest] = words
  if (first === "help") return [...rest, "--help"]
  return first === "-V" || (first === "version" && rest.length === 0) ? ["--version"] : words
}
