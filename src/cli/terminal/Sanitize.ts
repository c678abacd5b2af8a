/**
 * Text of strangers in our output (`SafeText` says what is unsafe and how it is shown), with our own styles left in it. `Output` and `Screen` see to it
 * for whatever is written; here for text that is measured or cut before.
 */
import { SafeText } from "../../services/Text/index.ts"
import * as ControlSequence from "./ControlSequence.ts"

/** `text` on one line: every control, bidirectional and invisible character visible, tabs and newlines too. */
export const line = (text: string): string => ControlSequence.mapText(text, SafeText.line)

/** `text` as block output: newlines and tabs stay, CR LF becomes a newline, every other unsafe character is visible. */
export const block = (text: string): string => ControlSequence.mapText(text, SafeText.block)

/** Serialized JSON made safe to show, still the same value. */
export const json = SafeText.json
