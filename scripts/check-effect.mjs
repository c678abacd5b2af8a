// Effect diagnostics: floating effects, missing `return yield*`, chained `Effect.provide` and the like, which plain tsc
// does not see.
//
//   node scripts/check-effect.mjs        (npm run check:effect; part of npm run check)
//
// The tool is a build of the TypeScript compiler with Effect's checks in it. It lives in scripts/effect-diagnostics
// with a lockfile of its own, installed on first use, because npm cannot lock its packages for all platforms at once:
// it is locked for Linux on x64, and elsewhere this check says that it did not run. Exit code 1 when anything is found.

import { spawnSync } from "node:child_process"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { bootstrap } from "./bootstrap.mjs"

const scripts = path.dirname(fileURLToPath(import.meta.url))
const tool = path.join(scripts, "effect-diagnostics")

if (process.platform !== "linux" || process.arch !== "x64") {
  process.stderr.write(
    `Effect diagnostics: not run, the tool is locked for linux-x64 and this is ${process.platform}-${process.arch}\n`
  )
} else if (!(await bootstrap(tool))) {
  process.exitCode = 1
} else {
  const compiler = path.join(tool, "node_modules/@effect/tsgo-linux-x64/lib/tsc")
  const result = spawnSync(compiler, ["--noEmit", "-p", "tsconfig.json"], {
    cwd: path.dirname(scripts),
    stdio: "inherit"
  })
  if (result.error) process.stderr.write(`Effect diagnostics: ${compiler} did not start: ${result.error.message}\n`)
  process.exitCode = result.status === 0 ? 0 : 1
}
