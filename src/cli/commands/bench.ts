/** `sluice bench`: what the queue does on this machine, beside what its targets and the disk allow. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as Bench from "../../bench/Bench.ts"
import * as BenchReport from "../../bench/BenchReport.ts"
import { BenchResult } from "../../bench/BenchResult.ts"
import { profileInto } from "../../bench/FreshProcess.ts"
import { selected, variants } from "../../bench/Variants.ts"
import { fail } from "../Failure.ts"
import { Invocation } from "../Invocation.ts"
import { output } from "../Output.ts"

const folderFlag = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("FOLDER"), Flag.withDescription(description), Flag.optional)

/** Keeps a result under the time it began. */
const keep = (folder: string, result: typeof BenchResult.Type) =>
  Effect.sync(() => {
    mkdirSync(folder, { recursive: true })
    const file = path.join(
      folder,
      `${result.startedAt.slice(0, 16).replaceAll(":", "-")}${result.quick ? "-quick" : ""}.json`
    )
    writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`)
    return file
  })

export const command = Command.make(
  "bench",
  {
    json: Flag.Boolean("json").pipe(Flag.withDescription("one line of JSON for programs"), Flag.withDefault(false)),
    markdown: Flag.Boolean("markdown").pipe(Flag.withDescription("the table as Markdown"), Flag.withDefault(false)),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("also the lesser figures: other percentiles, CPU time per job"),
      Flag.withDefault(false)
    ),
    quick: Flag.Boolean("quick").pipe(
      Flag.withDescription("few jobs and one round: a first look, not a figure to quote"),
      Flag.withDefault(false)
    ),
    only: Flag.String("only").pipe(
      Flag.withMetavar("FAMILY,…"),
      Flag.withDescription("only these scenarios: memory, sqlite/drain, process/help"),
      Flag.optional
    ),
    strict: Flag.Boolean("strict").pipe(
      Flag.withDescription("exit 1 when a target is missed; without it only when a result was wrong"),
      Flag.withDefault(false)
    ),
    rounds: Flag.Int("rounds").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("measurements of each scenario, in turn (default 5; 1 with --quick)"),
      Flag.optional
    ),
    keep: folderFlag("keep", "also write the result as a JSON file into this folder"),
    folder: folderFlag(
      "folder",
      "where the stores are made for the time of the run (default: the system's temporary folder)"
    ),
    profile: folderFlag(
      "profile",
      "write V8 CPU profiles of every measurement into this folder; its figures are slower"
    )
  },
  Effect.fnUntraced(function* (flags) {
    const { cwd } = yield* Invocation
    const out = yield* output
    const only = Option.match(flags.only, {
      onNone: () => [],
      onSome: (text) => text.split(",").filter((name) => name !== "")
    })
    const rounds = Option.getOrElse(flags.rounds, () => (flags.quick ? 1 : 5))
    if (rounds < 1 || rounds > 100) return yield* fail("usage", `--rounds is ${rounds}; expected 1 to 100`)
    if (selected(only).length === 0) {
      const families = [...new Set(variants.map(({ name }) => name.split("/").slice(0, 2).join("/")))]
      return yield* fail("usage", `--only names no scenario; expected ${families.join(", ")}`)
    }
    if (Option.isSome(flags.profile)) profileInto(path.resolve(cwd, flags.profile.value))
    const result = yield* Bench.run({
      quick: flags.quick,
      rounds,
      only,
      ...(Option.isSome(flags.folder) && { folder: path.resolve(cwd, flags.folder.value) }),
      onMeasure: ({ name }, at, of) => out.note(`${at}/${of} ${name}`)
    })
    if (Option.isSome(flags.keep))
      yield* out.note(`kept in ${yield* keep(path.resolve(cwd, flags.keep.value), result)}`)
    if (flags.json) yield* out.json(BenchResult, result)
    else {
      yield* out.lines([...BenchReport.heading(result), ...BenchReport.warnings(result), ""])
      const figures = BenchReport.shown(result, flags.all)
      if (flags.markdown) yield* out.lines(BenchReport.markdown(figures))
      else yield* out.table(BenchReport.columns, figures)
      yield* out.lines(["", BenchReport.summaryLine(result)])
    }
    // What was measured is printed all the same.
    if (result.failures.length > 0) return yield* fail("failure", `${result.failures.length} measurements do not count`)
    if (flags.strict && result.figures.some(({ target }) => target?.met === false))
      return yield* fail("failure", "targets were missed")
  })
).pipe(
  Command.withDescription(
    "Measures the queue on this machine: throughput, waits, memory, look-ups, beside raw limits of the same disk in the same run. Takes about 20 minutes."
  ),
  Command.withExamples([
    { command: "sluice bench --quick" },
    { command: "sluice bench --only=sqlite/drain --rounds=3" },
    { command: "sluice bench --json --keep=results" }
  ])
)
