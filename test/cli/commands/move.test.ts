/** `job move`: waiting jobs into another group. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CommandLine from "../CommandLine.ts"

const setUp = Effect.gen(function* () {
  const cli = yield* CommandLine.make
  const add = (...flags: ReadonlyArray<string>) =>
    Effect.map(cli.call(["add", "-q", ...flags, "--", "true"]), ({ lines }) => lines[0]!)
  const groupOf = (id: string) => Effect.map(cli.json(["job", "get", id, "--json"]), ([job]) => job.group as string)
  return { ...cli, add, groupOf }
})

describe("job move", () => {
  it.effect("moves jobs by their ids, and all that wait by a filter", () =>
    Effect.gen(function* () {
      const { add, call, groupOf } = yield* setUp
      const ids = [yield* add(), yield* add("--tag", "fetch"), yield* add("--tag", "fetch", "--in", "1h")]
      const ended = yield* add("--tag", "fetch")
      yield* call(["job", "cancel", ended])
      const one = yield* call(["job", "move", ids[0]!, "--to", "network"])
      assert.deepStrictEqual([one.code, one.stdout], [0, `moved ${ids[0]}\n`])
      assert.match(
        (yield* call(["job", "move", "--tag", "fetch", "--to", "network", "--dry-run"])).stdout,
        /^would move 2 jobs$/m
      )
      assert.strictEqual((yield* call(["job", "move", "--tag", "fetch", "--to", "network"])).stdout, "moved 2 jobs\n")
      for (const id of ids) assert.strictEqual(yield* groupOf(id), "network")
      assert.strictEqual(yield* groupOf(ended), "computation")
      assert.match((yield* call(["job", "move", ids[0]!, "--to", "netwrok"])).stderr, /group netwrok is new/)
    }).pipe(Effect.scoped)
  )

  it.effect("refuses in one line what does not wait, what is no group, and what names nothing", () =>
    Effect.gen(function* () {
      const { add, call, groupOf } = yield* setUp
      const id = yield* add()
      yield* call(["job", "cancel", id])
      for (const [code, words, says] of [
        [6, [id, "--to", "network"], /is cancelled; only waiting jobs can be edited/],
        [6, ["--state", "running", "--to", "network"], /only waiting jobs can be moved, and none of them is running/],
        [2, [id, "--to", "a b"], /group/],
        [2, ["--to", "network"], /say which jobs to move/],
        [2, [id], /--to/]
      ] as const) {
        const refused = yield* call(["job", "move", ...words])
        assert.strictEqual(refused.code, code, refused.stderr)
        assert.match(refused.stderr, says)
        assert.strictEqual(refused.stderr.trimEnd().split("\n").length, 1, refused.stderr)
      }
      assert.strictEqual(yield* groupOf(id), "computation")
    }).pipe(Effect.scoped)
  )
})
