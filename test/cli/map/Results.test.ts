import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import path from "node:path"
import * as ByteText from "../../../src/cli/input/ByteText.ts"
import type { MapInput } from "../../../src/cli/map/MapInput.ts"
import * as Results from "../../../src/cli/map/Results.ts"

const places = (text: string, haveFields = false) =>
  Result.getOrThrow(Results.read(text, "/work", { names: true }, { haveFields, perJob: 2 }))

const placed = (text: string, input: MapInput, number = 7) =>
  places(text, input.record !== undefined).of(input, number, undefined)

const stdoutOf = (text: string, ...inputs: ReadonlyArray<string>): string =>
  Result.match(placed(text, { text: inputs.join(" "), inputs }), {
    onFailure: (why) => `refused: ${why}`,
    onSuccess: ({ stdout }) => stdout
  })

describe("the files of --results", () => {
  it("lie in a pair of folders for each source", () => {
    assert.deepStrictEqual(Result.getOrThrow(placed("out", { text: "a b", inputs: ["a", "b"] })), {
      stdout: "/work/out/1/a/2/b/stdout",
      stderr: "/work/out/1/a/2/b/stderr",
      seq: "/work/out/1/a/2/b/seq"
    })
  })

  it("are named by the columns of a table, and by numbers where records are not", () => {
    const row = { text: "a 1", inputs: ["a", "1"], record: { name: "a", size: "1" } }
    assert.strictEqual(Result.getOrThrow(placed("out", row)).stdout, "/work/out/name/a/size/1/stdout")
    const json = { text: '{"x":1}', inputs: ['{"x":1}'], record: { x: 1 } }
    assert.strictEqual(Result.getOrThrow(placed("out", json)).stdout, '/work/out/1/{"x":1}/stdout')
  })

  it("are the one that the text names, with .err and .seq beside it, or in its folder", () => {
    assert.deepStrictEqual(Result.getOrThrow(placed("out/{/.}-{#}.txt", { text: "d/a.b", inputs: ["d/a.b"] })), {
      stdout: "/work/out/a-7.txt",
      stderr: "/work/out/a-7.txt.err",
      seq: "/work/out/a-7.txt.seq"
    })
    assert.strictEqual(stdoutOf("out/{/.}/", "d/a.b"), "/work/out/a/stdout")
    assert.strictEqual(stdoutOf("out/{//}/{/}", "d/a.b"), "/work/out/d/a.b")
    assert.strictEqual(stdoutOf("out/{1}-{2}", "a", "b"), "/work/out/a-b")
    assert.strictEqual(stdoutOf("/elsewhere/{}", "a"), "/elsewhere/a")
    assert.strictEqual(stdoutOf("{}.out", "a"), "/work/a.out")
  })

  for (const [text, ...inputs] of [
    ["out/{}", "../x"],
    ["out/{}.txt", "a/../../../etc/passwd"],
    ["out/{1}/{2}", "..", ".."],
    ["{}", "/etc/passwd"],
    ["out/{}/", ".."],
    ["out/{}", "."],
    ["out/{}", ""],
    ["out/{}", "x".repeat(300)],
    ["out/{}", "a\0b"]
  ] as const)
    it(`are refused where an input leads astray: ${text} with ${JSON.stringify(inputs).slice(0, 40)}`, () => {
      assert.match(stdoutOf(text, ...inputs), /^refused: /)
    })

  it.prop(
    "stay within their folder, apart for every value, whatever it is",
    [Schema.String, Schema.String],
    ([one, other]) => {
      for (const value of [one, `../${one}`, "..", ".", "", "/", `${one}\0`, one.repeat(400).slice(0, 2000)]) {
        const file = stdoutOf("out", value)
        assert.isTrue(file.startsWith("/work/out/1/"), file)
        assert.strictEqual(path.normalize(file), file)
        assert.isFalse(file.includes("\0"))
        for (const name of file.split("/")) assert.isAtMost(ByteText.encode(name).length, 255)
      }
      if (one !== other) assert.notStrictEqual(stdoutOf("out", one), stdoutOf("out", other))
    }
  )

  it("is refused before anything runs where it means nothing", () => {
    for (const text of ["", "out.csv", "out/{%}", "out/{3}", "out/{name}", "out/{+}"])
      assert.isTrue(
        Result.isFailure(Results.read(text, "/work", { names: true }, { haveFields: false, perJob: 2 })),
        text
      )
  })
})
