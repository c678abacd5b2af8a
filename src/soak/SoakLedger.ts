/** The ledger of a soak read back: which of the jobs it follows ran, how often, and what of that must not be. */
import * as OwnFile from "../files/OwnFile.ts"
import { sampledOneIn, type SoakPlan } from "./SoakPlan.ts"
import type { SoakLine } from "./SoakSamples.ts"
import { failingAlways } from "./SoakWorkload.ts"

export interface LedgerCheck {
  /** One job in so many is followed. */
  readonly oneIn: number
  /** Followed jobs that were acknowledged. */
  readonly followed: number
  /** Of them: never ran to their end. */
  readonly lost: number
  /** Runs to the end beyond the first. */
  readonly repeated: number
  /** The same attempt of a job written twice, or a job that was never sent. */
  readonly impossible: number
}

interface PartTally {
  readonly from: number
  /** Jobs below were acknowledged, jobs from `sent` on not sent as far as is known. */
  low: number
  sent: number
  ended: boolean
  readonly runs: Map<number, Set<string>>
}

const tallies = (lines: ReadonlyArray<SoakLine>): Map<number, PartTally> => {
  const parts = new Map<number, PartTally>()
  for (const line of lines) {
    if (line.type === "part")
      parts.set(line.part, { from: line.from, low: line.from, sent: line.from, ended: false, runs: new Map() })
    const part = parts.get(line.part)
    if (part === undefined) continue
    if (line.type === "produced") Object.assign(part, { low: line.low, sent: line.sent })
    if (line.type === "end") part.ended = true
  }
  return parts
}

/** `text` has a line per ended attempt: part, number, attempt, outcome. A last line cut off by a kill is left out. */
export const checkLedger = (plan: SoakPlan, lines: ReadonlyArray<SoakLine>, text: string): LedgerCheck => {
  const oneIn = sampledOneIn(plan)
  const parts = tallies(lines)
  let impossible = 0
  let repeated = 0
  const written = text.slice(0, text.lastIndexOf("\n") + 1).split("\n")
  for (const line of written) {
    if (line === "") continue
    const [part, index, attempt, outcome] = line.split(" ")
    const tally = parts.get(Number(part))
    const number = Number(index)
    // A part that did not end in order sent more than it could say.
    if (tally === undefined || number < tally.from || (tally.ended && number >= plan.jobs)) {
      impossible++
      continue
    }
    const run = `${attempt} ${outcome}`
    const runs = tally.runs.get(number)
    if (runs === undefined) {
      tally.runs.set(number, new Set([run]))
      continue
    }
    if (runs.has(run)) impossible++
    else if (outcome === "ok" && [...runs].some((earlier) => earlier.endsWith("ok"))) repeated++
    runs.add(run)
  }
  let followed = 0
  let lost = 0
  for (const { from, low, runs } of parts.values()) {
    for (let number = Math.ceil(from / oneIn) * oneIn; number < low; number += oneIn) {
      followed++
      const buried = number % failingAlways === failingAlways - 1
      const outcomes = runs.get(number)
      const isDone =
        outcomes !== undefined &&
        (buried ? outcomes.size >= 4 : [...outcomes].some((outcome) => outcome.endsWith("ok")))
      if (!isDone) lost++
    }
  }
  return { oneIn, followed, lost, repeated, impossible }
}

export const readLedger = (file: string): string => {
  try {
    return OwnFile.readText(file) ?? ""
  } catch {
    return ""
  }
}
