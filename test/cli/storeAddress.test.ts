/** A store's address may hold a password: no door of the command line repeats it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "./CommandLine.ts"

const address = "postgres://ada:hush-hush@db.example/jobs?password=hush-hush"

const calls: ReadonlyArray<ReadonlyArray<string>> = [
  ["config", "print", "--sources"],
  ["config", "print", "--json"],
  ["job", "ls"],
  ["job", "ls", "--json"],
  ["queue", "status", "--json"],
  ["queue", "du"],
  ["add", "true"],
  ["add", "--start", "true"],
  ["run", "--", "true"],
  ["map", "true", ":::", "1"],
  ["worker", "--once"],
  ["doctor"],
  ["db", "doctor"],
  ["scale", "status"],
  ["alert", "ls"]
]

describe("a store whose address holds a password", () => {
  for (const given of ["a flag", "the environment", "the project's config"] as const) {
    it.live(`is named by ${given}, and the password is in nothing that is said`, () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        if (given === "the project's config")
          writeFileSync(path.join(cli.folder, "sluice.config.json"), JSON.stringify({ store: address }), {
            mode: 0o600
          })
        for (const args of calls) {
          const called = yield* given === "a flag"
            ? cli.call([...args.slice(0, 1), "--store", address, ...args.slice(1)])
            : cli.call(args, {
                cwd: cli.folder,
                ...(given === "the environment" ? { env: { SLUICE_STORE: address } } : {})
              })
          assert.notInclude(called.stdout + called.stderr, "hush", args.join(" "))
        }
      }).pipe(Effect.scoped)
    )
  }
})
