/** What people look at first, on a store that an enemy prepared; `hostileStore.long.test.ts` calls every command. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
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
        for (const [i, { words }] of calls.entries())
          for (const look of how === "words" ? looks : [looks[i % looks.length]!])
            wrongs.push(...(yield* wrongsOf(cli, store, words, look)))
        assert.deepStrictEqual(wrongs, [])
      }).pipe(Effect.scoped)
    )
  }

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
