/**
 * The program of a shell template as people would have typed it. `sluice map --shell` gives inputs to the shell in
 * variables, assigned in front of the program (`CommandTemplate`); to a reader the input in its place says more.
 */
import { shellWord } from "../services/Text/index.ts"

const assignment = /(sluice_[a-z0-9_]{1,60})='/y

/** A single-quoted word, as `shellQuote` makes it, from behind its first quote. */
const quotedFrom = (text: string, from: number): { readonly value: string; readonly end: number } | undefined => {
  const escaped = "'\\''"
  let value = ""
  for (let at = from; ; ) {
    const quote = text.indexOf("'", at)
    if (quote < 0) return undefined
    value += text.slice(at, quote)
    if (!text.startsWith(escaped, quote)) return { value, end: quote + 1 }
    value += "'"
    at = quote + escaped.length
  }
}

/** With the variables that are assigned in front of it replaced by what they hold; any other program as it is. */
export const shownProgram = (program: string): string => {
  const values = new Map<string, string>()
  let from = 0
  for (;;) {
    assignment.lastIndex = from
    const [start, name] = assignment.exec(program) ?? []
    if (start === undefined) break
    const quoted = quotedFrom(program, from + start.length)
    if (quoted === undefined || !program.startsWith("; ", quoted.end)) return program
    values.set(name!, quoted.value)
    from = quoted.end + 2
  }
  return program.slice(from).replace(/("?)\$\{(sluice_[a-z0-9_]{1,60})\}("?)/g, (whole, before, name, after) => {
    const value = values.get(name)
    if (value === undefined) return whole
    if (before !== "" && after !== "") return shellWord(value)
    return `${before}${value.replace(/[\\"$`]/g, "\\$&")}${after}`
  })
}
