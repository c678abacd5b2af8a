// Which program answers a call: the bundle, or the library's own files. Plain ES2020, as the launcher.
//
// The bundle (dist/bundle: few files, an `effect` of its own) starts in a third of the time. What loads modules of the
// user's, a module of tasks or settings that are code, must share its `effect` with them, and runs on dist/: so does
// whatever is not named here. Why: docs/decisions/0028-start-up.md.

/** Commands that never run code of a project's. */
const own = new Set("add batch config db demo dlq doctor help job map memory queue run scale top version".split(" "))

/** The same of commands some of whose subcommands do: only when the subcommand follows at once. */
const ownParts = new Map([
  ["alert", new Set("ls add rm restore silence unsilence history".split(" "))],
  ["profile", new Set("figures start stop ls get diff mark".split(" "))],
  ["worker", new Set("ls drain stop".split(" "))]
])

const isCode = (file) => /\.[cm]?[jt]s$/.test(file)

/** The words before `--`. */
const before = (args) => {
  const end = args.indexOf("--")
  return end < 0 ? args : args.slice(0, end)
}

const takesValue = new Set(["--store", "--config"])

/**
 * Where the first word stands that is neither a flag nor the value of a global one: src/cli/Invocation.ts reads it
 * alike.
 */
const commandAt = (words) => words.findIndex((word, i) => !word.startsWith("-") && !takesValue.has(words[i - 1]))

/** Whether settings that are code are named: every command runs them then. */
const namesCode = (words, env) =>
  isCode(env.SLUICE_CONFIG || "") ||
  words.some((word, i) => isCode(words[i - 1] === "--config" ? word : word.startsWith("--config=") ? word : ""))

/** Whether the bundle can answer. */
export const isOwn = (args, env) => {
  const words = before(args)
  if (namesCode(words, env)) return false
  const at = commandAt(words)
  if (at < 0) return true
  const parts = ownParts.get(words[at]) || new Set()
  return own.has(words[at]) || parts.has(words[at + 1])
}

/** Commands that do nothing themselves: their subcommands do, so the word behind them is one of few. */
const ofSubcommands = new Set("alert batch config db dlq job memory profile queue scale worker".split(" "))

/**
 * Calls that load the same have one name, of few there are for calls that go well: `add`, `job-ls`, `help-job`, `help`.
 */
export const kindOf = (args) => {
  const words = before(args)
  const at = commandAt(words)
  const asksHelp = words[at] === "help" || words.includes("--help") || words.includes("-h")
  const [command, part] = words.slice(words[at] === "help" ? at + 1 : at)
  if (at < 0 || !(own.has(command) || ownParts.has(command))) return "help"
  if (asksHelp) return `help-${command}`
  return ofSubcommands.has(command) && /^[a-z]{1,20}$/.test(part || "") ? `${command}-${part}` : command
}

const completions = new Map([
  ["bash", "sluice.bash"],
  ["zsh", "_sluice"],
  ["fish", "sluice.fish"]
])

/** The file of this package that answers a call as it is, without a program. */
export const readyMade = (args) => {
  const name = args.length === 2 && args[0] === "completions" ? completions.get(args[1]) : undefined
  return name === undefined ? undefined : `dist/completions/${name}`
}
