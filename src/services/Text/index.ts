/** How text of strangers is shown. */
export * as SafeText from "./policy/SafeText.ts"
