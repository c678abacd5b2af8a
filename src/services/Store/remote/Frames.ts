/**
 * Messages on a byte stream: each is a text in UTF-8 behind its length in bytes, four of them, the highest first. A
 * stream cuts and joins as it likes; a message is whole or was not said.
 */

/** Bytes of the length. */
export const headerBytes = 4

/** A message is longer than the two have agreed on. */
export class FrameTooLarge extends Error {
  readonly bytes: number
  constructor(bytes: number, most: number) {
    super(`A message of ${bytes} bytes is more than the ${most} that one may have`)
    this.bytes = bytes
  }
}

/** Throws `FrameTooLarge`. */
export const frame = (text: string, maxBytes: number): Buffer => {
  const length = Buffer.byteLength(text)
  if (length > maxBytes) throw new FrameTooLarge(length, maxBytes)
  const bytes = Buffer.allocUnsafe(headerBytes + length)
  bytes.writeUInt32BE(length)
  bytes.write(text, headerBytes)
  return bytes
}

/** Puts the messages of one stream together again. Holds no more than one of the longest beside the newest piece. */
export class FrameReader {
  private readonly maxBytes: number
  private pieces: Array<Buffer> = []
  private held = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The messages that are whole with this piece, in order. Throws `FrameTooLarge`: the stream cannot be read on. */
  push(piece: Buffer): ReadonlyArray<string> {
    this.pieces.push(piece)
    this.held += piece.length
    const messages: Array<string> = []
    // A message in many pieces is joined once it is whole, not with each of them.
    for (let wanted = this.wanted(); wanted !== undefined && this.held >= wanted; wanted = this.wanted()) {
      const bytes = this.join()
      messages.push(bytes.toString("utf8", headerBytes, wanted))
      this.held -= wanted
      this.pieces = this.held === 0 ? [] : [bytes.subarray(wanted)]
    }
    return messages
  }

  /** Bytes of the next message with its header; undefined while that is not there. */
  private wanted(): number | undefined {
    if (this.held < headerBytes) return undefined
    const head = this.pieces[0]!.length >= headerBytes ? this.pieces[0]! : this.join()
    const length = head.readUInt32BE()
    if (length > this.maxBytes) throw new FrameTooLarge(length, this.maxBytes)
    return headerBytes + length
  }

  private join(): Buffer {
    if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)]
    return this.pieces[0]!
  }
}
