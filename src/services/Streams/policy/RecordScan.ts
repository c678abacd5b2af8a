/**
 * Where records end in bytes that come in blocks, whatever the blocks' boundaries: lines of NDJSON, records of CSV. All
 * that matters to it is ASCII, and no byte of a longer UTF-8 sequence is: a block may end inside a character.
 */

export interface RecordScan {
  /**
   * The index just after the first record that ends in `block[from, to)`, or -1. Give all bytes once and in order. A
   * record ended by a lone CR at the end of a block is known to have ended only with the next byte, and then answers
   * `from`.
   */
  next(block: Uint8Array, from: number, to: number): number
  /** The line, from 1, on which the record that is being scanned began. */
  readonly line: number
}

const lf = 10
const cr = 13
const quote = 34

/** Lines ended by LF; a CR before it belongs to the line, where JSON takes it for a blank. */
export class LineScan implements RecordScan {
  line: number
  constructor(line = 1) {
    this.line = line
  }
  next(block: Uint8Array, from: number, to: number): number {
    const at = block.indexOf(lf, from)
    if (at < 0 || at >= to) return -1
    this.line++
    return at + 1
  }
}

/**
 * CSV records as RFC 4180 and Effect's `Csv` end them: by LF, CR or CRLF outside quotes. What the format forbids (a
 * quote inside an unquoted field, text after a closing one) is taken for text; the reader of the chunk refuses it.
 */
export class CsvScan implements RecordScan {
  line: number
  private current: number
  private state: "start" | "unquoted" | "quoted" | "closing" = "start"
  /**
   * The last byte was a CR: inside quotes it was counted as a line's end, outside the record has ended unless an LF
   * follows.
   */
  private afterCr = false
  private readonly delimiter: number

  constructor(delimiter = ",", line = 1) {
    this.delimiter = delimiter.charCodeAt(0)
    this.line = line
    this.current = line
  }

  next(block: Uint8Array, from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const byte = block[i]!
      if (this.state === "quoted") {
        if (byte === quote) this.state = "closing"
        else if (byte === cr || (byte === lf && !this.afterCr)) this.current++
        this.afterCr = byte === cr
        continue
      }
      if (this.afterCr && this.state === "start") {
        this.afterCr = false
        return this.ended(byte === lf ? i + 1 : i)
      }
      if (byte === lf) return this.ended(i + 1)
      if (byte === cr) {
        this.state = "start"
        this.afterCr = true
      } else if (byte === this.delimiter) this.state = "start"
      else if (byte === quote && (this.state === "start" || this.state === "closing")) {
        this.state = "quoted"
        this.afterCr = false
      } else this.state = "unquoted"
    }
    return -1
  }

  private ended(at: number): number {
    this.state = "start"
    this.current++
    this.line = this.current
    return at
  }
}
