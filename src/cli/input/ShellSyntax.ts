/**
 * What in the words of a command means something to a shell and nothing without one: pipes, redirections, variables,
 * globs.
 */

/**
 * Operators wherever they stand unquoted; `&` where one stands alone or twice, since addresses hold it; `$` before what
 * a shell expands.
 */
const syntax = /&&|\|\|?|>>?|<|;|\*|&(?=\s|$)|\$(?=[A-Za-z_({])|`/y

/** The first such place outside quotes: what stands there, and its column, from 1. */
export const firstIn = (template: string): { readonly text: string; readonly column: number } | undefined => {
  let quote: string | undefined
  for (let i = 0; i < template.length; i++) {
    const character = template[i]!
    if (character === quote) quote = undefined
    else if (character === "\\" && quote !== "'") i++
    else if (quote === undefined && (character === "'" || character === '"')) quote = character
    else if (quote === undefined) {
      syntax.lastIndex = i
      const found = syntax.exec(template)
      if (found !== null) return { text: found[0], column: i + 1 }
    }
  }
  return undefined
}
