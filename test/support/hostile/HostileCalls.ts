/** Every command of the command line with arguments that do something, for a store with these jobs. */
import * as Completions from "effect/cli/Completions"
import { Effect } from "effect"
import { loadWholeTree } from "../../../src/cli/Cli.ts"

export interface Place {
  readonly job: string
  readonly failed: string
  readonly folder: string
}

/**
 * The words of one or more calls of a command; a command that would take minutes or needs no store has none, with a
 * reason.
 */
export const callsOf = (at: Place): Readonly<Record<string, ReadonlyArray<ReadonlyArray<string>> | string>> => ({
  run: [["--", "true"]],
  add: [
    ["--", "true"],
    ["--after", at.job, "--key", "key-0", "--tag", "t", "-g", "network", "--", "true"],
    ["--key", "key-0", "--debounce", "5s", "--max-delay", "1m", "--keep", "none", "--keep", "failed=1d", "--", "true"]
  ],
  map: [["echo {}", ":::", "a", "b"]],
  enqueue: [["double", "--tasks", "missing.ts", "--payload", "{}"]],
  worker: [["--once"], ["--once", "--log-jobs"]],
  "worker ls": [[], ["--wide"]],
  "worker drain": [["--all"], ["1"]],
  "worker stop": [["--all"]],
  top: [[], ["-g", "network"]],
  "job ls": [[], ["--wide"], ["--tag", "tag"], ["--task", "shell", "--since", "7d"]],
  "job get": [[at.job], [at.failed]],
  "job wait": [[at.failed], [at.job, "--timeout", "100ms"]],
  "job watch": [[at.failed]],
  "job logs": [[at.job], [at.failed]],
  "job explain": [[at.job], [at.failed]],
  "job cancel": [[at.job], ["--state", "pending", "--yes"]],
  "job retry": [[at.failed], ["--state", "failed", "--yes"]],
  "job rm": [[at.failed], ["--state", "failed", "--yes"]],
  "job edit": [[at.job, "--priority", "3"]],
  "job move": [[at.job, "--to", "network"]],
  "job snooze": [[at.job, "10m"]],
  "job pause": [[at.job]],
  "job resume": [[at.job]],
  "job kill": [[at.job], [at.failed, "-s", "INT"]],
  "job send": [[at.job, "text"]],
  "job progress": [["40", "half", "--job", at.job]],
  "job profile": [[at.job, "--timeout", "100ms"]],
  "queue status": [[], ["-q"], ["--wide"]],
  "queue stats": [
    ["--since", "7d"],
    ["--since", "7d", "--by-task"],
    ["--group", "network"]
  ],
  "queue pause": [[], ["network"]],
  "queue resume": [[], ["network"]],
  "queue drain": [["network", "--timeout", "100ms"]],
  "queue limit": [
    ["network", "7"],
    ["network", "default"]
  ],
  "queue limit ls": [[], ["network"], ["--json"], ["-q"]],
  "queue limit set": [
    ["network", "--keys", "*", "--concurrency", "2"],
    ["network", "--rate", "5/s"],
    ["network", "--key", "one", "--weight", "2"]
  ],
  "queue limit rm": [["network", "--keys", "*"], ["network", "--key", "one"], ["network"]],
  "queue group ls": [[], ["--json"], ["-q"]],
  "queue group add": [["hostile", "--limit", "2"]],
  "queue group rm": [["network"], ["other"]],
  "queue order": [[], ["network"]],
  "queue hours": [[], ["network"]],
  "queue purge": [["--yes"], ["network", "--yes"], ["--dry-run"]],
  "queue du": [[], ["--by-task", "--wide"]],
  "dlq ls": [[], ["--wide"]],
  "dlq redrive": [["--all", "--yes"], [at.failed]],
  "dlq rm": [["--all", "--yes"]],
  "batch status": [[]],
  "batch tune": [[], ["shell"]],
  "profile figures": [["--for", "100ms"]],
  "profile start": [["--for", "100ms"]],
  "profile stop": [[]],
  "profile run": "loads a module of the project's own",
  "profile ls": [[]],
  "profile get": [["last"]],
  "profile diff": [["last", "last"]],
  "profile baseline save": "loads a module of the project's own",
  "profile baseline ls": [[]],
  "profile baseline rm": [["one"]],
  "profile check": "loads a module of the project's own",
  "profile mark": [["deploy", "1.4.2"]],
  "memory status": [[], ["--since", "7d"]],
  "memory gc": [["--timeout", "100ms"]],
  "scale status": [[], ["network"]],
  "scale forecast": [["network"]],
  "scale backtest": [["network"]],
  "scale explain": [[], ["network", "--last", "5"]],
  "scale set": [
    ["network", "--max", "5"],
    ["network", "--reset"]
  ],
  "scale event add": [["network", "--from", "2030-01-01T00:00:00Z", "--for", "1h", "--factor", "2"]],
  "scale event ls": [[]],
  "scale event rm": [["event"]],
  "scale patterns": [[], ["network"]],
  "scale recommendation": [[], ["--prometheus"]],
  "alert ls": [[], ["--rules"], ["--silences"], ["--metrics"]],
  "alert add": [["deep", "backlog", "10"]],
  "alert rm": [["deep"]],
  "alert restore": [["deep"]],
  "alert test": [[]],
  "alert silence": [["deep", "--for", "1h", "--why", "known"]],
  "alert unsilence": [["1"]],
  "alert history": [[], ["deep"]],
  "db status": [[]],
  "db migrate": [[], ["--dry-run", "--show-sql"]],
  "db rollback": [["--dry-run"], ["--yes"]],
  "db backup": [[`${at.folder}/backup.db`, "--yes"]],
  "db restore": [[`${at.folder}/other.db`, "--dry-run"]],
  "db copy": [[`${at.folder}/copy.db`]],
  "db doctor": [[], ["--full"]],
  "db aside": [[], ["--now"], ["job x", "--rm"]],
  "db sql": [["SELECT * FROM lane"], ["SELECT * FROM worker"], ["SELECT * FROM journal LIMIT 5"]],
  doctor: [[]],
  "config print": [[], ["--sources"]],
  completions: "prints a script; no store is opened",
  demo: "works on files of a folder, in a store of its own",
  bench: "measures for minutes, in stores of its own",
  soak: "runs for hours, in a store of its own"
})

/** Of `map` the flag tells the form of its input. */
const writesJson = (path: ReadonlyArray<string>, flags: ReadonlyArray<{ readonly name: string }>): boolean =>
  path[0] !== "map" && flags.some(({ name }) => name === "json")

/** Every command of the tree: its path, and whether it writes JSON when asked. */
export const commands: Effect.Effect<ReadonlyArray<{ readonly path: string; readonly json: boolean }>> = Effect.map(
  loadWholeTree,
  (tree) => {
    const found: Array<{ path: string; json: boolean }> = []
    const visit = (node: Completions.CommandDescriptor, path: ReadonlyArray<string>): void => {
      const acts = node.subcommands.length === 0 || node.arguments.length > 0 || node.name === "worker"
      if (acts) found.push({ path: path.join(" "), json: writesJson(path, node.flags) })
      for (const inner of node.subcommands) visit(inner, [...path, inner.name])
    }
    visit(Completions.fromCommand(tree), [])
    return found
  }
)
