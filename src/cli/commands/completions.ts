/**
 * `sluice completions`: a script for the shell. Commands and flags stand in it; ids, groups and tasks are asked for
 * when Tab is pressed.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Effect from "effect/Effect"
import { loadWholeTree } from "../Cli.ts"
import { output } from "../Output.ts"

export type Shell = "bash" | "zsh" | "fish"

/**
 * What lists the values of a flag or an argument. It looks at a store, which anybody may have written: a line counts
 * only when it is a name by our rules, and no shell expands it. These commands load no code of the folder they run in.
 */
const sources = {
  jobs: "sluice job ls -q --limit 100 2>/dev/null",
  groups: "sluice queue status -q 2>/dev/null",
  tasks: 'sluice queue stats --since 7d --by-task --json 2>/dev/null | sed \'s/^{"name":"\\([^"]*\\)".*/\\1/\''
} as const

/** `ResourceGroup.namePattern`, for shells. */
const namePattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$"

const jobCommands = "get|wait|watch|logs|explain|cancel|retry|rm|edit|snooze|redrive"
const queueCommands = "pause|resume|limit|drain|purge"
const scaleCommands = "status|forecast|backtest|explain|set|patterns"

const bashDynamic = `
_sluice--jobs() { ${sources.jobs}; }
_sluice--groups() { ${sources.groups}; }
_sluice--tasks() { ${sources.tasks}; }

_sluice_with_values()
{
  local cur prev words cword _source="" _flag=""
  _init_completion -n "$COMP_WORDBREAKS" || return
  if [[ "$cur" == --*=* ]]; then
    _flag="\${cur%%=*}="
    prev="\${cur%%=*}"
  fi
  case "$prev" in
    --group|-g) _source=groups ;;
    --task) _source=tasks ;;
    --after|--job) _source=jobs ;;
    *)
      if [[ "$cur" == -* ]]; then _source=""
      elif [[ "\${words[1]}" =~ ^(job|dlq)$ && "\${words[2]}" =~ ^(${jobCommands})$ ]] && (( cword > 2 )); then _source=jobs
      elif [[ "\${words[1]}" == queue && "\${words[2]}" =~ ^(${queueCommands})$ ]] && (( cword == 3 )); then _source=groups
      elif [[ "\${words[*]:1:3}" == "queue group rm" ]] && (( cword == 4 )); then _source=groups
      elif [[ "\${words[1]}" == scale && "\${words[2]}" =~ ^(${scaleCommands})$ ]] && (( cword == 3 )); then _source=groups
      fi
      ;;
  esac
  COMPREPLY=()
  if [[ -n "$_source" ]]; then
    local LC_ALL=C _name _names=() _pattern='${namePattern}'
    while IFS= read -r _name; do
      [[ "$_name" =~ $_pattern ]] && _names+=("$_flag$_name")
    done < <("_sluice--$_source")
    (( \${#_names[@]} > 0 )) && _sluice--choices "$cur" "$2" "\${_names[@]}"
  fi
  (( \${#COMPREPLY[@]} > 0 )) || _sluice "$@"
}
complete -F _sluice_with_values sluice
`

const zshDynamic = `
_sluice_names() {
  local -a values
  values=(\${(f)"$(cat)"})
  values=(\${(M)values:#[A-Za-z0-9]*})
  values=(\${values:#*[^A-Za-z0-9._:/-]*})
  compadd -a values
}
_sluice_jobs() { _sluice_names < <(${sources.jobs}) }
_sluice_groups() { _sluice_names < <(${sources.groups}) }
_sluice_tasks() { _sluice_names < <(${sources.tasks}) }
`

/** `string` reads a pipe only where it stands in one itself, not in a function. */
const fishNames = `string match -r -- \\'${namePattern}\\'`

const fishDynamic = `
complete -c sluice -n '__fish_seen_subcommand_from job dlq; and __fish_seen_subcommand_from ${jobCommands.replaceAll("|", " ")}' -f -a '(${sources.jobs} | ${fishNames})'
complete -c sluice -n '__fish_seen_subcommand_from queue; and __fish_seen_subcommand_from ${queueCommands.replaceAll("|", " ")}' -f -a '(${sources.groups} | ${fishNames})'
complete -c sluice -n '__fish_seen_subcommand_from queue; and __fish_seen_subcommand_from group; and __fish_seen_subcommand_from rm' -f -a '(${sources.groups} | ${fishNames})'
complete -c sluice -n '__fish_seen_subcommand_from scale; and __fish_seen_subcommand_from ${scaleCommands.replaceAll("|", " ")}' -f -a '(${sources.groups} | ${fishNames})'
complete -c sluice -l group -s g -x -a '(${sources.groups} | ${fishNames})'
complete -c sluice -l task -x -a '(${sources.tasks.replaceAll("'", "\\'")} | ${fishNames})'
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
        .replaceAll(/('\*?:the job'\\''s id, the beginning of it, or last:)'/g, "$1_sluice_jobs'")
        .replaceAll(/('\*?:a resource group[^']*:)'/g, "$1_sluice_groups'")
        .replaceAll(/((?:--group|-g)(?:\[[^\]]*\])?:[^:']*:)'/g, "$1_sluice_groups'")
        .replaceAll(/(--task(?:\[[^\]]*\])?:[^:']*:)'/g, "$1_sluice_tasks'")
        .replace("\n_sluice() {\n", () => `\n${zshDynamic}\n_sluice() {\n`)
    case "fish":
      return `${script.trimEnd()}\n${fishDynamic}`
  }
}

/** The script for a shell. Loads every command; an installed package has it as a file (`bin/program.mjs`). */
export const script = (shell: Shell): Effect.Effect<string> =>
  Effect.map(loadWholeTree, (tree) => {
    const generated = Completions.generate("sluice", shell, Completions.fromCommand(tree))
    return withValues(withInstall(generated, shell), shell)
  })

export const command = Command.make(
  "completions",
  { shell: Argument.Literals("shell", ["bash", "zsh", "fish"]) },
  Effect.fnUntraced(function* ({ shell }) {
    const out = yield* output
    yield* out.stdout.write(yield* script(shell))
  })
).pipe(
  Command.withDescription(
    "Prints a completion script for bash, zsh or fish. It completes job ids, groups and tasks from the store."
  ),
  Command.withExamples([{ command: install.bash }, { command: install.zsh }, { command: install.fish }])
)
