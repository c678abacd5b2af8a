/**
 * The lines of a command's log, as they are written, without colours: stdout and stderr each by itself, in the order in
 * which their lines end.
 */
import type { OutputReader, OutputStream } from "../../services/Queue/index.ts"
import * as CommandOutput from "../CommandOutput.ts"

export interface OutputLines {
  /**
   * Lines that ended since the last call; of a long log a part, the rest with the next calls. `isOver`: nothing more is
   * written, so that what is there is all. What cannot be read ends it too. Never rejects.
   */
  readonly read: (isOver: boolean) => Promise<ReadonlyArray<string>>
  /** Of the stream that wrote last, what stands after its last line end or carriage return. */
  readonly unfinished: () => string | undefined
  /** Whether every line was given, and no more come. */
  readonly isAtEnd: () => boolean
  /** Whether nothing was found so far. */
  readonly isEmpty: () => boolean
  readonly close: () => void
}

/** Pieces read in one go: some 4 MiB, a few milliseconds. */
const mostPieces = 16
/** Of a line without an end, in characters. */
const longestLine = 64 * 1024

/** Closed by the caller. */
export const make = (reader: OutputReader): OutputLines => {
  const streams = {
    stdout: { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), rest: "" },
    stderr: { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), rest: "" }
  }
  let last: OutputStream = "stdout"
  let isAtEnd = false
  let isEmpty = true

  const linesOf = (bytes: Uint8Array, stream: OutputStream): ReadonlyArray<string> => {
    const of = streams[stream]
    const lines = (of.rest + of.decoder.decode(bytes, { stream: true })).split(/\r?\n/)
    of.rest = lines.pop()!.slice(-longestLine)
    last = stream
    return lines.map(CommandOutput.plainLine)
  }

  const unended = (): ReadonlyArray<string> =>
    [streams.stdout, streams.stderr].flatMap((of) => {
      const { rest } = of
      of.rest = ""
      return rest === "" ? [] : [CommandOutput.plainLine(rest)]
    })

  return {
    read: async (isOver) => {
      const lines: Array<string> = []
      try {
        for (let i = 0; i < mostPieces && !isAtEnd; i++) {
          const piece = await reader.next()
          if (piece === undefined) {
            isAtEnd = isOver
            break
          }
          isEmpty = false
          if (piece._tag === "Bytes") lines.push(...linesOf(piece.bytes, piece.stream))
          else if (piece._tag === "LeftOut") lines.push(`(${piece.stdout + piece.stderr} bytes were not kept)`)
          else isAtEnd = true
        }
      } catch {
        isAtEnd = true
      }
      if (isAtEnd) lines.push(...unended())
      return lines
    },
    unfinished: () => {
      const text = CommandOutput.plainLine(streams[last].rest)
      return text === "" ? undefined : text
    },
    isAtEnd: () => isAtEnd,
    isEmpty: () => isEmpty,
    close: reader.close
  }
}
