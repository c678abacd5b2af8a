import { describe, it } from "@effect/vitest"
import { everyCall, fates, lives } from "../support/queue/CrashPoints.ts"
import { onOneMemory } from "../support/queue/SharedMemory.ts"
import { onSqlite } from "../support/queue/SqliteFile.ts"

const isReduced = process.env["SLUICE_LONG"] === "reduced"

describe("a fault at each store call, on the memory store", () => {
  for (const life of lives) {
    for (const fate of fates) {
      it.effect(`${life.name} of ${life.jobs}: ${fate}`, () => everyCall(onOneMemory, life, fate), 300_000)
    }
  }
})

describe("a fault at each store call, on SQLite", () => {
  for (const life of lives) {
    // Reduced: the faults that differ most.
    for (const fate of isReduced ? (["lose", "exitAfter"] as const) : fates) {
      it.effect(
        `${life.name} of ${life.jobs}: ${fate}, the file whole at the end`,
        () => onSqlite((open) => everyCall(open, life, fate)),
        300_000
      )
    }
  }
})
