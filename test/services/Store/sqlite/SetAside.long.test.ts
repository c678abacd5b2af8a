/** Every column of every table holds everything a column can hold; a tenth of it with `SLUICE_LONG=reduced`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { describeMutation, mutations, populate, survives } from "./HostileRows.ts"
import { newFile } from "./SqliteStores.ts"

const each = process.env["SLUICE_LONG"] === "reduced" ? 10 : 1

describe("a row that cannot be read", () => {
  it.effect(
    "stops nobody, whatever it holds",
    () =>
      Effect.gen(function* () {
        const file = yield* newFile
        yield* populate(file)
        const failed: Array<string> = []
        for (let i = 0; i < mutations.length; i += each) {
          const exit = yield* Effect.exit(survives(file, mutations[i]!))
          if (exit._tag === "Failure") failed.push(`${describeMutation(mutations[i]!)}: ${String(exit.cause)}`)
        }
        assert.deepStrictEqual(failed, [])
      }),
    1_200_000
  )
})
