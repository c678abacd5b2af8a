/**
 * Where inputs come from when the command line names sources, as GNU parallel has them: `::: a b` words, `:::: FILE…`
 * lines of files. Several sources give every combination, the last one turning fastest; with a `+` behind it (`:::+`,
 * `::::+`) a source is linked to the one before: one of each at a time, as far as the shorter reaches.
 */
import * as Result from "effect/Result"

export interface Source {
  readonly from: { readonly words: ReadonlyArray<string> } | { readonly file: string }
  readonly isLinked: boolean
}

const marks: ReadonlySet<string> = new Set([":::", ":::+", "::::", "::::+"])

export const isMark = (word: string): boolean => marks.has(word)

/** `words` begin with a mark. */
export const parse = (words: ReadonlyArray<string>): Result.Result<ReadonlyArray<Source>, string> => {
  const sources: Array<Source> = []
  for (let from = 0; from < words.length; ) {
    const mark = words[from]!
    const next = words.findIndex((word, i) => i > from && isMark(word))
    const values = words.slice(from + 1, next < 0 ? words.length : next)
    const isLinked = mark.endsWith("+")
    if (isLinked && sources.length === 0)
      return Result.fail(
        `${mark} links inputs to those of a source before it, and there is none; write ${mark.slice(0, -1)}`
      )
    if (mark.startsWith("::::")) {
      if (values.length === 0)
        return Result.fail(`${mark} names files of inputs, and none follows; - is standard input`)
      sources.push(...values.map((file, i) => ({ from: { file }, isLinked: isLinked && i === 0 })))
    } else sources.push({ from: { words: values }, isLinked })
    from = next < 0 ? words.length : next
  }
  return Result.succeed(sources)
}

/** The values of sources that belong together, as rows. */
const linked = (columns: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: Math.min(...columns.map(({ length }) => length)) }, (_, i) =>
    columns.map((column) => column[i]!)
  )

/** Every combination of the sources' values. */
export function* combinations(
  sources: ReadonlyArray<{ readonly values: ReadonlyArray<string>; readonly isLinked: boolean }>
): Generator<ReadonlyArray<string>> {
  const columns: Array<Array<ReadonlyArray<string>>> = []
  for (const { isLinked, values } of sources) {
    if (isLinked) columns.at(-1)!.push(values)
    else columns.push([values])
  }
  const factors = columns.map(linked)
  const at = factors.map(() => 0)
  if (factors.some(({ length }) => length === 0)) return
  for (;;) {
    yield factors.flatMap((rows, i) => rows[at[i]!]!)
    let turn = factors.length - 1
    while (turn >= 0 && ++at[turn]! === factors[turn]!.length) at[turn--] = 0
    if (turn < 0) return
  }
}
