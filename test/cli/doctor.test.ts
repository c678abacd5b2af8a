/** `sluice doctor` on machines with something wrong. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { make } from "./CommandLine.ts"

interface Check {
  readonly name: string
  readonly state: "ok" | "warning" | "problem"
  readonly found: string
  readonly advice: string
}

const machine = Effect.gen(function* () {
  const { call, folder } = yield* make
  const store = path.join(folder, "queue.db")
  const env = { SLUICE_STORE: store }
  assert.strictEqual((yield* call(["add", "--", "true"], { env })).code, 0)
  const doctor = (more: Readonly<Record<string, string>> = {}) =>
    Effect.map(call(["doctor", "--json"], { env: { ...env, ...more } }), ({ code, lines }) => {
      const checks = lines.map((line) => JSON.parse(line) as Check)
      return { code, of: (name: string) => checks.find((check) => check.name === name)! }
    })
  return { folder, store, doctor }
})

describe("doctor", () => {
  it.live(
    "tells the log, the reserve and the free space of a store",
    () =>
      Effect.gen(function* () {
        const { doctor, store } = yield* machine
        const { of } = yield* doctor()
        assert.deepStrictEqual([of("wal").state, of("reserve").state], ["ok", "ok"])
        assert.match(of("reserve").found, /MB kept/)
        assert.match(of("disk").found, / free$/)
        // A reader keeps the log from being emptied.
        const reader = new DatabaseSync(store)
        reader.exec("BEGIN")
        reader.prepare("SELECT count(*) FROM job").get()
        const writer = new DatabaseSync(store)
        writer.exec("PRAGMA cache_size = 100; CREATE TABLE padding(bytes)")
        writer.exec("INSERT INTO padding VALUES (zeroblob(70000000))")
        const large = yield* doctor()
        writer.close()
        reader.close()
        assert.strictEqual(large.of("wal").state, "warning")
      }),
    30_000
  )

  it.live(
    "names a background worker that ended without being stopped, and leaves its note",
    () =>
      Effect.gen(function* () {
        const { doctor, folder } = yield* machine
        assert.strictEqual((yield* doctor()).of("background").state, "ok")
        const notes = path.join(folder, "state", "sluice", "workers")
        mkdirSync(notes, { recursive: true, mode: 0o700 })
        const note = path.join(notes, "4000000.json")
        writeFileSync(note, JSON.stringify({ pid: 4_000_000, start: "1", store: "", log: "" }))
        for (const time of ["first", "second"]) {
          const check = (yield* doctor()).of("background")
          assert.strictEqual(check.state, "warning", time)
          assert.include(check.found, note, time)
        }
      }),
    30_000
  )

  it.live(
    "is a problem when there is no folder for temporary files",
    () =>
      Effect.gen(function* () {
        const { doctor, folder } = yield* machine
        const TMPDIR = path.join(folder, "nowhere")
        const { code, of } = yield* doctor({ TMPDIR })
        assert.strictEqual(code, 1)
        assert.strictEqual(of("TMPDIR").state, "problem")
        assert.include(of("TMPDIR").found, TMPDIR)
      }),
    30_000
  )
})
