/**
 * The handler of `demo.compress`, run in a thread: it keeps a core busy, and loads nothing but Node to be quick to
 * start.
 */
import { readFile } from "node:fs/promises"
import { gzipSync } from "node:zlib"

/** The task's `FileFailed` as a plain error, which crosses the thread's border with its fields. */
const failed = (file: string, error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException
  return Object.assign(new Error(message), { _tag: "demo/FileFailed", file, code: code ?? "UNKNOWN" })
}

export default async ({ file }: { readonly file: string }) => {
  try {
    const content = await readFile(file)
    return { bytes: content.length, compressedBytes: gzipSync(content).length }
  } catch (error) {
    throw failed(file, error)
  }
}
