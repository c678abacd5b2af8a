import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spell, start } from "../../src/cli/Hint.ts"
import * as CommandLine from "./CommandLine.ts"

const npm = { npm_lifecycle_event: "start", npm_package_name: "sluice", npm_package_json: "/src/it's/package.json" }

describe("hints", () => {
  it("are npm's in a checkout that was started with it, by name otherwise", () => {
    assert.strictEqual(start({ env: {}, cwd: "/src/it's" }), "sluice")
    assert.strictEqual(start({ env: { ...npm, npm_lifecycle_event: "test" }, cwd: "/src/it's" }), "sluice")
    assert.strictEqual(start({ env: npm, cwd: "/src/it's/docs" }), "npm start --")
    assert.strictEqual(start({ env: npm, cwd: "/home" }), "npm --prefix '/src/it'\\''s' start --")
  })

  it("spell every command in a text, and nothing else that is named like one", () => {
    const spelled = (text: string) => spell(text, { env: npm, cwd: "/src/it's" })
    assert.strictEqual(
      spelled("sluice job ls, then sluice job explain ID"),
      "npm start -- job ls, then npm start -- job explain ID"
    )
    for (const text of ["sluice: no job", "/opt/sluice db", "a sluice gate"]) assert.strictEqual(spelled(text), text)
  })

  it.live(
    "reach the caller from notes, failures and checks",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const env = { ...npm, npm_package_json: `${folder}/package.json`, SLUICE_STORE: `${folder}/queue.db` }
        const added = yield* call(["add", "--", "true"], { env })
        assert.include(added.stderr, "npm start -- worker -d")
        assert.include((yield* call(["worker", "ls", "--nonsense"], { env })).stderr, "npm start -- worker ls --help")
        assert.match((yield* call(["doctor"], { env })).stdout, /: npm start -- worker -d$/m)
        const explained = yield* call(["job", "explain", added.stdout.trim()], { env })
        assert.include(explained.stdout, "npm start -- worker -d")
        assert.include((yield* call(["db", "sql", "VACUUM INTO 'x'"], { env })).stderr, "npm start -- db copy FILE")
      }),
    30_000
  )
})
