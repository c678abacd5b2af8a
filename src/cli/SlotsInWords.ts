/** How many slots a worker fills, in words: which proposal decides that, and what was asked for. */
import type { SlotDecisions } from "../services/Queue/index.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

const askedText = ({ reason, slots, source }: SlotDecisions.SlotRequest): string => {
  const count = HumanNumber.count(slots)
  switch (source) {
    case "program":
      return `the program asked for ${count}`
    case "pool":
    case "scaler":
      return `the ${source} asked for ${count} (${Sanitize.line(reason)})`
    case "declared":
      return `${count} ${slots === 1 ? "is" : "are"} declared`
    case "limit":
      return `the group's limit is ${count}`
    case "default":
      return `${count} by default`
  }
}

const heldText = ({ reason, slots, source }: SlotDecisions.SlotProposal): string =>
  source === "memory"
    ? `the memory gate holds it at ${HumanNumber.count(slots)} (${Sanitize.line(reason)})`
    : `the worker's ${source} holds it at ${HumanNumber.count(slots)}`

/** `3 slots: the memory gate holds it at 3 (memory pressure is high), the scaler asked for 8 (…)`. */
export const inWords = (by: SlotDecisions.SlotProposal, asked: SlotDecisions.SlotRequest): string => {
  const slots = `${HumanNumber.count(by.slots)} ${by.slots === 1 ? "slot" : "slots"}`
  return by.slots < asked.slots ? `${slots}: ${heldText(by)}, ${askedText(asked)}` : `${slots}: ${askedText(asked)}`
}
