/**
 * Keeps the beginning and the end of a stream of bytes within a limit: the beginning says what was going on, the end
 * what went wrong. Memory grows with what was written, up to `limitBytes` plus one chunk, whatever the size of the
 * chunks.
 */
export interface BoundedOutput {
  readonly push: (chunk: Uint8Array) => void
  /** Bytes left out so far. Never negative, and exact: kept + dropped = pushed. */
  readonly dropped: () => number
  /** What was kept. Between beginning and end, one line names the number of bytes left out, if any were. */
  readonly bytes: () => Uint8Array
}

/** A continuation byte of UTF-8 is 10xxxxxx (RFC 3629). */
const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

/** Where the last, cut character of `head` begins, if `head` ends inside one; else its length. */
const wholeCharactersEnd = (head: Uint8Array): number => {
  let start = head.length - 1
  while (start > head.length - 4 && isContinuation(head[start])) start--
  const lead = head[start]
  if (lead === undefined || lead < 0xc0) return head.length
  const width = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  return start + width > head.length ? start : head.length
}

/** Where the first whole character of `tail` begins. */
const wholeCharactersStart = (tail: Uint8Array): number => {
  let start = 0
  while (start < 3 && isContinuation(tail[start])) start++
  return start
}

export const make = (limitBytes: number): BoundedOutput => {
  const headLimit = Math.ceil(limitBytes / 2)
  const tailLimit = limitBytes - headLimit
  let head = Buffer.alloc(0)
  let headLength = 0
  /** A ring, allocated when the head is full and grown once, to its limit. */
  let tail = Buffer.alloc(0)
  let tailWritten = 0

  const pushHead = (chunk: Uint8Array): number => {
    const taken = Math.min(chunk.length, headLimit - headLength)
    if (taken === 0) return 0
    if (headLength + taken > head.length) {
      const grown = Buffer.alloc(Math.min(headLimit, Math.max(headLength + taken, head.length * 2, 1024)))
      head.copy(grown, 0, 0, headLength)
      head = grown
    }
    head.set(chunk.subarray(0, taken), headLength)
    headLength += taken
    return taken
  }

  const pushTail = (chunk: Uint8Array) => {
    if (chunk.length === 0) return
    if (tailLimit > 0) {
      if (tail.length === 0) tail = Buffer.alloc(tailLimit)
      const kept = chunk.subarray(Math.max(0, chunk.length - tailLimit))
      const at = (tailWritten + chunk.length - kept.length) % tailLimit
      const first = kept.subarray(0, tailLimit - at)
      tail.set(first, at)
      tail.set(kept.subarray(first.length), 0)
    }
    tailWritten += chunk.length
  }

  const cut = () => {
    const wrapped = tailWritten > tailLimit
    if (!wrapped) return { start: head.subarray(0, headLength), end: tail.subarray(0, tailWritten), dropped: 0 }
    const at = tailLimit === 0 ? 0 : tailWritten % tailLimit
    const ring = Buffer.concat([tail.subarray(at), tail.subarray(0, at)])
    const start = head.subarray(0, wholeCharactersEnd(head.subarray(0, headLength)))
    const end = ring.subarray(wholeCharactersStart(ring))
    return { start, end, dropped: headLength + tailWritten - start.length - end.length }
  }

  return {
    push: (chunk) => pushTail(chunk.subarray(pushHead(chunk))),
    dropped: () => cut().dropped,
    bytes: () => {
      const { start, end, dropped } = cut()
      return dropped === 0
        ? Buffer.concat([start, end])
        : Buffer.concat([start, Buffer.from(`\n[... ${dropped} bytes left out ...]\n`), end])
    }
  }
}
