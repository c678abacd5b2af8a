/** What a terminal is sent for a text of ours: our control sequences as they act, all else made safe. */
import { SafeText } from "../../../src/services/Text/index.ts"
import { unsign } from "../../../src/cli/terminal/ControlSequence.ts"

export const shown = (text: string): string => unsign(text, SafeText.block)
