import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { choose, type EnvironmentChoice, parseChoice } from "../../src/cli/KeptEnvironment.ts"
import * as CommandLine from "./CommandLine.ts"

const choice = (text: string): EnvironmentChoice => Result.getOrThrow(parseChoice(text))

const env = {
  PATH: "/bin",
  LC_TIME: "de_DE",
  EDITOR: "vi",
  NODE_ENV: "test",
  GITHUB_TOKEN: "hush",
  PGPASSWORD: "hush",
  SLUICE_GRACE: "1m",
  SLUICE_ALERT_WEBHOOK_SECRET: "hush",
  UNSET: undefined
}

const names = (setting: string, flags: { readonly env?: ReadonlyArray<string>; readonly cleanEnv?: boolean } = {}) =>
  Effect.map(choose(env, choice(setting), { env: [], cleanEnv: false, ...flags }), ({ recorded, withheld }) => [
    Object.keys(recorded).sort().join(" "),
    Object.keys(withheld).sort().join(" ")
  ])

describe("what is kept of an environment", () => {
  for (const [setting, flags, recorded, withheld] of [
    ["no-secrets", {}, "EDITOR LC_TIME NODE_ENV PATH SLUICE_GRACE", "GITHUB_TOKEN PGPASSWORD"],
    ["all", {}, "EDITOR GITHUB_TOKEN LC_TIME NODE_ENV PATH PGPASSWORD SLUICE_GRACE", ""],
    ["clean", {}, "LC_TIME PATH", ""],
    ["clean, NODE_* PGPASSWORD", {}, "LC_TIME NODE_ENV PATH PGPASSWORD", ""],
    ["GITHUB_*", {}, "EDITOR GITHUB_TOKEN LC_TIME NODE_ENV PATH SLUICE_GRACE", "PGPASSWORD"],
    ["all", { cleanEnv: true }, "LC_TIME PATH", ""],
    ["clean EDITOR", { cleanEnv: true, env: ["NODE_ENV,PGPASSWORD"] }, "LC_TIME NODE_ENV PATH PGPASSWORD", ""],
    ["no-secrets", { env: ["PGPASSWORD"] }, "EDITOR LC_TIME NODE_ENV PATH PGPASSWORD SLUICE_GRACE", "GITHUB_TOKEN"],
    ["clean", { env: ["A=b,c=d", "B="] }, "A B LC_TIME PATH", ""],
    ["no-secrets", { env: ["SLUICE_*", "*"] }, "EDITOR GITHUB_TOKEN LC_TIME NODE_ENV PATH PGPASSWORD SLUICE_GRACE", ""],
    ["no-secrets", { env: ["GITHUB_TOKEN=x"] }, "EDITOR GITHUB_TOKEN LC_TIME NODE_ENV PATH SLUICE_GRACE", "PGPASSWORD"]
  ] as const) {
    it.effect(`under ${setting}${Object.keys(flags).length === 0 ? "" : ` ${JSON.stringify(flags)}`}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* names(setting, flags), [recorded, withheld])
      })
    )
  }

  it.effect("is as given where a value is given, to its end", () =>
    Effect.gen(function* () {
      const kept = yield* choose(env, choice("clean"), { env: ["A=b,c=d", "EDITOR=ed"], cleanEnv: false })
      assert.deepInclude(kept.recorded, { A: "b,c=d", EDITOR: "ed" })
    })
  )

  it.effect("cannot be a name that is none, one that is not set, or a secret of Sluice itself", () =>
    Effect.gen(function* () {
      for (const [text, said] of [
        ["", /expected NAME/],
        ["=x", /expected NAME/],
        ["A B", /expected NAME/],
        ["A*=x", /expected NAME/],
        ["A**", /expected NAME/],
        ["PATH,,EDITOR", /expected NAME/],
        ["NPM_TOKEN", /--env NPM_TOKEN is not set here/],
        ["UNSET", /--env UNSET is not set here/],
        ["SLUICE_ALERT_WEBHOOK_SECRET", /is a secret of Sluice itself/],
        ["SLUICE_TOKEN=x", /is a secret of Sluice itself/],
        ["SLUICE_STORE=postgres://a:b@c/d", /is a secret of Sluice itself/]
      ] as const) {
        const failure = yield* Effect.flip(choose(env, choice("all"), { env: [text], cleanEnv: false }))
        assert.match(failure.message, said, text)
      }
      for (const text of ["", " ", "all clean", "A=b", "*A", "A*B"])
        assert.isTrue(Result.isFailure(parseChoice(text)), text)
    })
  )
})

describe("a command's environment", () => {
  const limit = { timeout: 60_000 }
  const secrets = {
    GITHUB_TOKEN: "CANARY-github",
    DATABASE_URL: "postgres://app:CANARY-url@db/app",
    SLUICE_ALERT_WEBHOOK_SECRET: "CANARY-own-secret",
    SLUICE_ALERT_WEBHOOKS: "https://hooks.example.com/CANARY-own-address",
    WITNESS: "there"
  }
  /** The store's file and what lies beside it, as bytes. */
  const atRest = (cli: CommandLine.CommandLine) => {
    const folder = path.join(cli.folder, "state/sluice")
    return readdirSync(folder)
      .filter((name) => name.startsWith("queue.db"))
      .map((name) => readFileSync(path.join(folder, name), "latin1"))
      .join("")
  }

  it.live(
    "rests with an added job without what looks like a secret, which is said, and named variables are kept",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const added = yield* cli.call(["add", "--", "env"], { env: secrets })
        assert.strictEqual(added.code, 0)
        assert.include(
          added.stderr,
          "not kept with the job, since they look like secrets: GITHUB_TOKEN, DATABASE_URL; --env NAME keeps one"
        )
        assert.include(atRest(cli), "WITNESS")
        assert.notInclude(atRest(cli), "CANARY")
        const quiet = yield* cli.call(["add", "-q", "--clean-env", "--", "env"], { env: secrets })
        assert.strictEqual(quiet.stderr, "")
        yield* cli.call(["add", "--env", "GITHUB_TOKEN", "--", "env"], { env: secrets })
        assert.include(atRest(cli), "CANARY-github")
        yield* cli.call(["add", "--", "env"], { env: { ...secrets, SLUICE_ENV: "all" } })
        assert.include(atRest(cli), "CANARY-url")
        assert.notInclude(atRest(cli), "CANARY-own")
        const wrong = yield* cli.call(["add", "--", "env"], { env: { SLUICE_ENV: "everything=1" } })
        assert.strictEqual(wrong.code, 2)
        assert.match(wrong.stderr, /env \(SLUICE_ENV\): "everything=1" is no name; expected no-secrets, all, clean/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "reaches one that is run or mapped whole, and what looks like a secret does not rest in the store",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        for (const words of [
          ["run", "--", "env"],
          ["map", "sh -c env {}", ":::", "a"]
        ]) {
          const { code, stderr, stdout } = yield* cli.call(words, { env: secrets })
          assert.strictEqual(code, 0, stderr)
          for (const line of ["GITHUB_TOKEN=CANARY-github", "WITNESS=there"]) assert.include(stdout, line)
          assert.notInclude(stdout, "CANARY-own")
          assert.notInclude(stderr, "look like secrets")
        }
        // Their output is kept: it is what the command said. Their environment is not.
        const clean = yield* cli.call(["run", "--clean-env", "--env", "A=1", "--", "env"], { env: secrets })
        assert.include(clean.stdout, "A=1")
        assert.notInclude(clean.stdout, "WITNESS")
        const silent = yield* CommandLine.make
        yield* silent.call(["run", "--", "sh", "-c", "test $GITHUB_TOKEN"], { env: secrets })
        yield* silent.call(["map", "true", ":::", "a"], { env: secrets })
        assert.include(atRest(silent), "WITNESS")
        assert.notInclude(atRest(silent), "CANARY")
      }).pipe(Effect.scoped),
    limit
  )
})
