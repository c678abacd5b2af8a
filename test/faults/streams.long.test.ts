/**
 * A large NDJSON file through a real process, killed with -9 and started again. Invariant: the sink holds the result of
 * each line once and in order, and no committed chunk runs again. Bound: resident memory at most memoryLimit + 64 MB
 * above the same process idle with its store open.
 *
 * The whole run takes 5 GB and as much again twice on the disk, and is shortened where there is no room.
 * `SLUICE_STREAM_REPORT=FILE` keeps its figures.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { firstDifference, writeInput } from "../support/streams/LargeFile.ts"
import { StreamChild } from "../support/streams/StreamChild.ts"

const { bavail, bsize } = fs.statfsSync(os.tmpdir())
const whole = process.env.SLUICE_LONG !== "reduced" && bavail * bsize > 20e9
const lines = whole ? 5_000_000 : 100_000
const kills = whole ? 4 : 2
const chunkLines = 1000
const memoryLimit = 100_000_000
const allowance = 64_000_000

describe.skipIf(!fs.existsSync("/proc/self/status"))("a stream of a large file", () => {
  let folder = ""
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-stream-"))
    writeInput(path.join(folder, "in.ndjson"), lines)
  })
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it(`of ${lines / 1000} MB keeps its memory, and ${kills} kills lose and repeat no committed chunk`, {
    timeout: 40 * 60_000
  }, async () => {
    const config = {
      store: path.join(folder, "jobs.db"),
      input: path.join(folder, "in.ndjson"),
      output: path.join(folder, "out.ndjson"),
      ledger: path.join(folder, "ledger"),
      memoryLimit
    }
    const committed = () => {
      if (!fs.existsSync(config.ledger)) return 0
      const found = fs.readFileSync(config.ledger, "utf8").match(/^committed \d+$/gm)
      return Number(found?.at(-1)?.slice(10) ?? 0)
    }
    const memory: Array<{ readonly idle: number; readonly peak: number }> = []
    const began = performance.now()
    const total = lines / chunkLines
    let report: Awaited<ReturnType<StreamChild["report"]>> | undefined
    for (let start = 0; start <= kills; start++) {
      const child = new StreamChild(config)
      await child.begin()
      if (start < kills) {
        const until = Math.floor((total * (start + 1)) / (kills + 1))
        while (child.isAlive && committed() < until) await new Promise((resolve) => setTimeout(resolve, 20))
        assert.isTrue(child.isAlive, "it ended before it could be killed")
        await child.kill()
      } else report = await child.report()
      memory.push({ idle: child.idleRss, peak: child.peakRss })
    }
    const seconds = (performance.now() - began) / 1000

    assert.isUndefined(firstDifference(config.output, lines))
    assert.strictEqual(report?.chunks, total)
    assert.isAbove(report?.resumedAt ?? 0, 0)
    let below = 0
    for (const line of fs.readFileSync(config.ledger, "utf8").trimEnd().split("\n")) {
      const [word, number] = line.split(" ")
      if (word === "committed") below = Math.max(below, Number(number))
      else assert.isAtLeast(Number(number), below, `${line}: run again after it was committed`)
    }
    const figures = {
      bytes: lines * 1000,
      kills,
      seconds,
      megabytesPerSecond: lines / 1000 / seconds,
      memoryMb: memory.map(({ idle, peak }) => ({
        idle: idle / 1e6,
        peak: peak / 1e6,
        above: (peak - idle) / 1e6
      })),
      lastRun: report
    }
    console.log(JSON.stringify(figures))
    if (process.env.SLUICE_STREAM_REPORT !== undefined)
      fs.writeFileSync(process.env.SLUICE_STREAM_REPORT, `${JSON.stringify(figures, undefined, 2)}\n`)
    for (const { idle, peak } of memory) {
      assert.isAbove(idle, 0)
      assert.isAtMost(peak - idle, memoryLimit + allowance)
    }
  })
})
