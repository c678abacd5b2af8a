/**
 * How a map over a stream knows its list again: a file with 8 bytes per line, a hash of the list up to and with that
 * line. A later run compares while it reads, and is that list as far as the hashes agree. No more of it is in memory
 * than one block.
 */
import { createHash } from "node:crypto"
import { closeSync, ftruncateSync, readSync, writeSync } from "node:fs"
import * as OwnFile from "../../files/OwnFile.ts"

const hashBytes = 8
/** Written and read at once. */
const blockHashes = 1024

export interface KnownPrefix {
  /** Takes the next line. True while all lines up to it are those of the run before. */
  readonly next: (line: string) => boolean
  /** What was taken is in the file, whatever happens to this process. */
  readonly flush: () => void
  readonly close: () => void
}

/**
 * `goOn`: compares with what is in the file; else, and from the first difference on, writes it anew. Throws the
 * system's error.
 */
export const open = (file: string, goOn: boolean): KnownPrefix => {
  if (!goOn) OwnFile.remove(file)
  const known = OwnFile.look(file) !== undefined
  const descriptor = known ? OwnFile.open(file, "readWrite") : OwnFile.create(file)
  let agrees = known
  let hash = Buffer.alloc(hashBytes)
  let count = 0
  let block = Buffer.alloc(0)
  let blockAt = 0
  let unwritten: Array<Buffer> = []

  const flush = () => {
    if (unwritten.length === 0) return
    writeSync(descriptor, Buffer.concat(unwritten), 0, undefined, (count - unwritten.length) * hashBytes)
    unwritten = []
  }

  /** Whether the file has this hash for the line it is at. */
  const isKnown = (): boolean => {
    if (count - blockAt >= block.length / hashBytes) {
      const read = Buffer.alloc(blockHashes * hashBytes)
      const length = readSync(descriptor, read, 0, read.length, count * hashBytes)
      block = read.subarray(0, length - (length % hashBytes))
      blockAt = count
    }
    const from = (count - blockAt) * hashBytes
    return block.length > from && block.subarray(from, from + hashBytes).equals(hash)
  }

  return {
    next: (line) => {
      hash = createHash("sha256").update(hash).update(line).digest().subarray(0, hashBytes)
      if (agrees && !isKnown()) {
        agrees = false
        ftruncateSync(descriptor, count * hashBytes)
      }
      if (!agrees) unwritten.push(hash)
      count++
      if (unwritten.length >= blockHashes) flush()
      return agrees
    },
    flush,
    close: () => {
      flush()
      closeSync(descriptor)
    }
  }
}
