import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SeededRandom } from "../../../../support/SeededRandom.ts"
import { describeMutation, mutations, populate, survives } from "./HostileRows.ts"
import { newFile } from "./SqliteStores.ts"

void SeededRandom
describe("a row that cannot be read", () => {
  it.effect(
    "stops nobody",
    () =>
      Effect.gen(function* () {
        const file = yield* newFile
        yield* populate(file)
        const failed: Array<string> = []
        let made = 0
        for (const mutation of mutations) {
          const exit = yield* Effect.exit(survives(file, mutation))
          if (exit._tag === "Success") made += exit.value ? 1 : 0
          else failed.push(`${describeMutation(mutation)}: ${String(exit.cause).slice(0, 400)}`)
        }
        console.log(made, mutations.length, failed.length)
        assert.deepStrictEqual(failed.slice(0, 40), [])
      }),
    600_000
  )
})
