/**
 * What a map maps over, as it comes: words after `:::`, lines of a file or of standard input, records, combinations of
 * several sources. Nothing of one source is kept in memory. What cannot be known before the end waits for it and keeps
 * the inputs: several sources, `--shuf`, and a command that names `{##}`.
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createHash, type Hash } from "node:crypto"
import { createReadStream, statSync, type Stats } from "node:fs"
import path from "node:path"
import type { Readable } from "node:stream"
import { type CommandFailure, fail } from "../Failure.ts"
import type { CommandTemplate } from "../input/CommandTemplate.ts"
import * as Gathering from "./Gathering.ts"
import * as Lines from "./Lines.ts"
import { joined, type MapInput, type MapInputStream, ofText } from "./MapInput.ts"
import type { RecordFormat } from "./RecordFormat.ts"
import * as Sources from "./Sources.ts"

export interface MapInputs {
  /** How many there are, where that is known before they are read. */
  readonly total: number | undefined
  /** SHA-256 of all of them, hexadecimal; undefined for a stream, of which that is known at its end. */
  readonly hash: string | undefined
  /** Where they come from, as messages call it. */
  readonly name: string
  /** The next of them, one at least; no more when it is done. */
  readonly pull: Pull.Pull<ReadonlyArray<MapInput>, CommandFailure>
}

export interface MapSource {
  /** From the first `:::` or `::::` on. */
  readonly words: ReadonlyArray<string> | undefined
  /** The file of `--from`, `-` for standard input. */
  readonly from: string | undefined
  readonly cwd: string
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** Undefined: lines. */
  readonly format: RecordFormat | undefined
  /** The byte between two lines. */
  readonly delimiter: number
  /** Whether what comes first names the fields. Undefined: in tables it does. */
  readonly header: boolean | undefined
  /** Inputs left out at the beginning. */
  readonly skip: number
  /** `--shuf`: in any order, the same for the same seed; without one for the same inputs. */
  readonly shuffle: { readonly seed: string | undefined } | undefined
  /** `-N`. */
  readonly inputsPerJob: number | undefined
  /** `-X`. */
  readonly isFilled: boolean
  readonly template: CommandTemplate
  /** The command needs to know how many there are. */
  readonly needsTotal: boolean
}

type Bytes = Stream.Stream<Uint8Array, CommandFailure>

/** Reads of 64 KiB that are taken at once, so that a fast writer is not read into memory. */
const readsAtOnce = 4

const bytesOf = (name: string, open: () => Readable): Bytes =>
  NodeStream.fromReadable<Uint8Array, CommandFailure>({
    evaluate: open,
    chunkSize: readsAtOnce,
    onError: (error) => fail("failure", `${name} cannot be read: ${(error as Error).message}`)
  })

const isStandardInput = (file: string): boolean => file === "-" || file === "/dev/stdin"

interface Opened {
  readonly name: string
  readonly bytes: Bytes
  /** Absolute path of a file that can be read twice. */
  readonly file: string | undefined
}

const standardInput = (source: MapSource): Opened => ({
  name: "standard input",
  bytes: bytesOf("standard input", () => source.stdin),
  file: undefined
})

/** A file of any kind: a pipe is read as it comes. */
const openFile = (source: MapSource, file: string): Effect.Effect<Opened, CommandFailure> =>
  Effect.suspend(() => {
    if (isStandardInput(file)) return Effect.succeed(standardInput(source))
    const absolute = path.resolve(source.cwd, file)
    let stats: Stats | undefined
    try {
      stats = statSync(absolute)
    } catch {
      return Effect.fail(fail("notFound", `no file ${absolute} to map over`))
    }
    if (stats.isDirectory())
      return Effect.fail(fail("usage", `${absolute} is a folder; map over what is in it: ::: ${file}/*`))
    return Effect.succeed({
      name: absolute,
      bytes: bytesOf(absolute, () => createReadStream(absolute)),
      file: stats.isFile() ? absolute : undefined
    })
  })

/** The hash of a file's bytes and how many separators end its lines. */
const lookThrough = (file: string, separator: number) =>
  Effect.tryPromise({
    try: async () => {
      const hash = createHash("sha256")
      let count = 0
      let last = separator
      for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
        hash.update(chunk)
        for (let at = chunk.indexOf(separator); at >= 0; at = chunk.indexOf(separator, at + 1)) count++
        last = chunk.at(-1) ?? last
      }
      return { hash, count: last === separator ? count : count + 1 }
    },
    catch: (error) => fail("failure", `${file} cannot be read: ${(error as Error).message}`)
  })

/** Inputs before they are skipped, shuffled and put together. */
interface Raw {
  readonly name: string
  readonly inputs: MapInputStream
  readonly count: number | undefined
  readonly hash: Hash | undefined
}

const hashOf = (inputs: Iterable<string>): Hash => {
  const hash = createHash("sha256")
  for (const input of inputs) hash.update(input).update("\0")
  return hash
}

const ofRows = (rows: ReadonlyArray<MapInput>, name: string): Raw => ({
  name,
  inputs: Stream.fromArray(rows),
  count: rows.length,
  hash: hashOf(rows.flatMap(({ inputs }) => [...inputs, ""]))
})

const isNamed = (source: MapSource): boolean => source.header === true && source.format === undefined

/** The first line names the one field of the others. */
const namedByFirst = (inputs: MapInputStream): MapInputStream =>
  Stream.mapAccum(
    inputs,
    (): string | undefined => undefined,
    (name, input) => (name === undefined ? [input.text, []] : [name, [{ ...input, record: { [name]: input.text } }]])
  )

const fromOne = (source: MapSource, { bytes, file, name }: Opened): Effect.Effect<Raw, CommandFailure> =>
  Effect.gen(function* () {
    const { format } = source
    const seen = file === undefined ? undefined : yield* lookThrough(file, source.delimiter)
    if (format !== undefined) {
      const Records = yield* Effect.promise(() => import("./Records.ts"))
      const inputs = Records.read(bytes, name, format, source.header ?? true)
      return { name, inputs, count: undefined, hash: seen?.hash }
    }
    const lines = Stream.map(Lines.split(source.delimiter)(bytes), ofText)
    if (!isNamed(source)) return { name, inputs: lines, count: seen?.count, hash: seen?.hash }
    return {
      name,
      inputs: namedByFirst(lines),
      count: seen === undefined ? undefined : Math.max(0, seen.count - 1),
      hash: seen?.hash
    }
  })

const fromMany = (source: MapSource, sources: ReadonlyArray<Sources.Source>): Effect.Effect<Raw, CommandFailure> =>
  Effect.gen(function* () {
    const read: Array<{ readonly values: ReadonlyArray<string>; readonly isLinked: boolean }> = []
    for (const { from, isLinked } of sources) {
      if ("words" in from) read.push({ values: from.words, isLinked })
      else {
        const { bytes } = yield* openFile(source, from.file)
        read.push({ values: yield* Stream.runCollect(Lines.split(source.delimiter)(bytes)), isLinked })
      }
    }
    const names = isNamed(source) ? read.map(({ values }) => values[0] ?? "") : undefined
    const rows = [
      ...Sources.combinations(
        names === undefined ? read : read.map(({ isLinked, values }) => ({ values: values.slice(1), isLinked }))
      )
    ]
    return ofRows(
      names === undefined
        ? rows.map(joined)
        : rows.map((row) => ({
            ...joined(row),
            record: Object.fromEntries(row.map((value, i) => [names[i]!, value]))
          })),
      "the sources"
    )
  })

const raw = (source: MapSource): Effect.Effect<Raw, CommandFailure> =>
  Effect.gen(function* () {
    if (source.words !== undefined) {
      if (source.from !== undefined)
        return yield* fail("usage", "inputs come from ::: or from --from; give one of them")
      const parsed = Sources.parse(source.words)
      if (Result.isFailure(parsed)) return yield* fail("usage", parsed.failure)
      const [first] = parsed.success
      const file = first !== undefined && "file" in first.from ? first.from.file : undefined
      if (parsed.success.length === 1 && file !== undefined)
        return yield* fromOne(source, yield* openFile(source, file))
      if (source.format !== undefined)
        return yield* fail("usage", "records come from one source: --from FILE, :::: FILE, or standard input")
      return yield* fromMany(source, parsed.success)
    }
    if (source.from !== undefined) return yield* fromOne(source, yield* openFile(source, source.from))
    if (source.stdin.isTTY === true)
      return yield* fail("usage", "nothing to map over; add ::: A B C, pipe lines in, or name a file with --from")
    return yield* fromOne(source, standardInput(source))
  })

/**
 * In an order that is the same for the same seed; without one it follows from the inputs, so that a map that goes on
 * finds its order.
 */
const shuffled = (rows: ReadonlyArray<MapInput>, seed: string | undefined, hash: Hash) =>
  Random.shuffle(rows).pipe(Random.withSeed(seed ?? hash.copy().digest("hex")))

export const gather = (source: MapSource): Effect.Effect<MapInputs, CommandFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const from = yield* raw(source)
    const skipped = source.skip === 0 ? from.inputs : Stream.drop(from.inputs, source.skip)
    let count = from.count === undefined ? undefined : Math.max(0, from.count - source.skip)
    let hash = from.hash
    let inputs = skipped
    if (source.shuffle !== undefined) {
      const rows = yield* Stream.runCollect(skipped)
      hash = hashOf(rows.map(({ text }) => text))
      count = rows.length
      inputs = Stream.fromArray(yield* shuffled(rows, source.shuffle.seed, hash))
    }
    const most = source.inputsPerJob
    if (source.isFilled) {
      inputs = Gathering.byBytes(inputs, source.template, most)
      count = undefined
    } else if (most !== undefined) {
      inputs = Gathering.byCount(inputs, most)
      count = count === undefined ? undefined : Math.ceil(count / most)
    }
    if (source.needsTotal && count === undefined) {
      const rows = yield* Stream.runCollect(inputs)
      hash ??= hashOf(rows.map(({ text }) => text))
      count = rows.length
      inputs = Stream.fromArray(rows)
    }
    return { total: count, hash: hash?.digest("hex"), name: from.name, pull: yield* Stream.toPull(inputs) }
  })
