/** A generated NDJSON file of 1 kB lines, and the check of what a stream made of it. */
import fs from "node:fs"

const lineBytes = 1000
const padded = (number: number, letter: string, bytes: number) => {
  const head = `{"id":${number},"text":"`
  return `${head}${letter.repeat(bytes - head.length - 3)}"}\n`
}

/** The line of an input number: 1,000 bytes, its line end included. */
export const inputLine = (number: number) => padded(number, "a", lineBytes)
/** What the stream makes of it: as long. */
export const outputLine = (number: number) => padded(number, "A", lineBytes)

export const writeInput = (file: string, lines: number): void => {
  const to = fs.openSync(file, "w")
  const block: Array<string> = []
  for (let number = 0; number < lines; number++) {
    block.push(inputLine(number))
    if (block.length === 4000 || number === lines - 1) fs.writeSync(to, block.splice(0).join(""))
  }
  fs.closeSync(to)
}

/**
 * The number of the first line that is not what it should be; undefined when all `lines` are there, once and in order,
 * and nothing else.
 */
export const firstDifference = (file: string, lines: number): number | undefined => {
  const { size } = fs.statSync(file)
  const from = fs.openSync(file, "r")
  const block = Buffer.alloc(4000 * lineBytes)
  try {
    for (let number = 0; number < lines; ) {
      const read = fs.readSync(from, block, 0, block.length, number * lineBytes)
      if (read === 0) return number
      for (let at = 0; at < read; at += lineBytes, number++) {
        if (block.toString("latin1", at, Math.min(at + lineBytes, read)) !== outputLine(number)) return number
      }
    }
    return size === lines * lineBytes ? undefined : lines
  } finally {
    fs.closeSync(from)
  }
}
