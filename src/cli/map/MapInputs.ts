/**
 * What a map maps over: words after `:::`, lines of standard input, or records of an NDJSON file. All of it is read once before
 * anything runs, since a map is known by its inputs; beyond the words of the command line none of it is kept in memory. Standard
 * input is kept in a file of this user's until the map has ended.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHash, randomBytes } from "node:crypto"
import { closeSync, createReadStream, existsSync, statSync, writeSync } from "node:fs"
import path from "node:path"
import * as OwnFile from "../../files/OwnFile.ts"
import * as OwnFolder from "../../files/OwnFolder.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import { ProcessIdentity as ProcessId } from "../../services/Queue/index.ts"

export interface MapInputs {
  /** SHA-256 of the inputs, hexadecimal. */
  readonly hash: string
  readonly count: number
  /** The inputs in their order, from the first. May be called more than once. */
  readonly read: () => AsyncIterable<string>
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Lines (or what NUL separates) of a stream of bytes. A last line needs no separator. Throws `CommandFailure` at bytes that are not UTF-8. */
async function* split(chunks: AsyncIterable<Uint8Array>, separator: number): AsyncIterable<string> {
  let number = 0
  const text = (bytes: Uint8Array): string => {
    number++
    try {
      return utf8.decode(bytes)
    } catch {
      throw fail("usage", `input ${number} is not UTF-8, which a command line cannot carry; convert it or leave it out`)
    }
  }
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    let bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    for (let end = bytes.indexOf(separator); end >= 0; end = bytes.indexOf(separator)) {
      yield text(bytes.subarray(0, end))
      bytes = bytes.subarray(end + 1)
    }
    rest = bytes
  }
  if (rest.length > 0) yield text(rest)
}

const asFailure =
  (what: string) =>
  (error: unknown): CommandFailure =>
    typeof error === "object" && error !== null && "_tag" in error && error._tag === "CommandFailure"
      ? (error as CommandFailure)
      : fail("failure", `${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`)

const list = (inputs: ReadonlyArray<string>): MapInputs => {
  const hash = createHash("sha256")
  for (const input of inputs) hash.update(input).update("\0")
  return {
    hash: hash.digest("hex"),
    count: inputs.length,
    read: async function* () {
      yield* inputs
    }
  }
}

const ofFile = (
  file: string,
  separator: number,
  check: (input: string, number: number) => void
): Effect.Effect<MapInputs, CommandFailure> =>
  Effect.tryPromise({
    try: async () => {
      const read = () => split(createReadStream(file), separator)
      const hash = createHash("sha256")
      let count = 0
      for await (const input of read()) {
        check(input, ++count)
        hash.update(input).update("\0")
      }
      return { hash: hash.digest("hex"), count, read }
    },
    catch: asFailure(file)
  })

/** What processes that were killed have left behind. */
const dropAbandoned = (folder: string) => {
  for (const name of OwnFolder.list(folder)) {
    const pid = /^input-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !ProcessId.isAlive(Number(pid))) OwnFile.remove(path.join(folder, name))
  }
}

const ofStream = (
  stream: AsyncIterable<Uint8Array>,
  separator: number,
  folder: string
): Effect.Effect<MapInputs, CommandFailure, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.sync(() => dropAbandoned(folder))
    const file = yield* Effect.acquireRelease(
      Effect.sync(() => path.join(folder, `input-${process.pid}-${randomBytes(4).toString("hex")}`)),
      (file) => Effect.sync(() => OwnFile.remove(file))
    )
    yield* Effect.tryPromise({
      try: async () => {
        const descriptor = OwnFile.create(file)
        try {
          for await (const chunk of stream) writeSync(descriptor, chunk)
        } finally {
          closeSync(descriptor)
        }
      },
      catch: asFailure("standard input")
    })
    return yield* ofFile(file, separator, () => {})
  })

export interface MapSource {
  /** Words after `:::`. */
  readonly words: ReadonlyArray<string> | undefined
  /** Absolute path of `--from`. */
  readonly from: string | undefined
  /** Throws `CommandFailure` for a record that the template cannot use. */
  readonly checkRecord: (input: string, number: number) => void
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean }
  /** `--null`: NUL separates instead of newline. */
  readonly separator: "\n" | "\0"
  /** Where standard input may be kept; exists. */
  readonly folder: string
}

export const gather = (source: MapSource): Effect.Effect<MapInputs, CommandFailure, Scope.Scope> =>
  Effect.suspend((): Effect.Effect<MapInputs, CommandFailure, Scope.Scope> => {
    const separator = source.separator.charCodeAt(0)
    if (source.words !== undefined && source.from !== undefined) {
      return Effect.fail(fail("usage", "inputs come from ::: or from --from; give one of them"))
    }
    if (source.words !== undefined) return Effect.succeed(list(source.words))
    if (source.from !== undefined) {
      return !existsSync(source.from) || !statSync(source.from).isFile()
        ? Effect.fail(fail("notFound", `no file ${source.from} to map over`))
        : ofFile(source.from, separator, source.checkRecord)
    }
    return source.stdin.isTTY === true
      ? Effect.fail(fail("usage", "nothing to map over; add ::: A B C, pipe lines in, or name a file with --from"))
      : ofStream(source.stdin, separator, source.folder)
  })
