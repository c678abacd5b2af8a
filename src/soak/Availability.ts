/** In which part of the time the queue answered: from what was asked each second. */
import type { Answers, SoakLine } from "./SoakSamples.ts"

export interface Availability {
  /** Seconds that were asked about. */
  readonly seconds: number
  readonly enqueue: Answering
  readonly claim: Answering
}

export interface Answering {
  /** The share of seconds with an answer in time, 0 to 1. */
  readonly share: number
  /** The most seconds one after another without. */
  readonly longestGap: number
  /** The longest time to an answer, in milliseconds. */
  readonly longestMs: number
}

/** The longest run of neighbours. */
const longestRun = (seconds: ReadonlyArray<number>): number => {
  let longest = 0
  let run = 0
  let before: number | undefined
  for (const second of seconds.toSorted((a, b) => a - b)) {
    run = second === (before ?? Number.NaN) + 1 ? run + 1 : 1
    longest = Math.max(longest, run)
    before = second
  }
  return longest
}

/** Undefined: nothing was asked. Time between parts is no time at work: nobody asks then. */
export const availabilityOf = (lines: ReadonlyArray<SoakLine>): Availability | undefined => {
  const probes = lines.filter((line) => line.type === "probes")
  const seconds = probes.reduce((sum, { asked }) => sum + asked, 0)
  if (seconds === 0) return undefined
  const parts = [...Map.groupBy(probes, ({ part }) => part).values()].map((ofPart) => ({
    enqueue: ofPart.map(({ enqueue }) => enqueue),
    claim: ofPart.map(({ claim }) => claim)
  }))
  const answering = (kind: "enqueue" | "claim"): Answering => {
    const all: ReadonlyArray<ReadonlyArray<Answers>> = parts.map((part) => part[kind])
    const missed = all.map((answers) => answers.flatMap(({ missed }) => missed))
    return {
      share: 1 - missed.flat().length / seconds,
      longestGap: Math.max(...missed.map(longestRun)),
      longestMs: Math.max(...all.flat().map(({ longestMs }) => longestMs))
    }
  }
  return { seconds, enqueue: answering("enqueue"), claim: answering("claim") }
}
