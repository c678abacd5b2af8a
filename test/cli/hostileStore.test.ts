/** What people look at first, on a store that an enemy prepared; `hostileStore.long.test.ts` calls every command. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import { callsOf, commands } from "../support/hostile/HostileCalls.ts"
import { callsFor, canaryIn, hostileCopy, type Look, makeStore, wrongsOf } from "../support/hostile/HostileRun.ts"
import type { Hostility } from "../support/hostile/HostileStore.ts"
import { hostileWordCalls } from "../support/hostile/HostileWords.ts"
import * as CommandLine from "./CommandLine.ts"

const looks: ReadonlyArray<Look> = ["terminal", "text", "json"]

/** Commands that show much of a store; each knows `--json`. */
const looking =
  /^(?:worker ls|job (?:ls|get|logs|explain)|queue (?:status|stats)|dlq ls|scale (?:status|explain|event ls)|alert (?:ls|history)|memory status|doctor)$/

describe("a hostile store", () => {
  for (const how of ["words", "texts"] satisfies ReadonlyArray<Hostility>) {
    it.live(`of ${how} is shown safely on a terminal, in text and as JSON`, () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const stores = yield* makeStore(cli)
        const store = hostileCopy(stores, how, cli.folder)
        const calls = callsFor(stores, cli.folder).filter(({ command }) => looking.test(command))
        assert.isAbove(calls.length, 20)
        const wrongs: Array<string> = []
        // The words begin with another look than the texts: two of the three for each call.
        for (const [i, { words }] of calls.entries())
          wrongs.push(...(yield* wrongsOf(cli, store, words, looks[(i + (how === "words" ? 1 : 0)) % looks.length]!)))
        assert.deepStrictEqual(wrongs, [])
      }).pipe(Effect.scoped)
    )
  }

  it.effect("meets every command there is: a new one is given arguments in HostileCalls", () =>
    Effect.gen(function* () {
      const known = callsOf({ job: "", failed: "", folder: "" })
      assert.deepStrictEqual((yield* commands).map(({ path }) => path).sort(), Object.keys(known).sort())
    })
  )

  it.live("is not needed: hostile words as arguments and flags are shown safely, with one line on what was wrong", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const stores = yield* makeStore(cli)
      const wrongs: Array<string> = []
      for (const [i, { words }] of (yield* hostileWordCalls(canaryIn(path.dirname(stores.file)), 1)).entries())
        wrongs.push(...(yield* wrongsOf(cli, stores.file, words, i % 2 === 0 ? "terminal" : "text")))
      assert.deepStrictEqual(wrongs, [])
    }).pipe(Effect.scoped)
  )
})
