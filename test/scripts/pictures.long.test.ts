import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { hasTmux } from "../support/tmux/Tmux.ts"

const script = fileURLToPath(new URL("../../scripts/pictures.ts", import.meta.url))

describe.skipIf(!hasTmux && process.env.CI !== "true")(
  "scripts/pictures.ts (not run: needs tmux, where skipped)",
  () => {
    it.live("makes pictures of the running product that show what they are for", () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const { status, stderr } = spawnSync(process.execPath, [script, folder], {
          env: { PATH: process.env.PATH, HOME: folder },
          encoding: "utf8"
        })
        assert.strictEqual(status, 0, stderr)
        const top = readFileSync(path.join(folder, "top.svg"), "utf8").replaceAll("\u00a0", " ")
        for (const word of ["sluice top", "computation", "running", "pass 1 of 2", "quit"]) assert.include(top, word)
        const map = readFileSync(path.join(folder, "map.svg"), "utf8").replaceAll("\u00a0", " ")
        for (const word of ["page", "done", "█", "ETA"]) assert.include(map, word)
        for (const svg of [top, map]) assert.notMatch(svg, /\p{Cc}(?<!\n)|href|<script/u)
      }).pipe(Effect.scoped)
    )
  }
)
