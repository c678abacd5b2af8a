// Runs every program of examples/ as a reader would, each in a temporary folder of its own, and checks that it ends
// well.
//
//   node scripts/run-examples.mjs [NAME…]        (npm run examples)
//
// An example passes when it exits 0 within 60 s. The output of one that does not is shown. Exit code 1 when any failed.

import { spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const limitSeconds = 60
const examples = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "examples")
const wanted = process.argv.slice(2).map((name) => `${path.basename(name, ".ts")}.ts`)
const files = fs.existsSync(examples)
  ? fs
      .readdirSync(examples)
      .filter((file) => file.endsWith(".ts"))
      .sort()
  : []
const unknown = wanted.filter((file) => !files.includes(file))
if (unknown.length > 0) {
  console.log(`no such example: ${unknown.join(", ")}; there are ${files.join(", ")}`)
  process.exitCode = 2
}

if (files.length === 0) console.log("skipped  no program in examples/")

for (const file of unknown.length > 0 ? [] : files.filter((file) => wanted.length === 0 || wanted.includes(file))) {
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-example-"))
  const started = Date.now()
  const result = spawnSync(process.execPath, [path.join(examples, file)], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, XDG_STATE_HOME: cwd },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: limitSeconds * 1000,
    killSignal: "SIGKILL"
  })
  fs.rmSync(cwd, { recursive: true, force: true })
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  if (result.status === 0) {
    console.log(`ok      ${file} (${seconds} s)`)
  } else {
    const reason =
      result.error?.code === "ETIMEDOUT" ? `not done after ${limitSeconds} s` : `exit ${result.status ?? result.signal}`
    console.log(`failed  ${file} (${reason})\n${result.stdout}${result.stderr}`)
    process.exitCode = 1
  }
}
