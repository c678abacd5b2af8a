/** Programs of `map --shell` with inputs that would run something, were any shell to parse them. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { parseShell, render } from "../../../src/cli/input/CommandTemplate.ts"
import { hostileTexts, longTexts } from "../../support/hostile/HostileText.ts"

/**
 * Where a placeholder may stand in a program: bare, in either quote, in substitutions, functions, cases, parameters,
 * redirections.
 */
const programs = [
  "echo {}",
  "echo '{}'",
  'echo "{}"',
  'echo "a {} b"',
  "echo 'a {} b' \"{}\" {}",
  "echo $(echo {})",
  'echo "$(echo {})"',
  "echo \"$(echo '{}')\"",
  'echo "$(echo "{}")"',
  "echo `echo {}`",
  'echo "`echo {}`"',
  'echo "$(echo "$(echo {})")"',
  "f() { echo {}; }; f",
  'f() { echo "$1"; }; f {}',
  "case {} in (a) echo a;; (*) echo other;; esac",
  "case x in ({}) echo a;; (*) echo other;; esac",
  "if [ {} = x ]; then echo x; fi",
  "for i in {} '{}'; do echo \"$i\"; done",
  'x={}; echo "$x"',
  "x={} sh -c 'echo \"$x\"'",
  "echo ${unset:-{}}",
  'echo "${unset:-{}}"',
  "echo {} | cat",
  "(echo {}; echo {.} {/} {//} {/.} {#}) && true || echo {}",
  "sh -c 'echo \"$1\"' sh {}",
  "echo # {}\necho {}"
]

describe("a program of --shell", () => {
  it("runs nothing that stands in an input, wherever the program uses it", { timeout: 120_000 }, () => {
    const folder = mkdtempSync(path.join(tmpdir(), "sluice-shell-"))
    try {
      const canary = path.join(folder, "canary")
      const inputs = [
        ...hostileTexts(canary),
        ...longTexts,
        `$(touch ${canary})`,
        `\`touch ${canary}\``,
        `'$(touch ${canary})'`,
        `"$(touch ${canary})"`,
        `\\$(touch ${canary})`,
        `\n touch ${canary} \n`,
        `;touch ${canary};`,
        `)touch ${canary}(`,
        `}; touch ${canary}; {`,
        `;; esac; touch ${canary}; case x in (x)`,
        `>${canary}`,
        `<(touch ${canary})`,
        `\${x:=$(touch ${canary})}`,
        `'"'"'; touch ${canary} #`,
        `&& touch ${canary}`,
        `| touch ${canary}`,
        "*",
        "-n"
      ]
      assert.strictEqual(programs.length, 26)
      for (const program of programs) {
        const template = Result.getOrThrow(parseShell(program))
        const scripts = inputs.flatMap((input, i) => {
          const rendered = render(template, { inputs: [input], sequence: i })
          // A NUL or half a character cannot be part of a command line, and is said to be so.
          return Result.isFailure(rendered) ? [] : [`(\n${rendered.success.at(-1)}\n) >/dev/null 2>&1`]
        })
        assert.isAbove(scripts.length, inputs.length - 4)
        const ended = spawnSync("sh", { input: `${scripts.join("\n")}\necho the end\n`, cwd: folder, encoding: "utf8" })
        assert.deepStrictEqual([ended.stdout, ended.stderr], ["the end\n", ""], program)
        assert.isFalse(existsSync(canary), program)
        assert.deepStrictEqual(readdirSync(folder), [], program)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
