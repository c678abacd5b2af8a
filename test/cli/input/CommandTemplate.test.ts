import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"
import { execFileSync } from "node:child_process"
import { shellQuote } from "../../../src/services/Text/index.ts"
import * as CommandTemplate from "../../../src/cli/input/CommandTemplate.ts"

const render = (template: string, input: string, sequence = 1): ReadonlyArray<string> =>
  Result.getOrThrow(
    Result.flatMap(CommandTemplate.parse(template), (parsed) =>
      CommandTemplate.render(parsed, { inputs: [input], sequence })
    )
  )

const shell = (text: string, input: string, sequence = 1): ReadonlyArray<string> =>
  Result.getOrThrow(
    Result.flatMap(CommandTemplate.parseShell(text), (parsed) =>
      CommandTemplate.render(parsed, { inputs: [input], sequence })
    )
  )

const run = (command: ReadonlyArray<string>): string =>
  execFileSync(command[0]!, command.slice(1), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })

const reasonOf = (parsed: Result.Result<unknown, CommandTemplate.CommandTemplateError>) =>
  Result.isFailure(parsed) ? [parsed.failure.reason, parsed.failure.column] : "parsed"

// Text a shell, a splitter or a template engine could trip over, mixed with whatever the generator comes up with.
const nasty = Schema.Literals([
  " ",
  "\t",
  "\n",
  "\r",
  "'",
  '"',
  "\\",
  "`",
  "$",
  "$(touch /tmp/pwned)",
  "`id`",
  "${IFS}",
  ";",
  "&&",
  "|",
  ">",
  "*",
  "?",
  "~",
  "#",
  "!",
  "-",
  "--help",
  "{}",
  "{.}",
  "{/}",
  "{//}",
  "{#}",
  "é",
  "日本",
  "👩‍👩‍👧",
  "\u202e",
  "\x1b[31m",
  "%s",
  "%",
  "a",
  "b.c",
  "/",
  "//",
  ".",
  ".."
])
const piece = Schema.Union([nasty, Schema.String])
const input = Arbitrary.map(Arbitrary.array(Arbitrary.schema(piece), { maxLength: 8 }), (pieces) =>
  pieces.join("").replaceAll("\0", "").toWellFormed()
)

describe("CommandTemplate.parse", () => {
  it("splits words like a shell", () => {
    const split = (text: string) => render(`${text} {}`, "in").slice(0, -1)
    assert.deepStrictEqual(split("a  b\tc\nd"), ["a", "b", "c", "d"])
    assert.deepStrictEqual(split("'a b' \"c d\" e\\ f"), ["a b", "c d", "e f"])
    assert.deepStrictEqual(split("a'b'\"c\"\\d"), ["abcd"])
    assert.deepStrictEqual(split("'' \"\""), ["", ""])
    assert.deepStrictEqual(split('"\\$ \\` \\" \\\\ \\n"'), ['$ ` " \\ \\n'])
    assert.deepStrictEqual(split("'\\n'"), ["\\n"])
    assert.deepStrictEqual(split("a\\\nb \\\n c"), ["ab", "c"])
    assert.deepStrictEqual(split("$HOME * | ; # ~ > &&"), ["$HOME", "*", "|", ";", "#", "~", ">", "&&"])
  })

  it("appends the input as the last argument when there is no placeholder", () => {
    assert.deepStrictEqual(render("gzip -k", "a b"), ["gzip", "-k", "a b"])
    assert.deepStrictEqual(render("gzip -k {}", "a b"), ["gzip", "-k", "a b"])
    assert.deepStrictEqual(render("echo {#}", "a b", 7), ["echo", "7"])
    assert.deepStrictEqual(
      Result.getOrThrow(
        CommandTemplate.render(Result.getOrThrow(CommandTemplate.fromWords(["printf", "it's \\{.}.png"])), {
          inputs: ["x.jpg"],
          sequence: 1
        })
      ),
      ["printf", "it's \\x.png"]
    )
  })

  it("keeps an escaped placeholder as it is written", () => {
    assert.deepStrictEqual(render("echo \\{} \"\\{.}\" '{}' {}", "x"), ["echo", "{}", "{.}", "x", "x"])
    assert.deepStrictEqual(render("awk '{print $1}'", "x"), ["awk", "{print $1}", "x"])
  })

  it("says which quote is never closed, and where", () => {
    assert.deepStrictEqual(reasonOf(CommandTemplate.parse("echo 'a b")), ["UnterminatedSingleQuote", 6])
    assert.deepStrictEqual(reasonOf(CommandTemplate.parse('echo "a \\" b')), ["UnterminatedDoubleQuote", 6])
    assert.deepStrictEqual(reasonOf(CommandTemplate.parse('echo "a\\')), ["UnterminatedDoubleQuote", 6])
    assert.deepStrictEqual(reasonOf(CommandTemplate.parse("echo \\")), ["DanglingBackslash", 6])
    assert.deepStrictEqual(reasonOf(CommandTemplate.parse(" \n")), ["Empty", 1])
    assert.deepStrictEqual(reasonOf(CommandTemplate.fromWords([])), ["Empty", 1])
  })

  it("refuses an input that no argument can carry", () => {
    const parsed = Result.getOrThrow(CommandTemplate.parse("echo {}"))
    assert.deepStrictEqual(reasonOf(CommandTemplate.render(parsed, { inputs: ["a\0b"], sequence: 1 })), [
      "NulInInput",
      2
    ])
    assert.deepStrictEqual(reasonOf(CommandTemplate.render(parsed, { inputs: ["ab\ud800"], sequence: 1 })), [
      "BrokenUnicode",
      3
    ])
  })

  it("replaces like GNU parallel", () => {
    const cases: ReadonlyArray<readonly [input: string, stem: string, name: string, folder: string, nameStem: string]> =
      [
        ["dir/photo.tar.gz", "dir/photo.tar", "photo.tar.gz", "dir", "photo.tar"],
        ["foo.jpg", "foo", "foo.jpg", ".", "foo"],
        ["sub.dir/foo", "sub.dir/foo", "foo", "sub.dir", "foo"],
        ["/foo", "/foo", "foo", "/", "foo"],
        ["a//b.c", "a//b", "b.c", "a", "b"],
        ["a/b/", "a/b/", "", "a", ""],
        ["//", "//", "", "/", ""],
        [".profile", "", ".profile", ".", ""],
        ["", "", "", ".", ""],
        ["a.b\nc/d.e\nf", "a.b\nc/d", "d.e\nf", "a.b\nc", "d"]
      ]
    for (const [input, ...expected] of cases) {
      const [, ...actual] = render("x {.} {/} {//} {/.}", input)
      assert.deepStrictEqual(actual, expected, JSON.stringify(input))
    }
  })

  it.prop(
    "hands over any input as exactly one argument, byte for byte",
    [input],
    ([text]) => {
      assert.deepStrictEqual(render("cmd a {} b", text), ["cmd", "a", text, "b"])
      assert.deepStrictEqual(render("cmd", text), ["cmd", text])
      assert.deepStrictEqual(render("cmd 'x {}'\"{} y\"", text), ["cmd", `x ${text}${text} y`])
      assert.strictEqual(render("cmd {} {.} {/} {//} {/.} {#}", text).length, 7)
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "lets a process started without a shell see the same bytes",
    [input],
    ([text]) => {
      assert.strictEqual(
        run(render("printf %s {}", text.startsWith("-") ? `./${text}` : text)),
        text.startsWith("-") ? `./${text}` : text
      )
    },
    { arbitrary: { runs: 20 } }
  )
})

describe("CommandTemplate.parseShell", () => {
  it.effect.prop(
    "prints any input back through a real shell, quoted by the author or not",
    [input],
    ([text]) =>
      Effect.sync(() => {
        assert.strictEqual(run(shell("printf %s {}", text)), text)
        assert.strictEqual(run(shell("printf %s", text)), text)
        const places =
          'printf \'%s\\n\' "<{}>" \'<{}>\' {} "$(printf %s "{}")" "${x:-{}}" "`printf %s {}`" | cat; : # it\'s {}'
        const stripped = text.replace(/\n+$/, "")
        assert.strictEqual(
          run(shell(places, text)),
          [`<${text}>`, `<${text}>`, text, stripped, text, stripped, ""].join("\n")
        )
      }),
    { arbitrary: { runs: 20 } }
  )

  it("puts only uses of variables where the placeholders stand", () => {
    assert.deepStrictEqual(shell('gzip <{} >"{.}.gz"; echo {#}', "a b.c", 3), [
      "sh",
      "-c",
      "sluice_input='a b.c'; sluice_stem='a b'; gzip <\"${sluice_input}\" >\"${sluice_stem}.gz\"; echo 3"
    ])
    assert.strictEqual(shellQuote("it's"), "'it'\\''s'")
  })

  it("never runs an input, even where the program is not what it seems", () => {
    for (const program of [
      'echo "$(case x in x) echo "{}" ;; esac)"',
      "eval 'x={}'; :",
      "echo $'it\\'s {}'",
      'echo "`echo \\"{}\\"`"'
    ]) {
      const parsed = CommandTemplate.parseShell(program)
      if (Result.isFailure(parsed)) continue
      const [, , text] = Result.getOrThrow(
        CommandTemplate.render(parsed.success, { inputs: ["$(exit 9)'`\"\\'\n"], sequence: 1 })
      ) as ReadonlyArray<string>
      // The value is quoted once, in front; what follows holds nothing of it.
      assert.isTrue(text!.startsWith("sluice_input='$(exit 9)'\\''`\"\\'\\''\n'; "), program)
      assert.isFalse(text!.slice(40).includes("exit 9"), program)
    }
  })

  it("keeps escaped placeholders and works out comments, nesting and arithmetic", () => {
    assert.strictEqual(run(shell("printf '%s ' \\{} \"\\{}\" {}", "x")), "{} {} x ")
    assert.strictEqual(run(shell("printf %s {} # don't", "a  b")), "a  b")
    assert.strictEqual(run(shell("printf %s $(( ({#} << 2) + 1 ))", "x", 2)), "9")
    assert.strictEqual(run(shell('printf %s "$(printf \'%s\' "($(printf %s {}))")"', "a  b")), "(a  b)")
    assert.strictEqual(run(shell('f() { printf %s {} "$1"; }; f y', "a  b")), "a  by")
  })

  it("refuses programs it could not fill in faithfully", () => {
    const reason = (text: string) => reasonOf(CommandTemplate.parseShell(text))
    assert.deepStrictEqual(reason("echo 'a"), ["UnterminatedSingleQuote", 6])
    assert.deepStrictEqual(reason('echo "a'), ["UnterminatedDoubleQuote", 6])
    assert.deepStrictEqual(reason("echo $(a"), ["UnterminatedSubstitution", 6])
    assert.deepStrictEqual(reason("cat <<E\n{}\nE"), ["HereDocument", 5])
    assert.deepStrictEqual(reason("echo $(( {} ))"), ["Arithmetic", 10])
    assert.deepStrictEqual(reason("sleep 1;\n"), ["NothingToAppendTo", 8])
    assert.deepStrictEqual(reason("true # why"), ["NothingToAppendTo", 10])
    assert.deepStrictEqual(reason(""), ["Empty", 1])
    assert.strictEqual(run(shell("printf %s \n", "x")), "x")
  })
})
