/**
 * The handler of `demo.compress`, run in a thread: it keeps a core busy, and loads nothing but Node to be quick to
 * start. By name: what a file of the bundle exports by default is, for `import()`, all that it exports.
 */
import { readFile } from "node:fs/promises"
import { gzipSync } from "node:zlib"

/** The task's `FileFailed` as a plain error, which crosses the thread's border with its fields. */
const failed = (file: string, error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException
  return Object.assign(new Error(message), { _tag: "demo/FileFailed", file, code: code ?? "UNKNOWN" })
}

export const compress = async ({ file }: { readonly file: string }) => {
  try {
    const content = await readFile(file)
    return { bytes: content.length, compressedBytes: gzipSync(content).length }
  } catch (error) {
    throw failed(file, error)
  }
}
