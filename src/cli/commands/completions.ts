/** `sluice completions`: a script for the shell. Commands and flags stand in it; ids, groups and tasks are asked for when Tab is pressed. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Effect from "effect/Effect"
import { loadWholeTree } from "../Cli.ts"
import { output } from "../Output.ts"

type Shell = "bash" | "zsh" | "fish"

/** Where a name can be completed from what the store holds: the flag or argument, and what lists the values. */
const sources = {
  jobs: "sluice job ls -q --limit 100 2>/dev/null",
  groups: "sluice queue status -q 2>/dev/null",
  tasks: 'sluice queue stats --since 7d --by-task --json 2>/dev/null | sed \'s/^{"name":"\\([^"]*\\)".*/\\1/\''
} as const

const jobCommands = "get|wait|watch|logs|explain|cancel|retry|rm|edit|snooze|redrive"
const queueCommands = "pause|resume|limit|drain|purge"
const scaleCommands = "status|forecast|backtest|explain|set|patterns"

const bashDynamic = `
_sluice_with_values()
{
  local _current="\${COMP_WORDS[COMP_CWORD]}" _values=""
  case "$3" in
    --group|-g) _values="$(${sources.groups})" ;;
    --task) _values="$(${sources.tasks})" ;;
    --after|--job) _values="$(${sources.jobs})" ;;
    *)
      if [[ "$_current" != -* && "\${COMP_WORDS[1]}" =~ ^(job|dlq)$ && "\${COMP_WORDS[2]}" =~ ^(${jobCommands})$ && COMP_CWORD -gt 2 ]]; then
        _values="$(${sources.jobs})"
      elif [[ "$_current" != -* && "\${COMP_WORDS[1]}" == queue && "\${COMP_WORDS[2]}" =~ ^(${queueCommands})$ && COMP_CWORD -eq 3 ]]; then
        _values="$(${sources.groups})"
      elif [[ "$_current" != -* && "\${COMP_WORDS[1]}" == scale && "\${COMP_WORDS[2]}" =~ ^(${scaleCommands})$ && COMP_CWORD -eq 3 ]]; then
        _values="$(${sources.groups})"
      fi
      ;;
  esac
  if [[ -n "$_values" ]]; then
    COMPREPLY=( $(compgen -W "$_values" -- "$_current") )
  else
    _sluice "$@"
  fi
}
complete -F _sluice_with_values sluice
`

const zshDynamic = `
_sluice_jobs() { local -a values; values=(\${(f)"$(${sources.jobs})"}); compadd -a values }
_sluice_groups() { local -a values; values=(\${(f)"$(${sources.groups})"}); compadd -a values }
_sluice_tasks() { local -a values; values=(\${(f)"$(${sources.tasks})"}); compadd -a values }
`

const fishDynamic = `
complete -c sluice -n '__fish_seen_subcommand_from job dlq; and __fish_seen_subcommand_from ${jobCommands.replaceAll("|", " ")}' -f -a '(${sources.jobs})'
complete -c sluice -n '__fish_seen_subcommand_from queue; and __fish_seen_subcommand_from ${queueCommands.replaceAll("|", " ")}' -f -a '(${sources.groups})'
complete -c sluice -n '__fish_seen_subcommand_from scale; and __fish_seen_subcommand_from ${scaleCommands.replaceAll("|", " ")}' -f -a '(${sources.groups})'
complete -c sluice -l group -s g -x -a '(${sources.groups})'
`

const install: Readonly<Record<Shell, string>> = {
  bash: "sluice completions bash > ~/.local/share/bash-completion/completions/sluice",
  zsh: 'sluice completions zsh > "${fpath[1]}/_sluice"',
  fish: "sluice completions fish > ~/.config/fish/completions/sluice.fish"
}

/** The generated script names how to install it with a flag we do not have. */
const withInstall = (script: string, shell: Shell): string =>
  script.replace(/^# {3}sluice --completions .*$/m, `#   ${install[shell]}`).replace(/\n# {3}then add [^\n]*/, "")

export const withValues = (script: string, shell: Shell): string => {
  switch (shell) {
    case "bash":
      return script.replace("\ncomplete -F _sluice sluice\n", () => `\n${bashDynamic}`)
    case "zsh":
      return script
        .replaceAll(/('\*?:job[^:']*:)'/g, "$1_sluice_jobs'")
        .replaceAll(/('\*?:group[^:']*:)'/g, "$1_sluice_groups'")
        .replaceAll(/((?:--group|-g)(?:\[[^\]]*\])?:[^:']*:)'/g, "$1_sluice_groups'")
        .replaceAll(/(--task(?:\[[^\]]*\])?:[^:']*:)'/g, "$1_sluice_tasks'")
        .replace("\n_sluice() {\n", () => `\n${zshDynamic}\n_sluice() {\n`)
    case "fish":
      return `${script.trimEnd()}\n${fishDynamic}`
  }
}

export const command = Command.make(
  "completions",
  { shell: Argument.Literals("shell", ["bash", "zsh", "fish"]) },
  Effect.fnUntraced(function* ({ shell }) {
    const out = yield* output
    const tree = yield* loadWholeTree
    const script = Completions.generate("sluice", shell, Completions.fromCommand(tree))
    yield* out.stdout.write(withValues(withInstall(script, shell), shell))
  })
).pipe(
  Command.withDescription(
    "Prints a completion script for bash, zsh or fish. It completes job ids, groups and tasks from the store."
  ),
  Command.withExamples([{ command: install.bash }, { command: install.zsh }, { command: install.fish }])
)
