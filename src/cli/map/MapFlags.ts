/** The flags of `sluice map`. */
import * as Argument from "effect/cli/Argument"
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { availableParallelism } from "node:os"
import { type CommandFailure, fail } from "../Failure.ts"
import { parseRate } from "../input/RateInput.ts"
import { parseSize } from "../input/SizeInput.ts"
import { commandFlags, durationFlag, reading, ttyFlag } from "../JobFlags.ts"
import { parseHalt } from "./Halt.ts"
import { parseJobs, parseLoad } from "./Jobs.ts"
import { formatOf, type RecordFormat } from "./RecordFormat.ts"

const switchFlag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

/** What `sluice map` takes. */
export const flags = {
  ...commandFlags,
  slots: Flag.String("jobs").pipe(
    Flag.withAlias("j"),
    Flag.withMetavar("N"),
    Flag.withDescription(
      "so many at a time; +N or -N: more or fewer than the cores, N%: of them, 0: as many as possible (default: the group's limit; one that was set always holds)"
    ),
    Flag.mapEffect(reading("jobs", "flag", (text) => parseJobs(text, availableParallelism()))),
    Flag.optional
  ),
  dryRun: switchFlag("dry-run", "print the commands and run none"),
  delay: durationFlag("delay").pipe(Flag.withDescription("start no two commands within this time"), Flag.optional),
  spread: durationFlag("spread").pipe(
    Flag.withDescription("start them evenly over this time, the first at once; waits for the end of the input"),
    Flag.optional
  ),
  rate: Flag.String("rate").pipe(
    Flag.withMetavar("N/TIME"),
    Flag.withDescription("start at most so many in this time: 5/s, 100/min, 1000/h"),
    Flag.mapEffect(reading("rate", "flag", parseRate)),
    Flag.optional
  ),
  load: Flag.String("load").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("start none while the load average is above N, or above N% of the cores"),
    Flag.mapEffect(reading("load", "flag", (text) => parseLoad(text, availableParallelism()))),
    Flag.optional
  ),
  memfree: Flag.String("memfree").pipe(
    Flag.withMetavar("SIZE"),
    Flag.withDescription("start none while the system has less memory than this, like 1GB"),
    Flag.mapEffect(reading("memfree", "flag", parseSize)),
    Flag.optional
  ),
  keepOrder: switchFlag("keep-order", "print outputs in the order of the inputs").pipe(Flag.withAlias("k")),
  lineBuffer: switchFlag("line-buffer", "print whole lines as they come, not a block when a command has ended").pipe(
    Flag.withAlias("linebuffer")
  ),
  ungroup: switchFlag("ungroup", "print at once what comes, lines of several commands mixed").pipe(Flag.withAlias("u")),
  tty: ttyFlag,
  tag: switchFlag("tag", "begin each line of output with its input and a tab"),
  tagstring: Flag.String("tagstring").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("begin each line of output with this and a tab; {} {#} {name} are filled in"),
    Flag.optional
  ),
  color: switchFlag("color", "on a terminal, the output of each command in a colour of its own").pipe(
    Flag.withAlias("colour")
  ),
  colorFailed: switchFlag("color-failed", "on a terminal, the output of failed commands in red").pipe(
    Flag.withAlias("colour-failed")
  ),
  from: Flag.String("from").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "a file of lines, a pipe, or - for standard input; .csv .tsv .json .ndjson hold records: {name} is a field, {user.name} one in it"
    ),
    Flag.optional
  ),
  csv: switchFlag("csv", "records with commas: {name} by the first row, {2} by column"),
  tsv: switchFlag("tsv", "the same with tabs"),
  json: switchFlag("json", "a JSON array of objects"),
  ndjson: switchFlag("ndjson", "a JSON object on each line"),
  header: Flag.Boolean("header").pipe(
    Flag.withDescription("the first line names its field, {name}; --no-header: the first row of a table is a record"),
    Flag.optional
  ),
  delimiter: Flag.String("delimiter").pipe(
    Flag.withAlias("d"),
    Flag.withMetavar("CHARACTER"),
    Flag.withDescription("inputs end in this character instead of newline; \\t and \\0 work"),
    Flag.optional
  ),
  nul: switchFlag("null", "inputs end in NUL instead of newline, as find -print0 writes them").pipe(
    Flag.withAlias("0")
  ),
  skip: Flag.Int("skip").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("leave out the first N inputs"),
    Flag.withDefault(0)
  ),
  shuf: switchFlag("shuf", "in any order; waits for the end of the input"),
  seed: Flag.String("seed").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("the order of --shuf; the same again for the same text (default: follows from the inputs)"),
    Flag.optional
  ),
  inputsPerJob: Flag.Int("max-args").pipe(
    Flag.withAlias("N"),
    Flag.withMetavar("N"),
    Flag.withDescription("so many inputs for each command: {1} {2} are they, {} all of them, a word each"),
    Flag.optional
  ),
  isFilled: switchFlag("xargs", "as many inputs for each command as it can be given (128 KiB)").pipe(
    Flag.withAlias("X")
  ),
  noNames: switchFlag("no-names", "words in braces are text: awk '{print}'"),
  halt: Flag.String("halt").pipe(
    Flag.withMetavar("WHEN,WHAT=N"),
    Flag.withDescription("stop early: now,fail=1 ends what runs, soon,fail=3 lets it finish (also success=, done=)"),
    Flag.mapEffect(reading("halt", "flag", parseHalt)),
    Flag.optional
  ),
  results: Flag.String("results").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription(
      "write outputs to DIR/1/INPUT/stdout, stderr and seq instead of printing them; out/{/.}.txt: to files of these names, with .err and .seq"
    ),
    Flag.optional
  ),
  joblog: Flag.String("joblog").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("a line per finished job, in GNU parallel's columns"),
    Flag.optional
  ),
  retryFailed: switchFlag(
    "retry-failed",
    "run the failed lines of the last run again, and those it left when it was stopped"
  ),
  fresh: switchFlag("fresh", "forget what an unfinished run of this map has done"),
  words: Argument.String("command").pipe(
    Argument.withDescription("one quoted word, or words after --"),
    Argument.variadic()
  )
}

export type MapFlags = Command.Command.Config.Infer<typeof flags>

/** How the inputs are written, as the flags and the name of the file say. Undefined: lines. */
export const recordFormat = (config: MapFlags): Effect.Effect<RecordFormat | undefined, CommandFailure> => {
  const asked = (["csv", "tsv", "json", "ndjson"] as const).filter((format) => config[format])
  if (asked.length > 1)
    return Effect.fail(
      fail("usage", `inputs are written in one way; give one of ${asked.map((format) => `--${format}`).join(", ")}`)
    )
  return Effect.succeed(asked[0] ?? Option.getOrUndefined(Option.map(config.from, formatOf)))
}

const escapes: { readonly [text: string]: number } = { "\\n": 10, "\\t": 9, "\\0": 0, "\\r": 13 }

/** The byte between two inputs. */
export const delimiterOf = ({ delimiter, nul }: MapFlags): Effect.Effect<number, CommandFailure> => {
  const text = Option.getOrUndefined(delimiter)
  if (text === undefined) return Effect.succeed(nul ? 0 : 10)
  if (nul) return Effect.fail(fail("usage", "-0 and -d both say where an input ends; give one of them"))
  const byte = escapes[text] ?? (text.length === 1 ? text.charCodeAt(0) : undefined)
  return byte === undefined || byte > 127
    ? Effect.fail(fail("usage", "-d takes one character, as in -d , or -d '\\t'"))
    : Effect.succeed(byte)
}
