import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { everyCall, lives } from "../support/queue/CrashPoints.ts"
import { onSqlite } from "../support/queue/SqliteFile.ts"
import { onOneMemory } from "../support/queue/SharedMemory.ts"

// What differs most; every fault, and the other lives on SQLite: `crash-points.long.test.ts`.
const fates = ["lose", "exitAfter"] as const

describe("a fault at each store call, on the memory store", () => {
  for (const life of lives) {
    for (const fate of fates) {
      it.effect(
        `${life.name} of ${life.jobs}: ${fate}`,
        () =>
          Effect.gen(function* () {
            const calls = yield* everyCall(onOneMemory, life, fate)
            assert.isAtLeast(calls, 5)
          }),
        60_000
      )
    }
  }
})

describe("a fault at each store call, on SQLite", () => {
  for (const fate of fates) {
    it.effect(
      `success of 1: ${fate}, the file whole at the end`,
      () => onSqlite((open) => everyCall(open, lives[0]!, fate)),
      60_000
    )
  }
})
