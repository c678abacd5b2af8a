// Comments are at most 120 columns wide, as the formatter keeps code; it does not wrap comments.
//
//   node scripts/comment-width.ts        (part of npm run check)
//
// Prints a line for each that is wider and exits 1 when there is any. What has no place to break (an address, a row of
// a table) may be.

import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

const widest = 120
const characters = new Intl.Segmenter()
const folders = ["src", "test", "scripts", "examples", "bench", "bin"]

/** What comes before a comment's words. */
const opening = /^\s*(?:\/\/|\/?\*\*?)\s*(?:- )?/

/** Lines of a source text that hold nothing but a comment and are too wide, counted from 1. */
export const tooWide = (source: string): ReadonlyArray<number> =>
  source.split("\n").flatMap((line, index) => {
    if (line.length <= widest || /^\s*\* \|/.test(line) || [...characters.segment(line)].length <= widest) return []
    const [start] = opening.exec(line) ?? []
    if (start === undefined || /^\s*\/\/ (?:biome-ignore|@ts-)/.test(line)) return []
    return line.slice(start.length, widest).includes(" ") ? [index + 1] : []
  })

if (import.meta.main) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
  const files = folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.m?ts$|\.mjs$/.test(file))
      .map((file) => path.join(folder, file))
  )
  const found = files.flatMap((file) =>
    tooWide(readFileSync(path.join(root, file), "utf8")).map(
      (line) => `${file}:${line} is a comment wider than ${widest} columns`
    )
  )
  for (const line of found) console.error(line)
  console.error(`Comments: ${files.length} files, ${found.length} lines too wide`)
  process.exitCode = found.length === 0 ? 0 : 1
}
