import { spawn, spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"

const repository = path.resolve(import.meta.dirname, "../..")
const { version } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8"))

/**
 * Makes the launcher believe that it runs on a Node too old for Sluice; the Node it hands over to tells the truth
 * again.
 */
const onOldNode = [
  "--import",
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.11.0"}})'
]

/** Prints what it was started with once it listens for signals. */
const main = `
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => { console.log(signal); process.exit(7) })
console.log(JSON.stringify(["SOURCE", process.versions.node, process.argv.slice(2)]))
if (process.argv[2] === "wait") setInterval(() => {}, 1000)
else process.exitCode = 3
`

let root: string
let cache: string

const arrange = (kind: "checkout" | "package") => {
  cpSync(path.join(repository, "bin"), path.join(root, "bin"), { recursive: true })
  cpSync(path.join(repository, "package.json"), path.join(root, "package.json"))
  for (const [folder, file] of [
    ["src/cli", "main.ts"],
    ["dist/cli", "main.js"],
    ["dist/bundle", "main.cjs"]
  ] as const) {
    mkdirSync(path.join(root, folder), { recursive: true })
    writeFileSync(path.join(root, folder, file), main.replace("SOURCE", folder))
  }
  if (kind === "checkout")
    cpSync(path.join(repository, "scripts/wasm-wrappers.mjs"), path.join(root, "scripts/wasm-wrappers.mjs"))
}

const addRuntime = () => {
  mkdirSync(path.join(root, "node_modules/node/bin"), { recursive: true })
  symlinkSync(process.execPath, path.join(root, "node_modules/node/bin/node"))
  writeFileSync(path.join(root, "node_modules/node/package.json"), JSON.stringify({ version: process.versions.node }))
}

const launcher = () => path.join(root, "bin/sluice.mjs")
const environment = () => ({ ...process.env, XDG_CACHE_HOME: cache })
const launch = (args: ReadonlyArray<string>, nodeFlags: ReadonlyArray<string> = []) =>
  spawnSync(process.execPath, [...nodeFlags, launcher(), ...args], { encoding: "utf8", env: environment() })

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "sluice-launcher-"))
  cache = path.join(root, "cache")
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe("the launcher", () => {
  it("answers --version by itself, on an old Node too", () => {
    arrange("package")
    rmSync(path.join(root, "dist"), { recursive: true })
    for (const [word, flags] of [
      ["--version", []],
      ["-V", onOldNode],
      ["version", []],
      ["--version", onOldNode]
    ] as const) {
      const { status, stdout, stderr } = launch([word], flags)
      assert.deepStrictEqual({ status, stdout, stderr }, { status: 0, stdout: `sluice ${version}\n`, stderr: "" })
    }
  })

  it("runs the sources in a checkout, even beside a stale dist; in a package the bundle or, beside code of a project's, dist", () => {
    for (const [kind, command, from] of [
      ["package", "job", "dist/bundle"],
      ["package", "enqueue", "dist/cli"],
      ["checkout", "job", "src/cli"]
    ] as const) {
      arrange(kind)
      const { status, stdout } = launch([command, "a  b"])
      assert.deepStrictEqual(JSON.parse(stdout), [from, process.versions.node, [command, "a  b"]])
      assert.strictEqual(status, 3)
    }
  })

  it("answers completions from the files of the package", () => {
    arrange("package")
    mkdirSync(path.join(root, "dist/completions"))
    writeFileSync(path.join(root, "dist/completions/_sluice"), "#compdef sluice\n")
    assert.strictEqual(launch(["completions", "zsh"]).stdout, "#compdef sluice\n")
  })

  it("keeps compiled code in a folder of this user's own", () => {
    arrange("checkout")
    launch([])
    assert.strictEqual(statSync(path.join(cache, "sluice/compiled")).mode & 0o777, 0o700)
  })

  it("hands over from an old Node to the one in node_modules, with arguments and exit code", () => {
    arrange("package")
    addRuntime()
    const { status, stdout } = launch(["x y"], onOldNode)
    assert.deepStrictEqual(JSON.parse(stdout), ["dist/cli", process.versions.node, ["x y"]])
    assert.strictEqual(status, 3)
  })

  it("hands signals to the Node it started and takes its exit code", async () => {
    arrange("package")
    addRuntime()
    const child = spawn(process.execPath, [...onOldNode, launcher(), "wait"], { env: environment() })
    let out = ""
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve))
    child.stdout.on("data", (chunk) => {
      if (out === "") child.kill("SIGTERM")
      out += chunk
    })
    assert.strictEqual(await ended, 7)
    assert.match(out, /SIGTERM\n$/)
  })

  it("says in one line what to install when there is no fitting Node", () => {
    arrange("package")
    const { status, stdout, stderr } = launch(["queue"], onOldNode)
    assert.strictEqual(status, 1)
    assert.strictEqual(stdout, "")
    assert.match(stderr, /^sluice: needs Node 24\.14\.1 or later, this is 20\.11\.0\. Install it .+\n$/)
  })

  it("says in one line that an installation is incomplete", () => {
    arrange("package")
    rmSync(path.join(root, "dist"), { recursive: true })
    const { status, stderr } = launch(["queue"])
    assert.strictEqual(status, 1)
    assert.match(stderr, /^sluice: .*dist\/bundle\/main\.cjs is missing: .+\n$/)
  })
})
