/** The same as `strangers.test.ts`, by processes of their own: as another user, and under an open umask. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { isRoot, otherUser } from "../support/files/Strangers.ts"
import * as CliProcess from "./CliProcess.ts"
import * as CommandLine from "./CommandLine.ts"

it.live(
  "another user than root meets the same: only what is one's own or root's is taken",
  () =>
    Effect.gen(function* () {
      if (!isRoot) return
      const folder = yield* CommandLine.temporaryFolder
      const third = 12345
      const shared = path.join(folder, "shared")
      const mine = path.join(shared, "mine")
      mkdirSync(mine, { recursive: true })
      for (const open of [folder, shared]) chmodSync(open, 0o755)
      writeFileSync(path.join(shared, "sluice.config.json"), '{ "lease": "50s" }')
      chownSync(mine, otherUser, otherUser)
      const run = (...args: ReadonlyArray<string>) =>
        CliProcess.run(mine, args, { uid: otherUser, env: { HOME: "/nowhere" } })
      const print = run("config", "print", "--json")
      // Root's folder and file, then a third user's.
      assert.include((yield* print).stdout, '"value":"50s"')
      chownSync(shared, third, third)
      assert.notInclude((yield* print).stdout, "50s")
      assert.strictEqual((yield* run("--store", "queue.db", "add", "--", "true")).code, 0)
      chownSync(path.join(mine, "queue.db"), third, third)
      const { code, stderr } = yield* run("--store", "queue.db", "job", "ls")
      assert.strictEqual(code, 4)
      assert.match(stderr, /^sluice: .*queue\.db belongs to another user \(uid 12345\); [^\n]+\n$/)
    }).pipe(Effect.scoped),
  { timeout: 120_000 }
)

it.live(
  "under an open umask nothing Sluice makes can be looked into by others",
  () =>
    Effect.gen(function* () {
      const folder = yield* CommandLine.temporaryFolder
      const under = (...args: ReadonlyArray<string>) => CliProcess.run(folder, args, { umask: "000", input: "1\n2\n" })
      assert.strictEqual((yield* under("add", "--", "true")).code, 0)
      assert.strictEqual((yield* under("worker", "-d")).code, 0)
      // A failed line keeps the record of the map.
      assert.strictEqual((yield* under("map", "false")).code, 1)
      assert.strictEqual((yield* under("profile", "mark", "a deploy")).code, 0)
      assert.strictEqual((yield* under("db", "backup", path.join(folder, "state/sluice/copy.db"))).code, 0)
      const state = path.join(folder, "state")
      const open = () =>
        readdirSync(state, { recursive: true, encoding: "utf8" })
          .filter((name) => (lstatSync(path.join(state, name)).mode & 0o077) !== 0)
          .sort()
      assert.deepStrictEqual(open(), [])
      const names = readdirSync(path.join(state, "sluice"), { recursive: true, encoding: "utf8" })
      for (const part of [
        /^queue\.db$/,
        /\.reserve$/,
        /\.wake\/\d/,
        /\.profiles\/marks/,
        /\.map$/,
        /\.log$/,
        /^workers\/\d+\.json$/,
        /^copy\.db$/
      ])
        assert.isTrue(
          names.some((name) => part.test(name)),
          `${part} of ${names.join(" ")}`
        )
      assert.strictEqual((yield* under("worker", "stop")).code, 0)
      assert.strictEqual((yield* under("db", "restore", path.join(folder, "state/sluice/copy.db"), "--yes")).code, 0)
      assert.deepStrictEqual(open(), [])
    }).pipe(Effect.scoped),
  { timeout: 120_000 }
)
