/**
 * A run of the benchmark: every variant once per round, each time in a fresh process, neighbours changing their order.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import type { BenchResult, FigureResult } from "./BenchResult.ts"
import { measureFresh } from "./FreshProcess.ts"
import { machine } from "./Machine.ts"
import { spread } from "./Measuring.ts"
import type { Figure, Figures, Target, Variant } from "./Variant.ts"
import { selected } from "./Variants.ts"

export interface BenchOptions {
  readonly quick: boolean
  readonly rounds: number
  /** Families, as `sqlite/drain`; empty: all. */
  readonly only: ReadonlyArray<string>
  /** Where stores are made for the time of the run; default the system's temporary folder. */
  readonly folder?: string
  /** Called before each measurement, with its place in the run. */
  readonly onMeasure?: (variant: Variant, at: number, of: number) => Effect.Effect<void>
}

const runFolder = (parent: string) =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(parent, "sluice-bench-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

/** Four significant digits: more would pretend. */
const rounded = (value: number): number => Number(value.toPrecision(4))

const summary = (values: ReadonlyArray<number>) => {
  const { max, median, min, q1, q3 } = spread(values)
  return {
    median: rounded(median),
    min: rounded(min),
    max: rounded(max),
    q1: rounded(q1),
    q3: rounded(q3),
    values: values.map(rounded)
  }
}

const judged = (target: Target, value: number) => {
  const margin = target.atLeast === undefined ? 1 - value / target.atMost! : value / target.atLeast - 1
  return { ...target, met: margin >= 0, margin: rounded(margin) }
}

const figureResult = (
  variant: string,
  key: string,
  figure: Figure,
  rounds: ReadonlyMap<string, ReadonlyArray<Figures | undefined>>
): FigureResult | undefined => {
  const own = (rounds.get(variant) ?? []).map((figures) => figures?.[key])
  const values = own.filter((value) => value !== undefined)
  if (values.length === 0) return undefined
  const { against, detail = false, label, target, unit } = figure
  const divisors = against === undefined ? [] : (rounds.get(against) ?? []).map((figures) => figures?.[key])
  const ratios = own.flatMap((value, round) => {
    const divisor = divisors[round]
    return value === undefined || divisor === undefined ? [] : [value / divisor]
  })
  const ratio = ratios.length === 0 ? undefined : summary(ratios)
  const judge = target?.of === "ratio" ? ratio?.median : spread(values).median
  return {
    variant,
    key,
    label,
    unit,
    detail,
    ...summary(values),
    ...(ratio !== undefined && { ratio: { against: against!, ...ratio } }),
    ...(target !== undefined && judge !== undefined && { target: judged(target, judge) })
  }
}

export const run = (options: BenchOptions): Effect.Effect<BenchResult> =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const variants = selected(options.only)
    const folder = yield* runFolder(options.folder ?? os.tmpdir())
    const scale = { quick: options.quick, folder }
    const figures = new Map<string, Array<Figures | undefined>>(variants.map(({ name }) => [name, []]))
    const failures: Array<BenchResult["failures"][number]> = []
    const load = [os.loadavg()[0]!]
    let done = 0
    for (let round = 0; round < options.rounds; round++) {
      for (const variant of round % 2 === 0 ? variants : variants.toReversed()) {
        if (options.onMeasure !== undefined) {
          yield* options.onMeasure(variant, ++done, variants.length * options.rounds)
        }
        const measured = yield* measureFresh(variant, scale).pipe(
          Effect.catch(({ message }) =>
            Effect.sync(() => {
              failures.push({ variant: variant.name, round, message })
              return undefined
            })
          )
        )
        figures.get(variant.name)!.push(measured)
      }
      load.push(os.loadavg()[0]!)
    }
    return {
      format: 1 as const,
      startedAt: new Date(startedAt).toISOString(),
      seconds: Math.round(((yield* Clock.currentTimeMillis) - startedAt) / 1000),
      quick: options.quick,
      rounds: options.rounds,
      only: options.only,
      machine: yield* machine(folder),
      load: load.map(rounded),
      figures: variants.flatMap(({ figures: declared, name }) =>
        Object.entries(declared).flatMap(([key, figure]) => figureResult(name, key, figure, figures) ?? [])
      ),
      failures
    }
  }).pipe(Effect.scoped)
