/**
 * Every example of every `--help`, pasted into a shell beside the files it names, by the packed launcher; and the other
 * spellings of every flag, which it must know.
 *
 * Needs `npm run build`; without it not run. Reduced: without the examples that take long.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type CommandDescriptor, fromCommand } from "effect/cli/Completions"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import path from "node:path"
import { helpPages } from "../../scripts/build/help-pages.ts"
import { isBuilt } from "../../scripts/build/installed.ts"
import { loadWholeTree } from "../../src/cli/Cli.ts"
import * as Scratch from "../support/examples/Scratch.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"

/** What stands in the store of each example: jobs that ended well and badly in several groups, and one that waits. */
const before = `
sluice run -q -- true
sluice run -q -g network -- true
sluice run -q -g mail -- true
sluice run -q -g reports -- true
sluice run -q --retry 0 -g network -- false || true
sluice add -q -- ./report.sh`

const worker = "sluice worker -d -q > /dev/null"
const untilRuns = "until sluice job ls -q --state running | grep -q .; do :; done"
const runningJob = `${worker}; sluice add -q -- sleep 100 > /dev/null; ${untilRuns}`

const askingJob = `${worker}; sluice add -q --stdin-open -- cat > /dev/null; ${untilRuns}`
const script = (name: string, text: string) => `printf '#!/bin/sh\\n${text}\\n' > ${name}; chmod +x ${name}`

interface Special {
  /** What must be so first. */
  readonly first?: string
  /** Commands that follow it, in a shell that has its exit code as \`$?\`. */
  readonly after?: string
  readonly code?: number
  /** Ctrl-C when this is shown, which ends it with 130. */
  readonly interruptAt?: RegExp
  /** Left out of the reduced run. */
  readonly isSlow?: boolean
  /** As the command of a job. */
  readonly isWithinJob?: boolean
  /** At a terminal, with these keys. */
  readonly keys?: string
}

const stopsAt = (interruptAt: RegExp, more: Special = {}): Special => ({ interruptAt, code: 130, ...more })

const isReady = /Ctrl-C stops it/
const profiled = `${worker}; sluice profile start > /dev/null; sluice run -q -- true; sluice profile stop > /dev/null`
const baseline = "sluice profile baseline save resize --tasks ./tasks.ts --payload @one.json > /dev/null"
const event = "sluice scale event add mail --cron '0 6 1 * *' --for 2h --arrivals 2 --note x --id sale > /dev/null"

/** Examples that need more than their files. */
const specials: Readonly<Record<string, Special>> = {
  "sluice worker -d; sluice add -- ./report.sh": {},
  "sluice worker": { interruptAt: isReady },
  "sluice worker --processes auto --max 8 -g computation=2": { interruptAt: /stops it[\s\S]*stops it/ },
  "sluice worker --tasks ./tasks.ts -g network=20 -g computation=2": { interruptAt: isReady },
  "sluice worker drain --all": { first: worker },
  "sluice worker stop": { first: worker },
  "sluice top": { keys: "q" },
  "sluice top -g network --interval 5s": { keys: "q" },
  "tail -f jobs.txt | sluice map -j 2 './work.sh --item {}'": { interruptAt: /second/, code: 130 },
  "sluice job progress 40 'second of five'": { isWithinJob: true },
  "sluice job wait last --timeout 10m": { first: worker, isSlow: true },
  "sluice job wait $(sluice add -- ./report.sh) && echo ready": { first: worker },
  "sluice job watch last": { first: worker },
  "sluice job logs -f last": { first: worker },
  "sluice job pause last": { first: runningJob, after: "sluice job kill -s KILL last" },
  "sluice job resume last": { first: runningJob, after: "sluice job kill -s KILL last", isSlow: true },
  "sluice job kill -s INT last": { first: runningJob },
  "sluice job send last yes": { first: askingJob, after: "sluice job kill -s KILL last" },
  "sluice job send last --eof": { first: askingJob },
  "cat answers.txt | sluice job send last - --eof": { first: `echo yes > answers.txt; ${askingJob}` },
  "sluice job edit last --editor": { first: "export EDITOR=true" },
  "sluice map --results 'out/{/.}.txt' 'wc -w -- {}' ::: *.md": { first: "echo words > notes.md" },
  "sluice run --notify -- make test": { first: `${script("notify-send", "")}; PATH="$PWD:$PATH"` },
  "sluice run --tty -- ./setup.sh": { first: script("setup.sh", "read name"), keys: "me\n" },
  'sluice worker --notify \'./told.sh "$SLUICE_JOB_ID" "$SLUICE_JOB_STATE"\'': {
    first: script("told.sh", ""),
    interruptAt: isReady
  },
  "sluice job retry last": { first: "sluice run -q -- true" },
  "sluice job profile last": { first: `${worker}; sluice add -q --in 4s -- sleep 1 > /dev/null` },
  "sluice job profile last --timeout 10m": {
    first: `${worker}; sluice add -q --in 4s -- sleep 1 > /dev/null`,
    isSlow: true
  },
  "sluice queue drain": { first: worker },
  "sluice queue drain network --timeout 10m": { first: worker, isSlow: true },
  "sluice queue limit rm network --keys 'acme-*'": {
    first: "sluice queue limit set -q network --keys 'acme-*' --concurrency 2 > /dev/null"
  },
  "sluice queue group rm gpu": { first: "sluice queue group add -q gpu > /dev/null" },
  // No worker has run a batch.
  "sluice batch tune mail": { code: 3 },
  "sluice profile figures": { first: worker },
  "sluice profile figures --for 5s": { first: worker, isSlow: true },
  "sluice profile figures --by-worker": { first: worker, isSlow: true },
  "sluice profile start --for 30s": { first: worker },
  "sluice profile start --job last": { first: `${worker}; sluice add -q --in 1m -- true > /dev/null` },
  "sluice profile start; sleep 5; sluice profile stop": { first: worker, isSlow: true },
  "sluice profile stop": { first: `${worker}; sluice profile start > /dev/null` },
  "sluice profile get last": { first: profiled },
  "sluice profile get last --format cpuprofile -o out.cpuprofile": { first: profiled, isSlow: true },
  "sluice profile get last --format folded > stacks.folded": { first: profiled, isSlow: true },
  "sluice profile diff $(sluice profile ls -q | tail -1) last": { first: `${profiled}; ${profiled}`, isSlow: true },
  "sluice profile baseline save resize --tasks ./tasks.ts --payload @one.json": { isSlow: true },
  "sluice profile baseline rm resize": { first: baseline, isSlow: true },
  "sluice profile check resize --tasks ./tasks.ts": { first: baseline, isSlow: true },
  "sluice profile check resize --tasks ./tasks.ts --payload @one.json": { first: baseline, isSlow: true },
  "sluice profile check resize --tasks ./tasks.ts --payload @one.json --against ../main/tasks.ts": { isSlow: true },
  "sluice profile mark deploy $(git rev-parse --short HEAD)": {
    first: "git init -q && git commit -q --allow-empty -m first"
  },
  "sluice scale event rm sale": { first: event },
  "sluice alert unsilence $(sluice alert ls --silences -q | head -1)": {
    first: "sluice alert silence failing --for 2h --why x 2> /dev/null"
  },
  "sluice db restore before-upgrade.db --dry-run": { first: "sluice db backup -q before-upgrade.db > /dev/null" },
  "sluice db restore before-upgrade.db --yes": { first: "sluice db backup -q before-upgrade.db > /dev/null" },
  // No row was set aside.
  'sluice db aside --rm "job 1m8n3110z00"': { code: 3 },
  "sluice doctor": { first: worker },
  'sluice completions zsh > "${fpath[1]}/_sluice"': { first: "fpath=(. .)" },
  "sluice demo": { isSlow: true },
  "sluice bench --quick": stopsAt(/^1\//),
  "sluice bench --only=sqlite/drain --rounds=3": stopsAt(/^1\//),
  "sluice bench --json --keep=results": stopsAt(/^1\//),
  "sluice soak --hours 24 --kill-every 2m": stopsAt(/sent/, { isSlow: true }),
  "sluice soak --accelerated": stopsAt(/sent/, { isSlow: true }),
  "sluice soak --accelerated --for 20m": stopsAt(/sent/, { isSlow: true }),
  "sluice soak --resume ~/.local/state/sluice/soak/2026-11-21T12-00-00": stopsAt(/sent/, {
    first:
      "timeout -s INT 20 sluice soak --accelerated --folder ~/.local/state/sluice/soak/2026-11-21T12-00-00 > /dev/null 2>&1",
    isSlow: true
  })
}

const specialOf = (example: string): Special => specials[example] ?? {}

const { pages, tree } = await Effect.runPromise(Effect.all({ pages: helpPages, tree: loadWholeTree }))

const examples = [...new Set(pages.flatMap(({ doc }) => (doc.examples ?? []).map(({ command }) => command)))]

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

const textOf = (example: string, { first = ":", isWithinJob, keys, after = "" }: Special): string => {
  const called = isWithinJob
    ? `sluice run -- bash -c ${quoted(example)}`
    : keys === undefined
      ? example
      : `printf %s ${quoted(keys)} | script -qec ${quoted(example)} /dev/null`
  // Background workers are ended whatever came of it.
  return `${first}\n${called}\ncode=$?\n${after}\nsluice worker stop -q > /dev/null 2>&1; exit $code`
}

/** Every flag of a command in the spelling that is not the usual one. */
const otherSpellings = ({ flags }: CommandDescriptor): ReadonlyArray<string> =>
  flags.flatMap(({ aliases, name, type }) => {
    const all = type._tag === "Boolean" ? [`--${name}=true`] : [`--${name}=1`]
    for (const alias of aliases)
      if (type._tag === "Boolean") all.push(alias.length === 1 ? `-${alias}` : `--${alias}`)
      else all.push(`-${alias}1`, `-${alias}=1`, `-q${alias}1`)
    return all
  })

const commandsBelow = (
  command: CommandDescriptor,
  above: ReadonlyArray<string>
): ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly command: CommandDescriptor }> =>
  command.subcommands.flatMap((below) => [
    { path: [...above, below.name], command: below },
    ...commandsBelow(below, [...above, below.name])
  ])

describe.skipIf(!isBuilt)("the packed launcher (not run: needs npm run build, where skipped)", () => {
  let folder = ""
  let scratch: Scratch.Scratch
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "sluice-examples-"))
    scratch = Scratch.make(folder, before)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

  const limit = { concurrency: availableParallelism() }

  it.live("runs every example of every --help", () =>
    Effect.gen(function* () {
      const gone = Object.keys(specials).filter((example) => !examples.includes(example))
      assert.deepStrictEqual(gone, [])
      assert.isAbove(examples.length, 150)
      const wrong: Array<string> = []
      yield* Effect.forEach(
        examples.entries(),
        ([i, example]) =>
          Effect.gen(function* () {
            const special = specialOf(example)
            if (isReduced && special.isSlow === true) return
            const { code, stderr, stdout } = yield* Effect.promise(() =>
              scratch.call(String(i), textOf(example, special), {
                interruptAt: special.interruptAt,
                timeoutMs: 120_000
              })
            )
            if (code !== (special.code ?? 0)) wrong.push(`${example} ended with ${code}: ${stdout}${stderr}`)
          }),
        { ...limit, discard: true }
      )
      assert.deepStrictEqual(wrong, [])
    })
  )

  it.live("knows every spelling of every flag of every command", () =>
    Effect.gen(function* () {
      const wrong: Array<string> = []
      const commands = commandsBelow(fromCommand(tree), []).filter(({ command }) => command.flags.length > 0)
      yield* Effect.forEach(
        commands,
        ({ command, path }) =>
          Effect.gen(function* () {
            const words = [...path, ...otherSpellings(command), "--no-such-flag"]
            const { code, stderr, stdout } = yield* Effect.promise(() => scratch.sluice(words))
            const [line, ...more] = stderr.split("\n").slice(0, -1)
            if (
              code !== 2 ||
              stdout !== "" ||
              more.length > 0 ||
              line?.includes('unknown flag "--no-such-flag"') !== true
            )
              wrong.push(`${words.join(" ")} ended with ${code}: ${stdout}${stderr}`)
          }),
        { ...limit, discard: true }
      )
      assert.deepStrictEqual(wrong, [])
    })
  )
})
