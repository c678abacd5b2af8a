/** How text of strangers is shown. */
export { oneLine } from "./policy/OneLine.ts"
export * as SafeText from "./policy/SafeText.ts"
