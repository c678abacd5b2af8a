import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import {
  type AttemptEnd,
  isWhole,
  type OutputReader,
  Outputs,
  type OutputStream
} from "../../../../src/services/Queue/Outputs.ts"
import * as OutputsLive from "../../../../src/services/Queue/OutputsLive.ts"
import * as QueueSettings from "../../../../src/services/Queue/QueueSettings.ts"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

const completed: AttemptEnd = { endedAt: 1, outcome: "completed", exitCode: 0, message: "" }

const withOutputs = <A>(limitBytes: number, body: (outputs: Outputs["Service"]) => Promise<A>) =>
  Effect.flatMap(Outputs, (outputs) => Effect.promise(() => body(outputs))).pipe(
    Effect.provide(OutputsLive.layer.pipe(Layer.provide(JobStoreMemory.layer()))),
    Effect.provideService(QueueSettings.Settings, { ...QueueSettings.defaults, outputLimitBytes: limitBytes })
  )

const job = (number: number) => number as JobId

/** All there is now: bytes by stream, in order, and what is said beside them. */
const drain = async (reader: OutputReader) => {
  const pieces: Array<{ stream: OutputStream; text: string } | string> = []
  for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
    const last = pieces.at(-1)
    if (piece._tag === "LeftOut") pieces.push(`left out ${piece.stdout} ${piece.stderr}`)
    else if (piece._tag === "End") pieces.push(`end ${piece.end.outcome}`)
    else {
      const text = Buffer.from(piece.bytes).toString("latin1")
      if (typeof last === "object" && last.stream === piece.stream) last.text += text
      else pieces.push({ stream: piece.stream, text })
    }
  }
  return pieces
}

describe("the log of an attempt", () => {
  it.effect("gives back what was written, in its order, stdout and stderr told apart, also while it is written", () =>
    withOutputs(1 << 20, async (outputs) => {
      const log = outputs.begin(job(1), 1)
      const reader = outputs.read(job(1), 1)
      assert.deepStrictEqual(await drain(reader), [])
      await log.write(Buffer.from("a\n"), "stdout")
      await log.write(Buffer.from("b\n"), "stderr")
      assert.deepStrictEqual(await drain(reader), [
        { stream: "stdout", text: "a\n" },
        { stream: "stderr", text: "b\n" }
      ])
      await log.write(Buffer.alloc(300_000, "x"), "stdout")
      log.end(completed)
      assert.deepStrictEqual(await drain(reader), [{ stream: "stdout", text: "x".repeat(300_000) }, "end completed"])
      assert.deepStrictEqual(await drain(reader), [])
      reader.close()
      const record = await Effect.runPromise(outputs.record(job(1), 1))
      assert.deepStrictEqual(record?.written, { stdout: 300_002, stderr: 2 })
      assert.isTrue(isWhole(record!))
      assert.strictEqual(statSync(outputs.folder).mode & 0o777, 0o700)
      for (const name of readdirSync(outputs.folder))
        assert.strictEqual(statSync(join(outputs.folder, name)).mode & 0o777, 0o600)
    })
  )

  it.effect(
    "keeps beginning and end of what is longer than its limit, and says what is missing where it is missing",
    () =>
      withOutputs(64 * 1024, async (outputs) => {
        for (let seed = 1; seed <= 30; seed++) {
          const random = new SeededRandom(seed)
          const chosen = (most: number) => random.below(most)
          const log = outputs.begin(job(seed), 1)
          const live = outputs.read(job(seed), 1)
          const written: Array<{ stream: OutputStream; bytes: Buffer }> = []
          const total = chosen(600_000)
          let size = 0
          let fit = true
          while (size < total) {
            const bytes = Buffer.alloc(1 + chosen(chosen(4) === 0 ? 70_000 : 300), 97 + chosen(26))
            const stream = chosen(3) === 0 ? "stderr" : "stdout"
            fit &&= log.hasRoom(bytes.length)
            assert.strictEqual(await log.write(bytes, stream), bytes.length)
            if (chosen(2) === 0) await drain(live)
            written.push({ stream, bytes })
            size += bytes.length
          }
          log.end(completed)
          live.close()
          const files = readdirSync(outputs.folder).map((name) => statSync(join(outputs.folder, name)).size)
          assert.isAtMost(
            files.reduce((sum, bytes) => sum + bytes, 0),
            64 * 1024 + 2048
          )
          const record = (await Effect.runPromise(outputs.record(job(seed), 1)))!
          for (const stream of ["stdout", "stderr"] as const) {
            const all = Buffer.concat(written.flatMap((each) => (each.stream === stream ? [each.bytes] : [])))
            assert.strictEqual(record.written[stream], all.length)
            let at = 0
            const reader = outputs.read(job(seed), 1)
            for (const piece of await drain(reader)) {
              if (typeof piece === "object" && piece.stream === stream) {
                assert.isTrue(all.subarray(at, at + piece.text.length).equals(Buffer.from(piece.text, "latin1")))
                at += piece.text.length
              } else if (typeof piece === "string" && piece.startsWith("left out"))
                at += Number(piece.split(" ")[stream === "stdout" ? 2 : 3])
            }
            reader.close()
            assert.strictEqual(at, all.length)
          }
          if (fit) assert.isTrue(isWhole(record), `seed ${seed}`)
          await Effect.runPromise(outputs.remove(job(seed), 1))
          assert.deepStrictEqual(readdirSync(outputs.folder), [])
        }
      })
  )

  it.effect("is read to where it was cut, at every byte", () =>
    withOutputs(1 << 20, async (outputs) => {
      const log = outputs.begin(job(1), 1)
      await log.write(Buffer.from("one\n"), "stdout")
      await log.write(Buffer.from("two\n"), "stderr")
      log.end(completed)
      const file = join(outputs.folder, readdirSync(outputs.folder)[0]!)
      const whole = readFileSync(file)
      for (let size = whole.length - 1; size >= 0; size--) {
        truncateSync(file, size)
        const record = await Effect.runPromise(outputs.record(job(1), 1))
        assert.isFalse(record !== undefined && isWhole(record))
        const reader = outputs.read(job(1), 1)
        const text = (await drain(reader)).map((piece) => (typeof piece === "string" ? piece : piece.text)).join("")
        assert.isTrue("one\ntwo\n".startsWith(text), text)
        reader.close()
      }
      rmSync(file)
      appendFileSync(file, whole, { mode: 0o600 })
      assert.isTrue(isWhole((await Effect.runPromise(outputs.record(job(1), 1)))!))
    })
  )

  it.effect("leaves nothing of an attempt that completed without a word, and a record of one that failed", () =>
    withOutputs(1 << 20, async (outputs) => {
      outputs.begin(job(1), 1).end(completed)
      assert.isUndefined(await Effect.runPromise(outputs.record(job(1), 1)))
      outputs.begin(job(1), 2).end({ endedAt: 5, outcome: "failed", exitCode: 3, message: "no" })
      const record = await Effect.runPromise(outputs.record(job(1), 2))
      assert.deepStrictEqual(record?.end, { endedAt: 5, outcome: "failed", exitCode: 3, message: "no" })
      const again = outputs.begin(job(1), 2)
      assert.isUndefined(await Effect.runPromise(outputs.record(job(1), 2)))
      again.end(completed)
      assert.deepStrictEqual(await Effect.runPromise(outputs.stored), [])
    })
  )

  it.effect("goes with the process of a memory store", () =>
    Effect.gen(function* () {
      const folder = yield* withOutputs(1 << 20, async (outputs) => {
        await outputs.begin(job(1), 1).write(Buffer.from("x"), "stdout")
        return outputs.folder
      })
      assert.throws(() => statSync(folder))
    })
  )
})
