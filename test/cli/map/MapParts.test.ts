import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { Readable } from "node:stream"
import type { JobId } from "../../../src/services/Queue/index.ts"
import { CommandFailure } from "../../../src/cli/Failure.ts"
import * as CommandTemplate from "../../../src/cli/input/CommandTemplate.ts"
import { isReached, parseHalt } from "../../../src/cli/map/Halt.ts"
import * as JobLog from "../../../src/cli/map/JobLog.ts"
import * as MapInputs from "../../../src/cli/map/MapInputs.ts"
import * as MapLock from "../../../src/cli/map/MapLock.ts"
import * as MapRecord from "../../../src/cli/map/MapRecord.ts"
import * as RecordTemplate from "../../../src/cli/map/RecordTemplate.ts"
import { temporaryFolder } from "../CommandLine.ts"

const all = (inputs: MapInputs.MapInputs) =>
  Effect.promise(async () => {
    const read: Array<string> = []
    for await (const input of inputs.read()) read.push(input)
    return read
  })

const source = (
  folder: string,
  bytes: ReadonlyArray<Uint8Array>,
  more: Partial<MapInputs.MapSource> = {}
): MapInputs.MapSource => ({
  words: undefined,
  from: undefined,
  checkRecord: () => {},
  stdin: Readable.from(bytes),
  separator: "\n",
  folder,
  ...more
})

describe("MapInputs", () => {
  it.live("reads lines across chunks, also a last one without newline and empty ones, as often as asked", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const bytes = Buffer.from("ä\n\nlong line\nlast")
      const inputs = yield* MapInputs.gather(
        source(folder, [bytes.subarray(0, 1), bytes.subarray(1, 9), bytes.subarray(9)])
      )
      assert.strictEqual(inputs.count, 4)
      assert.deepStrictEqual(yield* all(inputs), ["ä", "", "long line", "last"])
      assert.deepStrictEqual(yield* all(inputs), ["ä", "", "long line", "last"])
    }).pipe(Effect.scoped)
  )

  it.live("knows the same inputs again wherever they come from, and others as others", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const hash = (from: MapInputs.MapSource) => Effect.map(MapInputs.gather(from), (inputs) => inputs.hash)
      const words = yield* hash(source(folder, [], { words: ["a", "b"] }))
      assert.strictEqual(yield* hash(source(folder, [Buffer.from("a\nb\n")])), words)
      assert.strictEqual(yield* hash(source(folder, [Buffer.from("a\0b")], { separator: "\0" })), words)
      assert.notStrictEqual(yield* hash(source(folder, [Buffer.from("ab\n")])), words)
    }).pipe(Effect.scoped)
  )

  it.live("refuses bytes that are not UTF-8 before anything runs", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const error = yield* Effect.flip(MapInputs.gather(source(folder, [Buffer.from([97, 10, 0xff, 10])])))
      assert.deepInclude(error, { exitCode: 2 })
      assert.match(error.message, /input 2 is not UTF-8/)
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

describe("RecordTemplate", () => {
  const words = (template: string, line: string) => {
    const made = RecordTemplate.make(Result.getOrThrow(CommandTemplate.parse(template)), [template])
    if ("_tag" in made) throw made
    return Result.getOrThrow(CommandTemplate.render(made.fill(line, 7), line, 7))
  }

  it("puts fields inside arguments, whatever they hold", () => {
    const line = JSON.stringify({ a: "x y; {b} {}", b: 2, c: { d: null } })
    assert.deepStrictEqual(words("cmd {a} --b={b} '{c}' {#}", line), ["cmd", "x y; {b} {}", "--b=2", '{"d":null}', "7"])
    assert.deepStrictEqual(words("cmd {a}", line), ["cmd", "x y; {b} {}"])
    assert.deepStrictEqual(words("cmd {b} {}", line), ["cmd", "2", line])
    assert.deepStrictEqual(words("cmd {b} '{}'", line), ["cmd", "2", line])
    assert.deepStrictEqual(words("cmd", line), ["cmd", line])
  })

  it("refuses lines that lack a field, hold null, or are no objects", () => {
    for (const [line, said] of [
      ["{}", /line 7 of the records has no field "a"/],
      ['{"a":null}', /has no field "a"/],
      ["[1]", /is not an object/],
      ['{"a"', /is not JSON/]
    ] as const) {
      assert.throws(() => words("cmd {a}", line), said)
    }
    // Not a field of the record, though every object has it.
    assert.throws(() => words("cmd {__proto__}", "{}"), /has no field "__proto__"/)
    assert.throws(() => words("cmd {constructor}", "{}"), /has no field "constructor"/)
    assert.strictEqual(words("cmd {__proto__}", '{"__proto__":"x"}')[1], "x")
  })

  it("refuses fields in --shell, where they could become program text", () => {
    const template = Result.getOrThrow(CommandTemplate.parseShell("echo {a}"))
    assert.instanceOf(RecordTemplate.make(template, ["echo {a}"]), CommandFailure)
  })
})

describe("--halt", () => {
  it("reads GNU parallel's forms and nothing else", () => {
    assert.deepStrictEqual(
      parseHalt("now,fail=1"),
      Result.succeed({ when: "now" as const, what: "fail" as const, count: 1 })
    )
    assert.deepStrictEqual(
      parseHalt("soon,done=30"),
      Result.succeed({ when: "soon" as const, what: "done" as const, count: 30 })
    )
    assert.deepStrictEqual(parseHalt("never"), Result.succeed(undefined))
    for (const text of ["now", "now,fail=0", "later,fail=1", "now,fail=1%", ""])
      assert.isTrue(Result.isFailure(parseHalt(text)), text)
  })

  it("is reached at its count", () => {
    const ended = { failed: 2, succeeded: 3 }
    for (const [what, count, reached] of [
      ["fail", 2, true],
      ["fail", 3, false],
      ["success", 3, true],
      ["success", 4, false],
      ["done", 5, true],
      ["done", 6, false]
    ] as const) {
      assert.strictEqual(isReached({ when: "soon", what, count }, ended), reached, `${what}=${count}`)
    }
  })
})

describe("--joblog", () => {
  it.live("keeps a job on one line, quotes the command, and goes on when asked", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = path.join(folder, "log")
      const line = { startedAt: 1_700_000_000_123, durationMs: 1500, received: 7, exitCode: 0, signal: 0 }
      JobLog.open(file, false)({ ...line, sequence: 1, command: ["echo", "it's", "a\tb\nc"] })
      JobLog.open(file, true)({ ...line, sequence: 2, command: ["true"], signal: 9 })
      assert.strictEqual(
        readFileSync(file, "utf8"),
        "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n" +
          "1\t:\t1700000000.123\t     1.500\t0\t7\t0\t0\techo 'it'\\''s' 'a\\tb\\nc'\n" +
          "2\t:\t1700000000.123\t     1.500\t0\t7\t0\t9\ttrue\n"
      )
      JobLog.open(file, false)
      assert.strictEqual(readFileSync(file, "utf8").split("\n").length, 2)
    }).pipe(Effect.scoped)
  )
})
