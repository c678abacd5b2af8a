/** How many slots a worker fills, in a sentence: which proposal decides that, and what was asked for. */
import type { SlotDecisions } from "../services/Queue/index.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

const names: Readonly<Record<SlotDecisions.SlotAsker | SlotDecisions.SlotBounder, string>> = {
  program: "the program",
  pool: "the pool",
  scaler: "the scaler",
  declared: "the worker",
  limit: "the group's limit",
  default: "the default",
  total: "the worker's total",
  memory: "the memory gate"
}

type Proposal = Pick<SlotDecisions.SlotProposal, "source" | "slots" | "reason">

const said = ({ reason, source }: Proposal): string =>
  source === "limit" ? names[source] : `${names[source]} (${Sanitize.line(reason)})`

const slotsText = (slots: number): string => `${HumanNumber.count(slots)} ${slots === 1 ? "slot" : "slots"}`

/** `3 slots: the memory gate (memory pressure is high) holds it at 3, the scaler (…) asked for 8`. */
export const inWords = (by: Proposal, asked: Proposal): string =>
  by.slots < asked.slots
    ? `${slotsText(by.slots)}: ${said(by)} holds it at ${HumanNumber.count(by.slots)}, ${said(asked)} asked for ${HumanNumber.count(asked.slots)}`
    : `${slotsText(asked.slots)}: ${said(asked)} asked for it`
