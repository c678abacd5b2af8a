import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { spawnSync } from "node:child_process"
import * as CommandTemplate from "../../src/cli/input/CommandTemplate.ts"
import { shownProgram } from "../../src/api/ShownProgram.ts"

const rendered = (template: string, inputs: ReadonlyArray<string>): string =>
  Result.getOrThrow(
    Result.flatMap(CommandTemplate.parseShell(template), (parsed) =>
      CommandTemplate.render(parsed, { inputs, sequence: 7, slot: 1, total: 9, field: (name) => `<${name}>` })
    )
  )[2]!

const inputs = [
  "20",
  "a/b c.tar.gz",
  "it's",
  "",
  '"q"',
  "$HOME",
  "`id`",
  "back\\slash",
  "new\nline",
  "-n",
  "'; echo x; '",
  "sluice_input='1'; ",
  "${sluice_input}"
]

describe("the program of a shell template, as it is shown", () => {
  it("has the input in its place", () => {
    assert.strictEqual(shownProgram(rendered("sleep 0.2; echo {}", ["20"])), "sleep 0.2; echo 20")
    assert.strictEqual(
      shownProgram(rendered("sort -- {} | uniq -c > {.}.counts", ["a b.txt"])),
      "sort -- 'a b.txt' | uniq -c > 'a b'.counts"
    )
    assert.strictEqual(shownProgram(rendered('echo "got {} in {//}"', ['x/"y"'])), 'echo "got x/\\"y\\" in x"')
    assert.strictEqual(shownProgram(rendered("echo {1} {2/} {#} {##}", ["a", "b/c"])), "echo a c 7 9")
    assert.strictEqual(shownProgram(rendered("true", ["a"])), "true a")
  })

  it("means the same to a shell, whatever the input holds", () => {
    for (const template of [
      "printf '[%s]' {}",
      "printf '[%s]' \"{}\"",
      'printf "[%s]" "a {} b"{}',
      "printf '[%s]' {/} x{.}y"
    ]) {
      for (const input of inputs) {
        const program = rendered(template, [input])
        const [means, says] = [program, shownProgram(program)].map(
          (text) => spawnSync("sh", ["-c", text], { encoding: "utf8" }).stdout
        )
        assert.strictEqual(says, means, `${template} of ${JSON.stringify(input)}`)
      }
    }
  })

  it("is any other program as it is", () => {
    for (const program of ["echo ${sluice_input}", "sluice_input='open", "sluice_input='x' echo", "", "x='1'; echo $x"])
      assert.strictEqual(shownProgram(program), program)
  })
})
