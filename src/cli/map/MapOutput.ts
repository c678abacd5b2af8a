/**
 * The outputs of a map's lines on their way to stdout and stderr. What a line writes goes into its log and is printed
 * from there when it has ended and its turn has come, so memory stays flat. A line whose log is full, or whose disk is,
 * stands still until it owns the output; then the log so far is printed, and the rest as it comes.
 */
import * as Effect from "effect/Effect"
import type { JobId, OutputLog, OutputStream, Outputs } from "../../services/Queue/index.ts"
import * as CommandOutput from "../CommandOutput.ts"
import * as ByteText from "../input/ByteText.ts"
import type { Output } from "../Output.ts"
import type { Progress } from "../terminal/Progress.ts"
import type { Printing } from "./Printing.ts"

/** `blocks`: of a line at a time. `lines`: whole lines as they come. `chunks`: as it comes. */
export type Grouping = "blocks" | "lines" | "chunks"

/** An unfinished line of text held in memory; beyond it the output is taken for the job alone. */
const longestHeldLine = 1024 * 1024

export interface OutputSettings {
  readonly grouping: Grouping
  /** What runs prints only in its turn. */
  readonly keepOrder: boolean
  /** On a terminal the outputs of each line are in a colour of its own. */
  readonly isColoured: boolean
  /** On a terminal a block whose command failed is red. */
  readonly areFailuresRed: boolean
}

/** A line, and an attempt of a job of it. */
export interface LineOfMap {
  readonly number: number
  /** What each line of its text begins with. */
  readonly tag: string | undefined
  readonly job: JobId
  readonly attempt: number
}

/** One stream of one attempt: tagged, and cut into whole lines where others may write between. */
class Channel {
  private carry: Array<Uint8Array> = []
  private carried = 0
  private readonly tag: Buffer | undefined
  private atLineStart = true
  readonly text: CommandOutput.CommandText

  constructor(tag: string | undefined, text: CommandOutput.CommandText) {
    this.text = text
    this.tag = tag === undefined ? undefined : ByteText.encode(`${tag}\t`)
  }

  get held(): number {
    return this.carried
  }

  tagged(bytes: Uint8Array): Uint8Array {
    if (this.tag === undefined || bytes.length === 0) return bytes
    const parts: Array<Uint8Array> = []
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(10, from)
      const end = newline < 0 ? bytes.length : newline + 1
      if (this.atLineStart) parts.push(this.tag)
      parts.push(bytes.subarray(from, end))
      this.atLineStart = newline >= 0
      from = end
    }
    return Buffer.concat(parts)
  }

  /** Whole lines, of what was held back and these; the rest is held back. */
  wholeLines(bytes: Uint8Array): Uint8Array {
    const end = bytes.lastIndexOf(10) + 1
    if (end === 0) {
      this.hold(bytes)
      return bytes.subarray(0, 0)
    }
    const lines = Buffer.concat([...this.carry, bytes.subarray(0, end)])
    this.rest()
    this.hold(bytes.subarray(end))
    return lines
  }

  /** What was held back. */
  rest(): Uint8Array {
    const bytes = Buffer.concat(this.carry)
    this.carry = []
    this.carried = 0
    return bytes
  }

  private hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.carry.push(Uint8Array.from(bytes))
    this.carried += bytes.length
  }
}

export interface LineOutput {
  /** Takes a chunk of the running command, which may write on once the answer has settled; undefined: at once. */
  readonly take: (log: OutputLog, chunk: Uint8Array, stream: OutputStream) => Promise<void> | undefined
  /** Its command has ended: prints what is not printed yet; false when not all of it could be written. */
  readonly finish: (hasFailed: boolean) => Effect.Effect<boolean>
}

/** Of the eight base colours those that read on dark and on light, but for red. */
const colours = ["32", "33", "34", "35", "36"]
const red = "31"

export const make = (options: {
  readonly outputs: Outputs["Service"]
  readonly out: Output
  readonly progress: Progress["Service"]
  readonly settings: OutputSettings
  readonly printing: Printing
  readonly runPromise: <A>(effect: Effect.Effect<A>) => Promise<A>
}) => {
  const { out, outputs, printing, progress, runPromise, settings } = options
  const { grouping, keepOrder } = settings

  return {
    /** The output of an attempt that runs, or that has ended and rests in its log. */
    of: ({ attempt, job, number, tag }: LineOfMap): LineOutput => {
      const texts = CommandOutput.texts(out)
      const paintIn = (colour: string) => {
        for (const text of Object.values(texts)) text.paintIn(colour)
      }
      if (settings.isColoured) paintIn(colours[number % colours.length]!)
      const channels = { stdout: new Channel(tag, texts.stdout), stderr: new Channel(tag, texts.stderr) }
      /** Whether the output is this line's alone. */
      let isOwner = false
      /** Whether what comes is printed, rather than kept for later. */
      let isThrough = grouping !== "blocks" && !keepOrder
      let complete = true
      /** What is done with chunks follows each other. */
      let last: Promise<void> = Promise.resolve()
      let underWay = 0

      const send = async (stream: OutputStream, bytes: Uint8Array) => {
        const screen = out[stream]
        if (bytes.length === 0) return
        if (screen.isTerminal) await runPromise(progress.print(stream, channels[stream].text.take(bytes)))
        else complete = (await runPromise(screen.writeBytes(bytes))) && complete
      }

      const emit = async (stream: OutputStream, bytes: Uint8Array) => {
        const channel = channels[stream]
        const text = channel.tagged(bytes)
        // Bars are drawn below whole lines only.
        const isPlain = isOwner || grouping === "chunks"
        if (isPlain && !out[stream].isTerminal) {
          await send(stream, channel.rest())
          return send(stream, text)
        }
        if (!isOwner) await printing.free(number)
        await send(stream, channel.wholeLines(text))
        if (channel.held <= longestHeldLine) return
        if (!isOwner) await takeOver()
        await send(stream, channel.rest())
      }

      const takeOver = async () => {
        await printing.own(number)
        isOwner = true
      }

      const printLog = async () => {
        const reader = outputs.read(job, attempt)
        try {
          for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
            if (piece._tag === "Bytes") await emit(piece.stream, piece.bytes)
            else if (piece._tag === "LeftOut") complete = false
          }
        } finally {
          reader.close()
        }
      }

      const goThrough = async () => {
        if (isThrough) return
        isThrough = true
        await printLog()
      }

      /** To the log, to be printed from there; undefined where it is not to be. */
      const keep = (log: OutputLog, chunk: Uint8Array, stream: OutputStream) =>
        isThrough || !log.hasRoom(chunk.length) ? undefined : log.write(chunk, stream)

      const takeChunk = async (
        log: OutputLog,
        chunk: Uint8Array,
        stream: OutputStream,
        kept = keep(log, chunk, stream)
      ) => {
        const rest = kept === undefined ? chunk : chunk.subarray(await kept)
        if (rest.length === 0) return
        if (!isThrough) {
          await takeOver()
          await goThrough()
        }
        await emit(stream, rest)
        if (kept === undefined) await log.write(chunk, stream)
      }

      const inTurn = (work: () => Promise<void>): Promise<void> => {
        underWay++
        last = last.then(work).finally(() => underWay--)
        return last
      }

      if (grouping !== "blocks" && keepOrder) {
        printing.whenOwned(number, () => {
          isOwner = true
          // A failure is the next chunk's, or the end's.
          inTurn(goThrough).catch(() => {})
        })
      }

      return {
        take: (log, chunk, stream) => {
          const kept = underWay === 0 ? keep(log, chunk, stream) : undefined
          return kept === chunk.length ? undefined : inTurn(() => takeChunk(log, chunk, stream, kept))
        },
        finish: (hasFailed) =>
          Effect.promise(async () => {
            await last
            isOwner = true
            if (hasFailed && settings.areFailuresRed) paintIn(red)
            await goThrough()
            for (const stream of ["stdout", "stderr"] as const) {
              await send(stream, channels[stream].rest())
              if (out[stream].isTerminal) await runPromise(progress.print(stream, channels[stream].text.end()))
            }
            return complete
          })
      }
    }
  }
}
