/**
 * A SQLite file that simulated processes open, each with a connection of its own, and that is checked when the test is
 * over.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Sluice } from "../../../src/services/Queue/index.ts"
import type { OpenStore } from "./CrashPoints.ts"
import { store as wholeStore } from "../../../src/services/Store/Store.ts"

export interface SqliteFile {
  /** A connection that lasts as long as the scope. */
  readonly open: OpenStore
  /** Checks the file, once all connections are closed, and removes it. */
  readonly close: Effect.Effect<void>
}

export const makeSqliteFile = (): SqliteFile => {
  const folder = mkdtempSync(path.join(tmpdir(), "sluice-crash-"))
  const file = path.join(folder, "jobs.db")
  return {
    open: Effect.gen(function* () {
      const layer = Sluice.layerSqlite({ path: file, thread: false })
      return yield* Effect.provide(wholeStore, yield* Layer.buildWithScope(layer, yield* Effect.scope))
    }),
    close: Effect.sync(() => {
      const database = new DatabaseSync(file)
      const answer = database.prepare("PRAGMA integrity_check").all()
      database.close()
      rmSync(folder, { recursive: true })
      assert.deepStrictEqual(
        answer.map((row) => Object.values(row)),
        [["ok"]]
      )
    })
  }
}

/** Runs on a file of its own, checked at the end; a handful of calls at least must have met their fault. */
export const onSqlite = <E, R>(run: (open: () => OpenStore) => Effect.Effect<number, E, R>) =>
  Effect.gen(function* () {
    const file = makeSqliteFile()
    yield* Effect.addFinalizer(() => file.close)
    const calls = yield* run(() => file.open)
    assert.isAtLeast(calls, 5)
  })
