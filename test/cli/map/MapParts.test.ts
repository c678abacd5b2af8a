import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Pull, Result } from "effect"
import { TestClock } from "effect/testing"
import { execFileSync } from "node:child_process"
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { PassThrough, Readable } from "node:stream"
import type { JobId } from "../../../src/services/Queue/index.ts"
import * as CommandTemplate from "../../../src/cli/input/CommandTemplate.ts"
import { isReached, parseHalt } from "../../../src/cli/map/Halt.ts"
import { parseJobs, parseLoad } from "../../../src/cli/map/Jobs.ts"
import * as JobLog from "../../../src/cli/map/JobLog.ts"
import * as KnownPrefix from "../../../src/cli/map/KnownPrefix.ts"
import { fieldOf, type MapInput } from "../../../src/cli/map/MapInput.ts"
import * as MapInputs from "../../../src/cli/map/MapInputs.ts"
import * as MapLock from "../../../src/cli/map/MapLock.ts"
import * as MapRecord from "../../../src/cli/map/MapRecord.ts"
import * as MapTemplate from "../../../src/cli/map/MapTemplate.ts"
import * as StartGate from "../../../src/cli/map/StartGate.ts"
import { temporaryFolder } from "../CommandLine.ts"

const template = Result.getOrThrow(CommandTemplate.parse("echo {}"))

const all = (inputs: MapInputs.MapInputs) =>
  Effect.gen(function* () {
    const read: Array<MapInput> = []
    yield* Effect.forever(Effect.map(inputs.pull, (chunk) => void read.push(...chunk))).pipe(
      Pull.catchDone(() => Effect.void)
    )
    return read
  })

const source = (bytes: ReadonlyArray<Uint8Array>, more: Partial<MapInputs.MapSource> = {}): MapInputs.MapSource => ({
  words: undefined,
  from: undefined,
  cwd: tmpdir(),
  stdin: Readable.from(bytes, { objectMode: false }),
  format: undefined,
  delimiter: 10,
  header: undefined,
  skip: 0,
  shuffle: undefined,
  inputsPerJob: undefined,
  isFilled: false,
  template,
  needsTotal: false,
  ...more
})

/** What each job of a source is given. */
const inputsOf = (from: MapInputs.MapSource) =>
  Effect.scoped(Effect.flatMap(MapInputs.gather(from), all)).pipe(
    Effect.map((read) => read.map(({ inputs }) => inputs))
  )

const said = (text: string) => [Buffer.from(text)]

describe("MapInputs", () => {
  it.live("reads lines across chunks, also a last one without newline and empty ones", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from("ä\n\nlong line\nlast")
      for (const cut of [1, 3, 9]) {
        const chunks = Array.from({ length: Math.ceil(bytes.length / cut) }, (_, i) =>
          bytes.subarray(i * cut, i * cut + cut)
        )
        assert.deepStrictEqual(yield* inputsOf(source(chunks)), [["ä"], [""], ["long line"], ["last"]])
      }
      assert.deepStrictEqual(yield* inputsOf(source([])), [])
      assert.deepStrictEqual(yield* inputsOf(source(said("a b\0c\n"), { delimiter: 0 })), [["a b"], ["c\n"]])
    })
  )

  it.live("hands a line on when it is there, and waits for no other", () =>
    Effect.gen(function* () {
      const stdin = new PassThrough()
      const { pull, hash, total } = yield* MapInputs.gather(source([], { stdin }))
      assert.deepStrictEqual([hash, total], [undefined, undefined])
      stdin.write("first\nsec")
      assert.deepStrictEqual(
        (yield* pull).map(({ text }) => text),
        ["first"]
      )
      stdin.end("ond")
      assert.deepStrictEqual(
        (yield* pull).map(({ text }) => text),
        ["second"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("knows words and files before they are read, and the same ones again", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(path.join(folder, "list"), "a\nb")
      const known = (more: Partial<MapInputs.MapSource>) =>
        Effect.map(MapInputs.gather(source([], { cwd: folder, ...more })), ({ hash, total }) => ({ hash, total }))
      const words = yield* known({ words: [":::", "a", "b"] })
      assert.deepStrictEqual(yield* known({ words: [":::", "a", "b"] }), words)
      assert.notStrictEqual((yield* known({ words: [":::", "ab"] })).hash, words.hash)
      assert.notStrictEqual((yield* known({ words: [":::", "a", ":::", "b"] })).hash, words.hash)
      const file = yield* known({ from: "list" })
      assert.strictEqual(file.total, 2)
      writeFileSync(path.join(folder, "list"), "a\nc\n")
      const other = yield* known({ from: "list" })
      assert.strictEqual(other.total, 2)
      assert.notStrictEqual(other.hash, file.hash)
      assert.strictEqual((yield* known({ from: "list", inputsPerJob: 2 })).total, 1)
      assert.strictEqual((yield* known({ from: "list", skip: 5 })).total, 0)
    }).pipe(Effect.scoped)
  )

  it.live("combines sources as GNU parallel does: the last one turns fastest, + links", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(path.join(folder, "list"), "1\n2\n3\n")
      const of = (...words: ReadonlyArray<string>) => inputsOf(source(said("x\ny\n"), { words, cwd: folder }))
      assert.deepStrictEqual(yield* of(":::", "a", "b", ":::", "c", "d"), [
        ["a", "c"],
        ["a", "d"],
        ["b", "c"],
        ["b", "d"]
      ])
      assert.deepStrictEqual(yield* of(":::", "a", "b", ":::+", "c", "d", "e"), [
        ["a", "c"],
        ["b", "d"]
      ])
      assert.deepStrictEqual(yield* of(":::", "a", "b", "::::+", "list", ":::", "z"), [
        ["a", "1", "z"],
        ["b", "2", "z"]
      ])
      assert.deepStrictEqual(yield* of("::::", "-", ":::", "1"), [
        ["x", "1"],
        ["y", "1"]
      ])
      assert.deepStrictEqual(yield* of(":::", "a", ":::"), [])
      assert.deepStrictEqual(yield* of("::::", "list"), [["1"], ["2"], ["3"]])
      for (const [words, message] of [
        [[":::+", "a"], /:::\+ links inputs to those of a source before it, and there is none/],
        [["::::"], /:::: names files of inputs, and none follows/],
        [["::::", "missing"], /no file .*missing to map over/],
        [["::::", "."], /is a folder; map over what is in it/]
      ] as const) {
        assert.match((yield* Effect.flip(of(...words))).message, message)
      }
    }).pipe(Effect.scoped)
  )

  it.live("reads tables and JSON as they come, with names, columns and nested fields", () =>
    Effect.gen(function* () {
      const rows = (format: "csv" | "tsv" | "json" | "ndjson", text: string | Buffer, header?: boolean) =>
        Effect.scoped(Effect.flatMap(MapInputs.gather(source([Buffer.from(text as string)], { format, header })), all))
      const [first, second] = yield* rows("csv", '\ufeffname,note\r\n"a, b","two\nlines"\r\nc,"q""q"\r\n')
      assert.deepStrictEqual([fieldOf(first!, "name"), fieldOf(first!, "note")], ["a, b", "two\nlines"])
      assert.deepStrictEqual(second!.inputs, ["c", 'q"q'])
      assert.deepStrictEqual(
        (yield* rows("tsv", "a\tb\n", false)).map(({ inputs, record }) => [inputs, record]),
        [[["a", "b"], undefined]]
      )
      const [json] = yield* rows("json", '[{"user":{"name":"N","tags":["x","y"]},"n":1,"nil":null,"a.b":"dot"}]')
      const names = [
        "user.name",
        "user.tags.1",
        "user.tags",
        "n",
        "nil",
        "a.b",
        "user.none",
        "constructor",
        "__proto__"
      ]
      assert.deepStrictEqual(
        names.map((name) => fieldOf(json!, name)),
        ["N", "y", '["x","y"]', "1", undefined, "dot", undefined, undefined, undefined]
      )
      const lines = yield* rows("ndjson", '{"a":1}\n\nnot json\n[1]\n')
      assert.deepStrictEqual(
        lines.map(({ problem }) => problem?.slice(0, 14)),
        [undefined, "it is not JSON", "it is no JSON "]
      )
      assert.match((yield* Effect.flip(rows("json", '{"a":1}'))).message, /standard input is no JSON array of objects/)
      assert.match((yield* Effect.flip(rows("csv", 'a,b\n"x'))).message, /line 2 of standard input is no record/)
    })
  )

  it.live("skips, names by the first line, shuffles by seed, and puts inputs together", () =>
    Effect.gen(function* () {
      const text = Array.from({ length: 20 }, (_, i) => `${i}\n`).join("")
      const of = (more: Partial<MapInputs.MapSource>) => inputsOf(source(said(text), more))
      assert.deepStrictEqual((yield* of({ skip: 18 })).flat(), ["18", "19"])
      const order = yield* of({ shuffle: { seed: "7" } })
      assert.deepStrictEqual(yield* of({ shuffle: { seed: "7" } }), order)
      assert.notDeepEqual(yield* of({ shuffle: { seed: "8" } }), order)
      assert.deepStrictEqual(yield* of({ shuffle: { seed: undefined } }), yield* of({ shuffle: { seed: undefined } }))
      assert.deepStrictEqual(
        order.flat().sort((a, b) => Number(a) - Number(b)),
        Array.from({ length: 20 }, (_, i) => String(i))
      )
      assert.deepStrictEqual(
        (yield* of({ inputsPerJob: 6 })).map((inputs) => inputs.length),
        [6, 6, 6, 2]
      )
      const named = yield* Effect.scoped(
        Effect.flatMap(MapInputs.gather(source(said("x\ny\n"), { header: true })), all)
      )
      assert.deepStrictEqual(named, [{ text: "y", inputs: ["y"], record: { x: "y" } }])
    })
  )

  it.live("fills a command as far as it can be given, whatever the template and the inputs", () =>
    Effect.gen(function* () {
      for (const [parsed, text] of [
        [CommandTemplate.parse("cmd --in={} {/}"), `${"a/".repeat(400)}\n`],
        [CommandTemplate.parseShell("cmd {} '{.}'"), `${"it's ".repeat(100)}\n`],
        [CommandTemplate.parse("cmd"), "x\n"]
      ] as const) {
        const shape = Result.getOrThrow(parsed)
        const jobs = yield* inputsOf(source(said(text.repeat(20_000)), { isFilled: true, template: shape }))
        assert.strictEqual(jobs.flat().length, 20_000)
        for (const inputs of jobs) {
          const command = Result.getOrThrow(CommandTemplate.render(shape, { inputs, sequence: 1 }))
          const bytes = command.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0)
          assert.isBelow(bytes, 128 * 1024 + 200)
          if (inputs !== jobs.at(-1)) assert.isAbove(bytes, 40 * 1024)
        }
      }
    })
  )
})

describe("KnownPrefix", () => {
  it.live("is the list before as far as it agrees, whatever ended the run", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = path.join(folder, "x.lines")
      const take = (goOn: boolean, lines: ReadonlyArray<string>) => {
        const prefix = KnownPrefix.open(file, goOn)
        const same = lines.map(prefix.next)
        prefix.flush()
        prefix.close()
        return same.filter(Boolean).length
      }
      const lines = Array.from({ length: 3000 }, (_, i) => `line ${i}`)
      assert.strictEqual(take(true, lines.slice(0, 2500)), 0)
      assert.strictEqual(take(true, lines), 2500)
      assert.strictEqual(take(true, lines), 3000)
      // Shorter, then longer again: what was known of the rest stays.
      assert.strictEqual(take(true, lines.slice(0, 10)), 10)
      assert.strictEqual(take(true, lines), 3000)
      // Another line: what follows is another list, also where single lines are the same.
      assert.strictEqual(take(true, [...lines.slice(0, 7), "other", ...lines.slice(8)]), 7)
      assert.strictEqual(take(true, lines), 7)
      assert.strictEqual(take(false, lines), 0)
      // Cut in the middle of a hash by a full disk.
      truncateSync(file, 8 * 100 + 3)
      assert.strictEqual(take(true, lines), 100)
      assert.strictEqual(take(true, lines), 3000)
    }).pipe(Effect.scoped)
  )
})

describe("MapRecord", () => {
  const header = { batch: "map:x:1", total: 3, startedAt: 0 }
  const line = (exit: number) => ({ exit, job: 1_700_000_000_000_000 as JobId, attempt: 1, stdout: 10, stderr: 0 })

  it.live("remembers finished lines, forgets one that was half written, and is for this user alone", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      assert.isUndefined(MapRecord.load(folder, "x"))
      const record = MapRecord.open(folder, "x", header, undefined)
      record.finished(2, line(0))
      record.finished(1, line(3))
      record.close()
      const file = path.join(folder, "x.map")
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      appendFileSync(file, "3 ")
      const known = MapRecord.load(folder, "x")!
      assert.deepStrictEqual(
        { ...known, finished: [...known.finished] },
        {
          header,
          finished: [
            [2, line(0)],
            [1, line(3)]
          ],
          ended: false
        }
      )

      const again = MapRecord.open(folder, "x", header, new Map([[2, line(0)]]))
      again.finished(1, line(0))
      again.end()
      again.close()
      const after = MapRecord.load(folder, "x")!
      assert.deepStrictEqual(
        { finished: [...after.finished], ended: after.ended },
        {
          finished: [
            [2, line(0)],
            [1, line(0)]
          ],
          ended: true
        }
      )
      MapRecord.remove(folder, "x")
      assert.isUndefined(MapRecord.load(folder, "x"))
    }).pipe(Effect.scoped)
  )

  it.live("forgets what was said of lines that turned out to be others", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const record = MapRecord.open(folder, "x", header, new Map([1, 2, 3].map((number) => [number, line(0)])))
      record.forgetFrom(2)
      record.finished(2, line(5))
      record.close()
      assert.deepStrictEqual(
        [...MapRecord.load(folder, "x")!.finished],
        [
          [1, line(0)],
          [2, line(5)]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.live("that cannot be read counts as none", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(path.join(folder, "x.map"), "{broken\n1 0\n")
      assert.isUndefined(MapRecord.load(folder, "x"))
    }).pipe(Effect.scoped)
  )
})

describe("MapLock", () => {
  it.live("is held once, and a dead process holds nothing", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* MapLock.acquire(folder, "x")
          assert.deepInclude(yield* Effect.flip(Effect.scoped(MapLock.acquire(folder, "x"))), { exitCode: 6 })
          yield* Effect.scoped(MapLock.acquire(folder, "y"))
        })
      )
      // This process's id, at another time: it was used again.
      writeFileSync(path.join(folder, "x.lock"), `${process.pid} 1`)
      yield* Effect.scoped(MapLock.acquire(folder, "x"))
    }).pipe(Effect.scoped)
  )
})

describe("the command of a map", () => {
  const lines = { haveFields: false, perJob: 1 }
  const records = { haveFields: true, perJob: 1 }
  const read = (
    words: string | ReadonlyArray<string>,
    inputs: MapTemplate.TemplateInputs = lines,
    options: { readonly shell?: boolean; readonly names?: boolean } = {}
  ) => MapTemplate.read(typeof words === "string" ? [words] : words, { shell: false, names: true, ...options }, inputs)

  const words = (text: string, line: string) => {
    const record = JSON.parse(line)
    const input = { text: line, inputs: [line], record }
    return Result.getOrThrow(
      CommandTemplate.render(Result.getOrThrow(read(text, records)), {
        inputs: [line],
        field: (name) => fieldOf(input, name),
        sequence: 7
      })
    )
  }

  it("puts fields inside arguments, whatever they hold", () => {
    const line = JSON.stringify({ a: "x y; {b} {}", b: 2, c: { d: null } })
    assert.deepStrictEqual(words("cmd {a} --b={b} '{c}' {#}", line), ["cmd", "x y; {b} {}", "--b=2", '{"d":null}', "7"])
    assert.deepStrictEqual(words("cmd {b} {}", line), ["cmd", "2", line])
    assert.deepStrictEqual(words("cmd {b} '{}'", line), ["cmd", "2", line])
    assert.deepStrictEqual(words("cmd", line), ["cmd", line])
    assert.throws(() => words("cmd {constructor}", "{}"), /\{constructor\}.*the record has no such field/)
    assert.strictEqual(words("cmd {__proto__}", '{"__proto__":"x"}')[1], "x")
  })

  it("gives fields to a shell as values, never as text of the program", () => {
    const shape = Result.getOrThrow(read("printf '%s|' {a} '{a}' \"{b}\"", records, { shell: true }))
    const record = { a: "$(id)'`", b: 'x"; id' }
    const [program, ...rest] = Result.getOrThrow(
      CommandTemplate.render(shape, {
        inputs: [""],
        field: (name) => fieldOf({ text: "", inputs: [""], record }, name),
        sequence: 1
      })
    )
    assert.strictEqual(execFileSync(program!, rest, { encoding: "utf8" }), `${record.a}|${record.a}|${record.b}|`)
  })

  it("repeats the words with {} for each input of a job, and takes single ones by number", () => {
    const shape = (text: string, shell = false) =>
      Result.getOrThrow(read(text, { haveFields: false, perJob: 3 }, { shell }))
    const filled = (text: string, shell = false) =>
      Result.getOrThrow(
        CommandTemplate.render(shape(text, shell), { inputs: ["a b", "c/d.e", "f"], sequence: 1, slot: 2, total: 9 })
      )
    assert.deepStrictEqual(filled("cmd"), ["cmd", "a b", "c/d.e", "f"])
    assert.deepStrictEqual(filled("cmd -f={/} {2/.}{1} {%}/{##}"), ["cmd", "-f=a b", "-f=d.e", "-f=f", "da b", "2/9"])
    const [program, ...rest] = filled("printf '<%s>' {} \"{}\" '{2.}' {3}", true)
    assert.strictEqual(execFileSync(program!, rest, { encoding: "utf8" }), "<a b><c/d.e><f><a b c/d.e f><c/d><f>")
  })

  it("is refused, with the remedy, where it would not do what it says", () => {
    for (const [text, message] of [
      ["gzip -c {} > {}.gz", /no shell reads > \(column 12\); add --shell to have one, or put it in quotes/],
      ["sort {} | uniq", /no shell reads \|/],
      ["cat < {}", /no shell reads </],
      ["make {} && echo", /no shell reads &&/],
      ["sleep 1 & echo", /no shell reads &/],
      ["a; b", /no shell reads ;/],
      ["echo $HOME", /no shell reads \$/],
      ["echo $(id)", /no shell reads \$/],
      ['echo "$HOME" `id`', /no shell reads `/],
      ["ls *", /no shell reads \*/],
      ["curl {url}", /\{url\} would be a field of a record, and the inputs are lines; say --csv/],
      ["echo {user.name}", /--no-names/],
      ["echo {2}", /\{2\} is no input: each job has one input; -N 2/],
      ["echo {+}", /\{\+\} is not known here/],
      ["echo {= s:x:y: =}", /is not known here/],
      ["echo {-1}", /is not known here/]
    ] as const) {
      const parsed = read(text)
      assert.isTrue(Result.isFailure(parsed), text)
      if (Result.isFailure(parsed)) assert.match(parsed.failure.message, message, text)
    }
    assert.match(
      Result.getOrThrow(Result.flip(read("echo '{print}'", lines, { shell: true }))).message,
      /\{print\} would be a field/
    )
  })

  it("takes for text what is quoted, escaped, in an address, or split by the caller's shell", () => {
    for (const text of [
      "awk '{print $1}' {}",
      "echo 'a > b' \"c | d\" \\* \\$HOME \\{url}",
      "curl https://example.org/?a=1&b={}",
      "printf %s {} costs 5$",
      "echo {a,b} {} { }"
    ]) {
      assert.isTrue(Result.isSuccess(read(text)), text)
    }
    assert.isTrue(Result.isSuccess(read(["test", "3", ">", "$x", "*"])))
    assert.isTrue(Result.isSuccess(read("awk '{print}'", lines, { names: false })))
    assert.isTrue(Result.isSuccess(read("x=${HOME}; echo ${1} ${x:-{}} {}", lines, { shell: true })))
  })
})

describe("--halt", () => {
  it("reads GNU parallel's forms and nothing else", () => {
    assert.deepStrictEqual(
      parseHalt("now,fail=1"),
      Result.succeed({ when: "now" as const, what: "fail" as const, count: 1, isShare: false })
    )
    assert.deepStrictEqual(
      parseHalt("soon,done=30"),
      Result.succeed({ when: "soon" as const, what: "done" as const, count: 30, isShare: false })
    )
    assert.deepStrictEqual(parseHalt("never"), Result.succeed(undefined))
    for (const text of ["now", "now,fail=0", "later,fail=1", "now,fail=101%", "now,fail=1%%", ""])
      assert.isTrue(Result.isFailure(parseHalt(text)), text)
  })

  it("is reached at its count, or at its share of what has ended", () => {
    const ended = { failed: 2, succeeded: 3 }
    for (const [what, count, isShare, reached] of [
      ["fail", 2, false, true],
      ["fail", 3, false, false],
      ["success", 3, false, true],
      ["success", 4, false, false],
      ["done", 5, false, true],
      ["done", 6, false, false],
      ["fail", 40, true, true],
      ["fail", 41, true, false],
      ["success", 60, true, true],
      ["done", 50, true, true],
      ["done", 51, true, false]
    ] as const) {
      assert.strictEqual(isReached({ when: "soon", what, count, isShare }, ended, 10), reached, `${what}=${count}`)
    }
    const one = { failed: 1, succeeded: 0 }
    assert.isFalse(isReached({ when: "now", what: "fail", count: 1, isShare: true }, one, undefined))
  })
})

describe("-j and --load", () => {
  it("count as GNU parallel counts", () => {
    for (const [text, jobs] of [
      ["8", 8],
      ["0", 250],
      ["+2", 6],
      ["-1", 3],
      ["-9", 1],
      ["50%", 2],
      ["1%", 1],
      ["300%", 12]
    ] as const)
      assert.deepStrictEqual(parseJobs(text, 4), Result.succeed(jobs), text)
    for (const text of ["", "x", "1.5", "+50%", "--1", "1e3", "10001", "999999999999"])
      assert.isTrue(Result.isFailure(parseJobs(text, 4)), text)
    assert.deepStrictEqual(parseLoad("150%", 4), Result.succeed(6))
    assert.deepStrictEqual(parseLoad("2.5", 4), Result.succeed(2.5))
    assert.isTrue(Result.isFailure(parseLoad("high", 4)))
  })
})

describe("StartGate", () => {
  it.effect("opens after the delay, under the load, with memory left", () =>
    Effect.gen(function* () {
      const machine = { load: 5, freeBytes: 10 }
      const state = { load: () => machine.load, freeBytes: () => machine.freeBytes }
      const none = { delay: undefined, spread: undefined, rate: undefined, load: undefined, freeBytes: undefined }
      assert.isUndefined(StartGate.make(none, state))
      const gate = StartGate.make({ ...none, delay: Duration.seconds(10), load: 4, freeBytes: 100 }, state)!
      const starts: Array<number> = []
      yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            gate,
            Effect.map(Clock.currentTimeMillis, (now) => void starts.push(now))
          )
        )
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(starts, [])
      machine.load = 4
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(starts, [])
      machine.freeBytes = 100
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(starts, [11_000, 21_000])
    })
  )

  it.effect("lets a burst pass and then one after the other at the pace of the rate", () =>
    Effect.gen(function* () {
      const gate = StartGate.make(
        {
          delay: undefined,
          spread: undefined,
          rate: { limit: 20, perMs: 1_000 },
          load: undefined,
          freeBytes: undefined
        },
        { load: () => 0, freeBytes: () => 0 }
      )!
      const starts: Array<number> = []
      yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            gate,
            Effect.map(Clock.currentTimeMillis, (now) => void starts.push(now))
          )
        )
      )
      yield* TestClock.adjust("20 millis")
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(starts, [0, 0, 50, 100, 150, 200])
    })
  )
})

describe("StartGate of a spread", () => {
  /** When so many commands start that take this long, one at a time. */
  const startsOf = (commands: number, runMs: number) =>
    Effect.gen(function* () {
      const spread = { over: Duration.seconds(10), commands }
      const gate = StartGate.make(
        { delay: undefined, spread, rate: undefined, load: undefined, freeBytes: undefined },
        { load: () => 0, freeBytes: () => 0 }
      )!
      const from = yield* Clock.currentTimeMillis
      const starts: Array<number> = []
      const command = Effect.gen(function* () {
        yield* gate
        starts.push((yield* Clock.currentTimeMillis) - from)
        yield* Effect.sleep(runMs)
      })
      yield* Effect.forkChild(Effect.repeat(command, { times: commands - 1 }))
      yield* TestClock.adjust("1 minute")
      return starts
    })

  it.effect("opens evenly over its time, the first at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* startsOf(4, 100), [0, 2500, 5000, 7500])
      assert.deepStrictEqual(yield* startsOf(3, 0), [0, 3334, 6667])
      assert.deepStrictEqual(yield* startsOf(1, 0), [0])
    })
  )

  it.effect("makes up for commands that took longer than their share", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* startsOf(4, 3000), [0, 3000, 6000, 9000])
    })
  )
})

describe("--joblog", () => {
  it.live("keeps a job on one line, quotes the command, and goes on when asked", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = path.join(folder, "log")
      const line = { startedAt: 1_700_000_000_123, durationMs: 1500, received: 7, exitCode: 0, signal: 0 }
      JobLog.open(file, false, false)({ ...line, sequence: 1, command: ["echo", "it's", "a\tb\nc"] })
      JobLog.open(file, true, false)({ ...line, sequence: 2, command: ["true"], signal: 9 })
      assert.strictEqual(
        readFileSync(file, "utf8"),
        "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n" +
          "1\t:\t1700000000.123\t     1.500\t0\t7\t0\t0\techo 'it'\\''s' 'a\\tb\\nc'\n" +
          "2\t:\t1700000000.123\t     1.500\t0\t7\t0\t9\ttrue\n"
      )
      JobLog.open(
        file,
        true,
        true
      )({ ...line, sequence: 3, command: ["sh", "-c", "sluice_input='a b'; cat \"${sluice_input}\" | wc"] })
      assert.match(readFileSync(file, "utf8"), /\tcat 'a b' \| wc\n$/)
      JobLog.open(file, false, false)
      assert.strictEqual(readFileSync(file, "utf8").split("\n").length, 2)
    }).pipe(Effect.scoped)
  )
})
