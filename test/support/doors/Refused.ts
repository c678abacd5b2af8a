import { assert } from "@effect/vitest"

/** The error of this kind, of one line, that a check throws; undefined: it took what it was given. */
export const refusedAs = (check: () => unknown, kind: new (...args: any) => Error): Error | undefined => {
  try {
    check()
    return undefined
  } catch (error) {
    assert.instanceOf(error, kind)
    assert.isAbove((error as Error).message.length, 0)
    assert.notInclude((error as Error).message, "\n")
    return error as Error
  }
}
