/** A task of two modules, compared pair by pair until every figure is decided. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { PairedRegression, type Regression } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import { type FreshPair, freshPair, median } from "./FreshRuns.ts"

export interface PairsOptions extends Omit<FreshPair, "swapped"> {
  /** At most so many processes. */
  readonly runs: number
  /** No process is started after this many milliseconds. */
  readonly withinMs: number
  readonly floor: number
}

export interface ComparedFigure extends Regression.Comparison {
  readonly figure: string
  readonly beforeUs: number
  readonly afterUs: number
  readonly runs: number
}

type Pair = Effect.Success<ReturnType<typeof freshPair>>[number]

const compare = (figure: string, pairs: ReadonlyArray<Pair>, floor: number): ComparedFigure => ({
  figure,
  ...PairedRegression.comparePairs(
    pairs.map(({ ratio }) => ratio),
    { floor }
  ),
  beforeUs: median(pairs.map(({ before }) => before)),
  afterUs: median(pairs.map(({ after }) => after)),
  runs: pairs.length
})

export const comparePairs = ({ floor, runs, withinMs, ...pair }: PairsOptions) =>
  Effect.gen(function* () {
    const pairs = new Map<string, Array<Pair>>()
    const started = yield* Clock.currentTimeMillis
    let compared: ReadonlyArray<ComparedFigure> = []
    for (let run = 0; run < runs; run++) {
      if (run > 0 && (yield* Clock.currentTimeMillis) - started > withinMs) break
      for (const each of yield* freshPair({ ...pair, swapped: run % 2 === 1 }))
        pairs.set(each.figure, [...(pairs.get(each.figure) ?? []), each])
      compared = Array.from(pairs, ([figure, of]) => compare(figure, of, floor))
      if (compared.length === 0)
        return yield* fail("usage", `the two ${Sanitize.line(pair.task)} have no figure in common`)
      if (compared.every(({ verdict }) => verdict !== "undecided")) break
    }
    return compared
  })
