import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import { SeededRandom, seeds } from "../support/SeededRandom.ts"
import { temporaryFolder } from "./CommandLine.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"
const lines = isReduced ? 300 : 3000

/** Processes of the parent whose command line begins or goes on with the text. */
const childrenOf = (parent: number, text: string): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/status`, "utf8").includes(`PPid:\t${parent}\n`) &&
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text)
        )
      } catch {
        return false
      }
    })
    .map(Number)

describe("a map whose spawners are killed while it runs", () => {
  it.live.each(seeds(isReduced ? 1 : 5))("does every line, and says of each that it started twice: seed %d", (seed) =>
    Effect.gen(function* () {
      const random = new SeededRandom(seed)
      const folder = yield* temporaryFolder
      const input = Array.from({ length: lines }, (_, i) => `${i + 1}\n`).join("")
      const map = yield* CliProcess.start(
        folder,
        ["map", "-j", "4", "--retry", "0", "sh -c 'echo $0 >> ledger; sleep 0.01'"],
        { input }
      )
      let hasEnded = false
      let killed = 0
      const killing = Effect.gen(function* () {
        while (!hasEnded) {
          yield* Effect.sleep(100 + random.below(900))
          for (const pid of childrenOf(map.pid, "SpawnerEntry")) {
            if (childrenOf(pid, "ledger").length === 0) continue
            killed++
            process.kill(pid, "SIGKILL")
          }
        }
      })
      yield* Effect.forkScoped(killing)
      const end = yield* map.ended
      hasEnded = true
      assert.strictEqual(end.code, 0, end.stderr.slice(-2000))
      assert.isAbove(killed, 0)
      const started = new Map<string, number>()
      for (const line of readFileSync(path.join(folder, "ledger"), "utf8").trimEnd().split("\n"))
        started.set(line, (started.get(line) ?? 0) + 1)
      assert.strictEqual(started.size, lines)
      const told = new Map<string, number>()
      for (const [, line] of end.stderr.matchAll(/line (\d+) runs again: /g))
        told.set(line!, (told.get(line!) ?? 0) + 1)
      for (const [line, times] of started) assert.isAtMost(times - 1, told.get(line) ?? 0, `line ${line}`)
      assert.isAbove(told.size, 0)
    }).pipe(Effect.scoped)
  )
})
