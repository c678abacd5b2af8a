/** Every command of the command line on a store that an enemy prepared. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import { commands } from "../support/hostile/HostileCalls.ts"
import { callsFor, canaryIn, hostileCopy, makeStore, wrongsOf } from "../support/hostile/HostileRun.ts"
import { coverage, hostilities, nameOf } from "../support/hostile/HostileStore.ts"
import { hostileWordCalls } from "../support/hostile/HostileWords.ts"
import * as CommandLine from "./CommandLine.ts"

const limit = { timeout: 15 * 60_000 }

describe("a hostile store", () => {
  it.live(
    "has a hostile value in every text column there is",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const stores = yield* makeStore(cli)
        const { all, hostile } = coverage(hostileCopy(stores, "texts", cli.folder), canaryIn(cli.folder))
        assert.isAbove(all.length, 40)
        assert.deepStrictEqual(hostile, all)
      }).pipe(Effect.scoped),
    limit
  )

  for (const how of hostilities) {
    it.live(
      `of ${nameOf(how)} makes no command show it raw, run it, hang on it or end with a stack`,
      () =>
        Effect.gen(function* () {
          const cli = yield* CommandLine.make
          const stores = yield* makeStore(cli)
          const store = hostileCopy(stores, how, cli.folder)
          const json = new Set((yield* commands).flatMap(({ json, path }) => (json ? [path] : [])))
          const wrongs: Array<string> = []
          for (const { command, words } of callsFor(stores, cli.folder)) {
            // It reads as paused, and these wait for the jobs of a paused queue, saying so.
            if (nameOf(how) === 'the number "-1"' && (command === "run" || command === "map")) continue
            wrongs.push(...(yield* wrongsOf(cli, store, words, "text")))
            if (typeof how === "object") continue
            wrongs.push(...(yield* wrongsOf(cli, store, words, "terminal")))
            if (json.has(command)) wrongs.push(...(yield* wrongsOf(cli, store, words, "json")))
          }
          assert.deepStrictEqual(wrongs, [])
        }).pipe(Effect.scoped),
      limit
    )
  }

  it.live(
    "is not needed: every command with every hostile word in each place",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const stores = yield* makeStore(cli)
        const texts = process.env.SLUICE_LONG === "reduced" ? 4 : 16
        const wrongs: Array<string> = []
        for (const { words } of yield* hostileWordCalls(canaryIn(path.dirname(stores.file)), texts))
          for (const look of ["text", "terminal"] as const)
            wrongs.push(...(yield* wrongsOf(cli, stores.file, [...words, "--verbose"], look)))
        assert.deepStrictEqual(wrongs, [])
      }).pipe(Effect.scoped),
    limit
  )
})
