/** Words as a POSIX shell takes them. */

const plain = /^[\w@%+=:,./-]+$/

/** The text as one word, in quotes whatever it holds. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** The same, in quotes only where it needs them. */
export const shellWord = (text: string): string => (plain.test(text) ? text : shellQuote(text))
