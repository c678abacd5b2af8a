import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulate } from "./Simulation.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"
const steps = Number(process.env.STEPS ?? (isReduced ? 2000 : 5000))
const firstSeed = Number(process.env.SEED ?? 1000)
const seeds = process.env.SEED === undefined ? (isReduced ? 10 : 100) : 1

describe(`the whole queue against its promises, ${seeds} seeds of ${steps} steps`, () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    it.effect(`seed ${seed}`, () => Effect.asVoid(simulate(seed, steps)), 300_000)
  }
})
