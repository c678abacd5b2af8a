// Builds dist/, what the package ships beside its sources.
//
//   node scripts/build/build.ts        (npm run build)
//
// The library as JavaScript with declarations, the bundle of the command line, a script of completions per shell, and
// sluice(1).

import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as Effect from "effect/Effect"
import { type Shell, script } from "../../src/cli/commands/completions.ts"
import { version } from "../../src/files/Package.ts"
import { bundle, root } from "./bundle.ts"
import { helpPages } from "./help-pages.ts"
import { manPage } from "./man-page.ts"

const dist = (...names: ReadonlyArray<string>) => path.join(root, "dist", ...names)

/** Where shells look for such files, they have these names: bin/program.mjs. */
const completionNames: Readonly<Record<Shell, string>> = { bash: "sluice.bash", zsh: "_sluice", fish: "sluice.fish" }

const writeInto = (folder: string, name: string, text: string) => {
  mkdirSync(dist(folder), { recursive: true })
  writeFileSync(dist(folder, name), text)
}

rmSync(dist(), { recursive: true, force: true })
execFileSync(path.join(root, "node_modules/.bin/tsc"), ["-p", path.join(root, "tsconfig.build.json")], {
  stdio: "inherit"
})
mkdirSync(dist("bundle"))
await bundle(dist("bundle"))
for (const [shell, name] of Object.entries(completionNames)) {
  writeInto("completions", name, await Effect.runPromise(script(shell as Shell)))
}
writeInto("man", "sluice.1", manPage(await Effect.runPromise(helpPages), version))
