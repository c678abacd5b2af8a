/** How text of strangers is shown. */
export * as EnglishNumber from "./policy/EnglishNumber.ts"
export { oneLine } from "./policy/OneLine.ts"
export * as SafeText from "./policy/SafeText.ts"
export { shellQuote, shellWord } from "./policy/ShellWord.ts"
