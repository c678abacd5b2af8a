/** What a folder holds, to the byte; and ways to spoil a file. */
import { createHash } from "node:crypto"
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs"
import path from "node:path"

/** Name, size, mode and hash of every file, one a line. */
export const snapshot = (folder: string): string =>
  readdirSync(folder)
    .sort()
    .map((name) => {
      const file = path.join(folder, name)
      const stat = statSync(file)
      if (!stat.isFile()) return `${name} (no file)`
      return `${name} ${stat.size} ${(stat.mode & 0o777).toString(8)} ${createHash("sha256").update(readFileSync(file)).digest("hex")}`
    })
    .join("\n")

/** Overwrites bytes in place. */
export const overwrite = (file: string, position: number, bytes: Uint8Array): void => {
  const descriptor = openSync(file, "r+")
  try {
    writeSync(descriptor, bytes, 0, bytes.length, position)
  } finally {
    closeSync(descriptor)
  }
}
