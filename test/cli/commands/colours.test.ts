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

describe("map --color, --color-failed and --tagstring", () => {
  const lines = (text: string) => text.split("\n").slice(0, -1)

  it.live("paint each line's output in a colour of its own, which the command's own colours interrupt", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const words = ["map", "-q", "-k", "--color", "--shell", "printf '\\033[1;31mE\\033[0m%s\\n' {}", ":::", "a", "b"]
      const { code, stdout } = yield* call(words, { terminal: true })
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(lines(stdout), [
        "\x1b[33m\x1b[1;31mE\x1b[0m\x1b[33ma\x1b[0m",
        "\x1b[34m\x1b[1;31mE\x1b[0m\x1b[34mb\x1b[0m"
      ])
      assert.strictEqual((yield* call(words)).stdout, "\x1b[1;31mE\x1b[0ma\n\x1b[1;31mE\x1b[0mb\n")
      assert.strictEqual((yield* call(["--no-color", ...words], { terminal: true })).stdout, "Ea\nEb\n")
    }).pipe(Effect.scoped)
  )

  it.live("show the output of what failed in red, all of its block", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const words = ["map", "-q", "-k", "--color-failed", "--shell", "echo x; echo y; exit {}", ":::", "0", "1"]
      const { code, stdout } = yield* call(words, { terminal: true })
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(lines(stdout), ["x", "y", "\x1b[31mx", "y\x1b[0m"])
      const refused = yield* call([...words.slice(0, 4), "--line-buffer", ...words.slice(4)])
      assert.strictEqual(refused.code, 2)
    }).pipe(Effect.scoped)
  )

  it.live("begin each line with a text of one's own, also when it is printed again", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const words = ["map", "-q", "-k", "--tagstring", "{#}:{/.}", "--shell", "echo x; echo y >&2; exit {.}", ":::"]
      const inputs = ["0.c", "1.c"]
      const first = yield* call([...words, ...inputs])
      assert.deepStrictEqual([first.stdout, first.code], ["1:0\tx\n2:1\tx\n", 1])
      const again = yield* call([...words.slice(0, 1), "--retry-failed", ...words.slice(1), ...inputs])
      assert.strictEqual(again.stdout, first.stdout)
      const fixed = yield* call(["map", "-q", "--tagstring", "job", "echo {}", ":::", "a"])
      assert.strictEqual(fixed.stdout, "job\ta\n")
      for (const text of ["{name}", "{2}", "{%}"]) {
        const refused = yield* call(["map", "--tagstring", text, "echo {}", ":::", "a"])
        assert.strictEqual(refused.code, 2, refused.stderr)
      }
    }).pipe(Effect.scoped)
  )
})
