/**
 * A full collection on demand. V8 has it behind a flag that may be set while it runs; the function is then found in a
 * new context.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

let collector: (() => void) | null | undefined

const find = (): (() => void) | null => {
  if (typeof globalThis.gc === "function") return () => void globalThis.gc?.()
  try {
    setFlagsFromString("--expose-gc")
    const found: unknown = runInNewContext("gc")
    // Contexts made later need not have it.
    setFlagsFromString("--no-expose-gc")
    return typeof found === "function" ? () => void found() : null
  } catch {
    return null
  }
}

/** Collects this thread's heap; the program stands still meanwhile. False: this runtime cannot be told to. */
export const collectAll = (): boolean => {
  if (collector === undefined) collector = find()
  if (collector === null) return false
  collector()
  return true
}
