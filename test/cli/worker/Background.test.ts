import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as Background from "../../../src/cli/worker/Background.ts"
import { ProcessIdentity } from "../../../src/services/Queue/index.ts"
import { temporaryFolder } from "../CommandLine.ts"

describe("notes of background workers", () => {
  it.effect("of another container are neither ours to end nor to drop; of a dead process they go", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporaryFolder, "workers")
      mkdirSync(folder, { mode: 0o700 })
      const note = (pid: number, machine: string) => {
        const file = path.join(folder, `${pid}.json`)
        writeFileSync(file, JSON.stringify({ pid, start: "1", machine, store: "s", log: "l" }), { mode: 0o600 })
        return file
      }
      const elsewhere = note(4_194_301, `${ProcessIdentity.sharedClock} pid:[another]`)
      const dead = note(4_194_302, ProcessIdentity.machine)
      const rebooted = note(4_194_303, "another-boot time:[1] pid:[1]")
      assert.deepStrictEqual([...Background.stale(folder)].sort(), [dead, rebooted].sort())
      assert.deepStrictEqual(Background.list(folder), [])
      assert.deepStrictEqual([elsewhere, dead, rebooted].map(existsSync), [true, false, false])
    }).pipe(Effect.scoped)
  )
})
