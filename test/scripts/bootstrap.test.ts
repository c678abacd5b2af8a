import { spawn } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"

const repository = path.resolve(import.meta.dirname, "../..")

/** Stands in for npm: notes when it starts and ends, and "installs" after a while. */
const fakeNpm = `#!/bin/sh
echo "start $1" >> npm.log
[ -e broken ] && { echo "npm error: no route" >&2; exit 9; }
sleep 0.3
mkdir -p node_modules && touch node_modules/.package-lock.json
[ "$1" = rebuild ] && mkdir -p node_modules/node/bin && touch node_modules/node/bin/node
echo "end $1" >> npm.log
`

let root: string

const onOldNode = [
  "--import",
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.11.0"}})'
]

const bootstrap = (nodeFlags: ReadonlyArray<string> = []) => {
  const child = spawn(process.execPath, [...nodeFlags, "scripts/bootstrap.mjs"], {
    cwd: root,
    env: { ...process.env, PATH: `${path.join(root, "fake")}${path.delimiter}${process.env.PATH}` }
  })
  let stderr = ""
  child.stderr.on("data", (chunk) => (stderr += chunk))
  return new Promise<{ readonly code: number | null; readonly stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, stderr }))
  )
}

const npmRuns = () => (existsSync(path.join(root, "npm.log")) ? readFileSync(path.join(root, "npm.log"), "utf8") : "")
const locks = () => readdirSync(root).filter((file) => file.startsWith(".bootstrap-lock"))

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "sluice-bootstrap-"))
  for (const file of ["bin/supported-node.mjs", "scripts/bootstrap.mjs"]) {
    cpSync(path.join(repository, file), path.join(root, file))
  }
  writeFileSync(path.join(root, "package-lock.json"), "{}")
  mkdirSync(path.join(root, "fake"))
  writeFileSync(path.join(root, "fake/npm"), fakeNpm, { mode: 0o755 })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe("bootstrap", () => {
  it("installs when node_modules is missing, and not again", async () => {
    assert.strictEqual((await bootstrap()).code, 0)
    assert.deepStrictEqual(await bootstrap(), { code: 0, stderr: "" })
    assert.strictEqual(npmRuns(), "start ci\nend ci\n")
  })

  it("installs again when the lockfile is newer", async () => {
    await bootstrap()
    utimesSync(path.join(root, "node_modules/.package-lock.json"), 1, 1)
    assert.strictEqual((await bootstrap()).code, 0)
    assert.strictEqual(npmRuns(), "start ci\nend ci\nstart ci\nend ci\n")
  })

  it("fetches the Node that an install without scripts left out, when the running one is too old", async () => {
    mkdirSync(path.join(root, "node_modules/node"), { recursive: true })
    await bootstrap()
    assert.strictEqual(npmRuns(), "start ci\nend ci\n")
    assert.strictEqual((await bootstrap(onOldNode)).code, 0)
    assert.strictEqual(npmRuns(), "start ci\nend ci\nstart rebuild\nend rebuild\n")
    assert.deepStrictEqual(await bootstrap(onOldNode), { code: 0, stderr: "" })
  })

  it("lets several scripts started at once install once, and leaves no lock behind", async () => {
    const results = await Promise.all([bootstrap(), bootstrap(), bootstrap(), bootstrap()])
    assert.deepStrictEqual(
      results.map((result) => result.code),
      [0, 0, 0, 0]
    )
    assert.strictEqual(npmRuns(), "start ci\nend ci\n")
    assert.deepStrictEqual(locks(), [])
  })

  it("takes over the lock of a process that is gone, by several at once", async () => {
    const dead = spawn(process.execPath, ["-e", ""])
    await new Promise((resolve) => dead.on("close", resolve))
    mkdirSync(path.join(root, ".bootstrap-lock"))
    writeFileSync(path.join(root, ".bootstrap-lock", String(dead.pid)), "")
    await Promise.all([bootstrap(), bootstrap(), bootstrap()])
    assert.strictEqual(npmRuns(), "start ci\nend ci\n")
    assert.deepStrictEqual(locks(), [])
  })

  it("says that npm failed and gives the lock back", async () => {
    writeFileSync(path.join(root, "broken"), "")
    const { code, stderr } = await bootstrap()
    assert.strictEqual(code, 1)
    assert.match(stderr, /npm error: no route\nsluice: `npm ci --include=dev` in .+ ended with 9\. It needs .+\n$/)
    assert.deepStrictEqual(locks(), [])
  })
})
