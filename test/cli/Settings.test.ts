import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "./CommandLine.ts"

/** The machine may be busy. */
const limit = { timeout: 60_000 }

const put = (file: string, content: string) => {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, content)
}

describe("settings", () => {
  it.live(
    "come from flag, environment, project, user and default, in that order",
    () =>
      Effect.gen(function* () {
        const { folder, json } = yield* CommandLine.make
        const project = path.join(folder, "project")
        const below = path.join(project, "deep", "er")
        mkdirSync(below, { recursive: true })
        put(
          path.join(folder, "config/sluice/config.json"),
          JSON.stringify({ lease: "40s", grace: "9s", pollInterval: "2s", store: "user.db" })
        )
        put(path.join(project, "sluice.config.json"), JSON.stringify({ lease: "50s", grace: "8s", store: "jobs.db" }))
        const print = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
          Effect.map(json([...args, "config", "print", "--json"], { cwd: below, env }), ([settings]) => settings)

        const settings = yield* print([], { SLUICE_LEASE: "60s" })
        assert.deepStrictEqual(settings.lease, { value: "60s", source: "SLUICE_LEASE" })
        assert.deepStrictEqual(settings.grace, { value: "8s", source: path.join(project, "sluice.config.json") })
        assert.deepStrictEqual(settings.pollInterval, {
          value: "2s",
          source: path.join(folder, "config/sluice/config.json")
        })
        assert.deepStrictEqual(settings.sweepInterval, { value: "5s", source: "default" })
        // A relative path starts where it is written down.
        assert.strictEqual(settings.store.value, path.join(project, "jobs.db"))
        assert.strictEqual((yield* print([], { SLUICE_STORE: "x.db" })).store.value, path.join(below, "x.db"))
        assert.deepStrictEqual((yield* print(["--store", "y.db"], { SLUICE_STORE: "x.db" })).store, {
          value: path.join(below, "y.db"),
          source: "--store"
        })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "say what of the caller's environment is kept in the caller's own file, never in a project's that was found",
    () =>
      Effect.gen(function* () {
        const { call, folder, json } = yield* CommandLine.make
        const project = path.join(folder, "project")
        put(path.join(folder, "config/sluice/config.json"), JSON.stringify({ env: "clean" }))
        mkdirSync(project)
        const [own] = yield* json(["config", "print", "--json"], { cwd: project })
        assert.strictEqual(own.env.value, "clean")
        put(path.join(project, "sluice.config.json"), JSON.stringify({ env: "all", store: "jobs.db" }))
        const refused = yield* call(["add", "--", "true"], { cwd: project })
        assert.strictEqual(refused.code, 2)
        assert.match(refused.stderr, /env is not for a project to say; say it with SLUICE_ENV/)
        const [named] = yield* json(["--config", "sluice.config.json", "config", "print", "--json"], { cwd: project })
        assert.strictEqual(named.env.value, "all")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "are read from a TypeScript config that is named",
    () =>
      Effect.gen(function* () {
        const { folder, json } = yield* CommandLine.make
        const file = path.join(folder, "sluice.config.ts")
        put(file, 'const lease: string = "45s"\nexport default { lease }\n')
        for (const [args, env] of [
          [["--config", "sluice.config.ts"], {}],
          [[], { SLUICE_CONFIG: file }]
        ] as const) {
          const [settings] = yield* json([...args, "config", "print", "--json"], { env })
          assert.deepStrictEqual(settings.lease, { value: "45s", source: file })
        }
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "of a project end at its root",
    () =>
      Effect.gen(function* () {
        const { folder, json } = yield* CommandLine.make
        put(path.join(folder, "sluice.config.json"), JSON.stringify({ lease: "50s" }))
        put(path.join(folder, "inner/package.json"), "{}")
        const [settings] = yield* json(["config", "print", "--json"], { cwd: path.join(folder, "inner") })
        assert.strictEqual(settings.lease.source, "default")
      }).pipe(Effect.scoped),
    limit
  )

  for (const [name, content, said] of [
    ["an unknown setting", '{"leese": "30s"}', /unknown setting "leese".*Did you mean "lease"\?/],
    ["a value that is none", '{"lease": "soon"}', /lease \(.*\): "soon" is not a duration/],
    ["a value of the wrong type", '{"lease": true}', /lease is boolean; expected text like "30s"/],
    ["broken JSON", '{"lease": ', /cannot be read/],
    ["a list", "[]", /expected an object/],
    ["a lease too short to keep", '{"lease": "10ms"}', /lease \(.*\) is 10ms; expected 1 s to 36,500 d/],
    ["a name that is no plain key", '{"__proto__": "x"}', /unknown setting "__proto__"/]
  ] as const) {
    it.live(
      `with ${name} are refused in one line, by every command`,
      () =>
        Effect.gen(function* () {
          const { call, folder } = yield* CommandLine.make
          put(path.join(folder, "sluice.config.json"), content)
          for (const args of [
            ["config", "print"],
            ["job", "ls"],
            ["add", "--", "true"]
          ]) {
            const { code, stderr } = yield* call(args)
            assert.match(stderr, said)
            assert.match(stderr, /^sluice: [^\n]+\n$/)
            assert.strictEqual(code, 2)
          }
        }).pipe(Effect.scoped),
      limit
    )
  }
})
