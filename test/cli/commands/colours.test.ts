/** Colours of commands, through the commands that print their output. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CommandLine from "../CommandLine.ts"

const paint = "printf '\\033[31m%s\\033]0;title\\007\\n' \"$0\""
const painted = (text: string) => `\x1b[31m${text}\\x1b]0;title\\x07\x1b[0m\n`

describe("colours of a command", () => {
  it.live("pass to a terminal of run, map and job logs, each line in its own", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const terminal = { terminal: true }
      const ran = yield* call(["run", "--", "sh", "-c", paint, "a"], terminal)
      assert.strictEqual(ran.stdout, painted("a"), ran.stderr)
      const logged = yield* call(["job", "logs", "last"], terminal)
      assert.strictEqual(logged.stdout, painted("a"), logged.stderr)
      const words = ["map", "-q", "-k", "--tag", "--", "sh", "-c", paint, "{}", ":::", "a", "b"]
      const mapped = yield* call(words, terminal)
      assert.strictEqual(mapped.stdout, `a\t${painted("a")}b\t${painted("b")}`, mapped.stderr)
    }).pipe(Effect.scoped)
  )

  it.live("are left out with --no-color and NO_COLOR, and reach pipes as they are", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const words = ["run", "--", "sh", "-c", paint, "a"]
      const plain = yield* call(["--no-color", ...words], { terminal: true })
      assert.strictEqual(plain.stdout, "a\\x1b]0;title\\x07\n")
      const asked = yield* call(words, { terminal: true, env: { NO_COLOR: "1" } })
      assert.strictEqual(asked.stdout, plain.stdout)
      assert.strictEqual((yield* call(words)).stdout, "\x1b[31ma\x1b]0;title\x07\n")
    }).pipe(Effect.scoped)
  )
})
