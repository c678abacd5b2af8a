/**
 * `--results`: what each line writes, in files, as GNU parallel lays them out: `DIR/1/VALUE/stdout`, `stderr` and `seq`
 * (the number of the line), a pair of folders for each source, named by its column where it has one; or, where the text
 * holds placeholders, in the file that it becomes, with `.err` and `.seq` beside it, or in the folder if it ends in a
 * slash. A file has its name once it is whole; of two lines with the same name the last one's stays.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { renameSync, statSync } from "node:fs"
import { appendFile, mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import type { JobId, OutputStream, Outputs } from "../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import * as ByteText from "../input/ByteText.ts"
import * as CommandTemplate from "../input/CommandTemplate.ts"
import type { Placeholder } from "../input/Placeholder.ts"
import { fieldOf, type MapInput } from "./MapInput.ts"
import type { LineOutput } from "./MapOutput.ts"
import * as MapTemplate from "./MapTemplate.ts"

/** Absolute paths; what is not UTF-8 in them is as `ByteText` has it. */
export interface ResultFiles {
  readonly stdout: string
  readonly stderr: string
  readonly seq: string
}

export interface Places {
  readonly placeholders: ReadonlyArray<Placeholder>
  /** Where the results of a line go, or why they cannot. */
  readonly of: (input: MapInput, number: number, total: number | undefined) => Result.Result<ResultFiles, string>
}

/** Bytes of a name in a folder (NAME_MAX of Linux and macOS). */
const nameMost = 255
/** What is added to a name beside the file: `.NUMBER.stdout.part` at most. */
const suffixMost = 32

const spelled: { readonly [character: string]: string } = { "\\": "\\\\", "\t": "\\t", "\0": "\\0", "/": "\\_" }

/** Cut into pieces of so many bytes, between characters. */
const pieces = (text: string, most: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  let piece = ""
  let bytes = 0
  for (const character of text) {
    const length = ByteText.encode(character).length
    if (bytes + length > most) {
      found.push(piece)
      piece = ""
      bytes = 0
    }
    piece += character
    bytes += length
  }
  return [...found, piece]
}

/**
 * A value as a name of a folder, or of one within the other where it is too long: as GNU parallel has it, but for what
 * it would let out of the folder.
 */
export const folderName = (value: string): string => {
  if (value === "") return "\\e"
  if (value === "." || value === "..") return `\\${value}`
  const text = value.replace(/[\\\t\0/]/g, (character) => spelled[character]!)
  return pieces(text, nameMost - 2).join("/\\+")
}

const inFolder = (folder: string): ResultFiles => ({
  stdout: path.join(folder, "stdout"),
  stderr: path.join(folder, "stderr"),
  seq: path.join(folder, "seq")
})

/** Names of sources: those of columns, else numbers. */
const namesOf = ({ inputs, record }: MapInput): ReadonlyArray<string> => {
  const names = Object.keys(record ?? {})
  return names.length === inputs.length && names.every((name, i) => record![name] === inputs[i])
    ? names
    : inputs.map((_, i) => String(i + 1))
}

const asTree = (folder: string): Places => ({
  placeholders: [],
  of: (input) => {
    const names = namesOf(input)
    const levels = input.inputs.flatMap((value, i) => [folderName(names[i]!), folderName(value)])
    return Result.succeed(inFolder(path.join(folder, ...levels)))
  }
})

const isTooLong = (file: string): boolean =>
  file.split("/").some((name) => ByteText.encode(name).length > nameMost - suffixMost)

/** `within`: the folder that the text names before its first placeholder, which inputs do not lead out of. */
const asNamed = (
  template: CommandTemplate.CommandTemplate,
  within: string,
  cwd: string,
  areFolders: boolean
): Places => ({
  placeholders: CommandTemplate.placeholdersOf(template),
  of: (input, sequence, total) => {
    const filling = { inputs: input.inputs, field: (name: string) => fieldOf(input, name), sequence }
    const rendered = CommandTemplate.render(template, total === undefined ? filling : { ...filling, total })
    if (Result.isFailure(rendered)) return Result.fail(rendered.failure.message)
    const text = rendered.success.join(" ")
    const file = path.resolve(cwd, text)
    if (!`${file}/`.startsWith(within.endsWith("/") ? within : `${within}/`))
      return Result.fail(
        `its results would go to ${ByteText.shown(file)}, which is outside of ${ByteText.shown(within)}`
      )
    if (isTooLong(file)) return Result.fail(`a name in ${ByteText.shown(text)} is too long for its results`)
    if (areFolders) return Result.succeed(inFolder(file))
    if (file === within || text.endsWith("/"))
      return Result.fail(`its results would go to ${ByteText.shown(file)}, which is a folder`)
    return Result.succeed({ stdout: file, stderr: `${file}.err`, seq: `${file}.seq` })
  }
})

/** `text` as it was given with `--results`. */
export const read = (
  text: string,
  cwd: string,
  options: { readonly names: boolean },
  inputs: MapTemplate.TemplateInputs
): Result.Result<Places, CommandTemplate.CommandTemplateError | CommandFailure> => {
  if (text === "") return Result.fail(fail("usage", "--results is empty; name a folder, as in --results out"))
  if (/\.[ct]sv$/.test(text))
    return Result.fail(
      fail("usage", "--results writes files into a folder, no table; name a folder, as in --results out")
    )
  return Result.flatMap(CommandTemplate.fromWords([text], options), (template) => {
    // Without a placeholder the input is added as a word, as of a command.
    if (template._tag !== "Arguments" || template.words.length > 1)
      return Result.succeed(asTree(path.resolve(cwd, text)))
    return Result.flatMap(MapTemplate.checked(template, inputs), () => {
      if (CommandTemplate.placeholdersOf(template).some(({ kind }) => kind === "slot"))
        return Result.fail(fail("usage", "{%} is another slot each time; name results by their inputs or by {#}"))
      const [first] = template.words[0]!
      const fixed = typeof first === "string" ? first : ""
      const within = path.resolve(cwd, fixed.slice(0, fixed.lastIndexOf("/") + 1))
      return Result.succeed(asNamed(template, within, cwd, text.endsWith("/")))
    })
  })
}

const sizeOf = (file: string): number | undefined => {
  try {
    return statSync(ByteText.encode(file)).size
  } catch {
    return undefined
  }
}

/** Whether the files are there and have so many bytes. */
export const areThere = (files: ResultFiles, bytes: { readonly stdout: number; readonly stderr: number }): boolean =>
  sizeOf(files.stdout) === bytes.stdout && sizeOf(files.stderr) === bytes.stderr

export interface ResultOfLine {
  readonly number: number
  readonly job: JobId
  readonly attempt: number
  readonly files: ResultFiles
}

/** `broken` hears of what cannot be written; nothing more is then. */
export const make = (outputs: Outputs["Service"], broken: (error: Error) => void) => ({
  of: ({ attempt, files, job, number }: ResultOfLine): LineOutput => {
    const part = (stream: OutputStream) =>
      ByteText.encode(path.join(path.dirname(files[stream]), `.${number}.${path.basename(files[stream])}.part`))
    let last: Promise<void> = Promise.resolve()
    let isBegun = false
    let isComplete = true

    const begin = async () => {
      if (isBegun) return
      isBegun = true
      await mkdir(ByteText.encode(path.dirname(files.stdout)), { recursive: true })
      await Promise.all([writeFile(part("stdout"), ""), writeFile(part("stderr"), "")])
    }

    /** What an earlier process ran. */
    const copyLog = async () => {
      const reader = outputs.read(job, attempt)
      try {
        for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
          if (piece._tag === "Bytes") await appendFile(part(piece.stream), piece.bytes)
          else if (piece._tag === "LeftOut") isComplete = false
        }
      } finally {
        reader.close()
      }
    }

    const attempted = async (work: () => Promise<void>) => {
      if (!isComplete) return
      try {
        await work()
      } catch (error) {
        isComplete = false
        broken(error as Error)
      }
    }

    const name = async () => {
      const wasRunHere = isBegun
      await begin()
      if (!wasRunHere) await copyLog()
      if (!isComplete) return
      for (const stream of ["stdout", "stderr"] as const) renameSync(part(stream), ByteText.encode(files[stream]))
      await writeFile(ByteText.encode(files.seq), String(number))
    }

    return {
      take: (log, chunk, stream) => {
        last = last.then(() =>
          attempted(async () => {
            await begin()
            await Promise.all([appendFile(part(stream), chunk), log.write(chunk, stream)])
          })
        )
        return last
      },
      finish: () =>
        Effect.promise(async () => {
          await last
          await attempted(name)
          return isComplete
        })
    }
  }
})
