import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CommandLine from "../CommandLine.ts"

/** The machine may be busy. */
const limit = { timeout: 60_000 }

describe("sluice queue limit", () => {
  it.live(
    "sets, lists and removes what limits a group, its keys and its tiers; jobs that wait say so and hold nobody up",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const set = (...args: ReadonlyArray<string>) =>
          Effect.map(cli.call(["queue", "limit", "set", "network", ...args]), ({ code, stderr, stdout }) => {
            assert.deepStrictEqual([code, stderr], [0, ""])
            return stdout.trim()
          })
        const listed = Effect.map(cli.json(["queue", "limit", "ls", "network", "--json"]), (rows) =>
          rows.map(({ held, name, of, policy, waiting }) => ({ of, name, at: policy.concurrency, held, waiting }))
        )
        assert.strictEqual(
          yield* set("--keys", "*", "--concurrency", "2", "--rate", "100/s"),
          'group network, each key that fits "*": 2 at a time, 100/s'
        )
        assert.strictEqual(
          yield* set("--rate", "50/s", "--burst", "10", "--fair"),
          "group network, its jobs together: 50/s (burst 10), fair shares"
        )
        assert.strictEqual(yield* set("--tier", "pro", "--weight", "4"), "group network, tier pro: weight 4")
        assert.strictEqual(
          yield* set("--keys", "pro-*", "--tier", "pro"),
          'group network, each key that fits "pro-*": as tier pro'
        )
        assert.match(yield* set("--keys", "*", "--rate", "none"), /"\*": 2 at a time$/)
        assert.match(
          yield* set("--key", "acme", "--concurrency", "1"),
          /key "acme": 1 at a time; 0 running, 0 waiting$/
        )
        assert.match(yield* set("--keys", "new", "--concurrency", "9", "--dry-run"), /^would set/)

        for (const key of ["acme", "acme", "acme", "zeta"])
          yield* cli.call(["add", "-g", "network", "--key-of", key, "--", "true"])
        assert.deepStrictEqual(yield* listed, [
          { of: "group", name: null, at: null, held: 0, waiting: null },
          { of: "tier", name: "pro", at: null, held: null, waiting: null },
          { of: "pattern", name: "pro-*", at: null, held: null, waiting: null },
          { of: "pattern", name: "*", at: 2, held: null, waiting: null },
          { of: "key", name: "acme", at: 1, held: 1, waiting: 2 },
          { of: "key", name: "zeta", at: 2, held: 1, waiting: 0 }
        ])
        assert.match((yield* cli.call(["queue", "limit", "ls"])).stdout, /^network +key +acme +1 at a time +1 +2 /m)
        const [waiting] = yield* cli.json(["job", "ls", "--state", "scheduled", "--json", "--limit", "1"])
        assert.deepInclude(waiting, { state: "scheduled", waitReason: "limit" })

        assert.strictEqual((yield* cli.call(["queue", "pause", "network", "--key", "zeta"])).code, 0)
        yield* cli.call(["worker", "--once", "-q"])
        const after = yield* cli.json(["job", "ls", "--json"])
        assert.deepStrictEqual(
          after.map(({ state }) => state),
          ["scheduled", "completed", "completed", "completed"]
        )
        assert.strictEqual((yield* cli.call(["queue", "resume", "network", "--key", "zeta"])).code, 0)
        yield* cli.call(["worker", "--once", "-q"])
        assert.deepInclude((yield* cli.json(["job", "ls", "--json"]))[0], { state: "completed" })

        assert.strictEqual((yield* cli.call(["queue", "limit", "rm", "network", "--tier", "pro"])).code, 6)
        assert.strictEqual((yield* cli.call(["queue", "limit", "rm", "network", "--keys", "pro-*"])).code, 0)
        assert.strictEqual((yield* cli.call(["queue", "limit", "rm", "network", "--tier", "pro"])).code, 0)
        assert.strictEqual((yield* cli.call(["queue", "limit", "rm", "network", "--key", "acme"])).code, 0)
        assert.strictEqual((yield* cli.call(["queue", "limit", "rm", "network"])).code, 0)
        assert.deepStrictEqual(yield* listed, [{ of: "group", name: null, at: null, held: 0, waiting: null }])
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "refuses what says nothing or is none, in one line",
    () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        for (const [args, code, said] of [
          [["set", "network"], 2, /nothing to set; give --concurrency/],
          [["set", "network", "--concurrency", "3"], 2, /--concurrency says nothing of a group as a whole/],
          [["set", "network", "--keys", "*", "--fair"], 2, /--fair says nothing of keys/],
          [["set", "network", "--keys", "*", "--rate", "0/s"], 2, /more than 0; to let nothing start, pause/],
          [["set", "network", "--keys", "*", "--rate", "-5/s"], 2, /write it like 5\/s/],
          [["set", "network", "--keys", "*", "--weight", "0"], 2, /a number above 0/],
          [["set", "network", "--keys", "*", "--conflict", "kill"], 2, /queue, cancel-newest, cancel-running or none/],
          [["set", "network", "--keys", "*", "--burst", "3"], 2, /--burst goes with a rate/],
          [["set", "network", "--keys", "*", "--tier", "gold"], 2, /tier of keys "\*" is "gold"/],
          [["set", "network", "--key", "a", "--keys", "*", "--weight", "2"], 2, /--key names one key/],
          [["set", "a b", "--rate", "5/s"], 2, /letters, digits and/],
          [["rm", "network", "--keys", "x"], 3, /no limit of keys "x"; there is none/],
          [["rm", "netwrok"], 3, /Did you mean "network"\?/]
        ] as const) {
          const refused = yield* cli.call(["queue", "limit", ...args])
          assert.deepStrictEqual([refused.code, refused.stdout], [code, ""], `${args.join(" ")}: ${refused.stderr}`)
          assert.match(refused.stderr, said)
          assert.lengthOf(refused.stderr.trim().split("\n"), 1)
        }
        assert.match((yield* cli.call(["queue", "pause", "--key", "x"])).stderr, /--key is one of a group; name it/)
      }).pipe(Effect.scoped),
    limit
  )
})
