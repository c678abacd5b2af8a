// Checks the package that users would install: packs it, lints it, and uses it in an empty folder.
//
//   node scripts/check-package.mjs        (npm run check:package)
//
// Needs the npm registry or its cache. Prints one line per step and stops at the first that fails, with exit code 1.

import { execFileSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const { version, devDependencies } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"))
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-package-"))
const packed = path.join(folder, "packed")
const project = path.join(folder, "project")
const tool = (name) => path.join(root, "node_modules/.bin", name)

/** Runs a command and returns what it printed; its output is shown only when it fails. */
const run = (cwd, command, ...args) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 5 * 60_000 })

const expect = (condition, message) => {
  if (!condition) throw new Error(message)
}

const steps = {
  "npm pack": () => {
    fs.mkdirSync(packed)
    run(root, "npm", "pack", "--pack-destination", packed, "--loglevel=error")
  },
  contents: () => {
    const files = run(packed, "tar", "-tzf", tarball()).trim().split("\n")
    for (const needed of [
      "package/bin/sluice.mjs",
      "package/dist/index.js",
      "package/src/index.ts",
      "package/docs/runbooks/no-worker.md",
      "package/LICENSE"
    ]) {
      expect(files.includes(needed), `the tarball lacks ${needed}`)
    }
    const foreign = files.filter(
      (file) => !/^package\/(bin|dist|src|docs\/runbooks)\/|^package\/[^/]+\.(md|json)$|^package\/LICENSE$/.test(file)
    )
    expect(foreign.length === 0, `the tarball holds what it should not: ${foreign.join(", ")}`)
  },
  publint: () => run(root, tool("publint"), "run", "--strict", tarball()),
  "are the types wrong": () => run(root, tool("attw"), tarball(), "--profile", "esm-only", "--no-color", "--no-emoji"),
  "install into an empty folder": () => {
    fs.mkdirSync(project)
    fs.writeFileSync(
      path.join(project, "package.json"),
      JSON.stringify({ name: "empty", private: true, type: "module" })
    )
    run(
      project,
      "npm",
      "install",
      "--prefer-offline",
      "--loglevel=error",
      tarball(),
      `effect@${devDependencies.effect}`
    )
    const copies = JSON.parse(run(project, "npm", "query", "#effect"))
    expect(new Set(copies.map((copy) => copy.path)).size === 1, `there are ${copies.length} copies of effect`)
  },
  "a program imports sluice and sluice/testing": () => {
    const program = `
      import * as Sluice from "sluice"
      import * as Testing from "sluice/testing"
      const hidden = await import("sluice/internal/anything").catch((error) => error.code)
      console.log(JSON.stringify([Object.keys(Sluice).length, Object.keys(Testing).length, hidden]))`
    fs.writeFileSync(path.join(project, "program.mjs"), program)
    const [exported, testing, hidden] = JSON.parse(run(project, process.execPath, "program.mjs"))
    expect(exported > 0 && testing > 0, `sluice exports ${exported} names, sluice/testing ${testing}`)
    expect(hidden === "ERR_PACKAGE_PATH_NOT_EXPORTED", `sluice/internal/* answered ${hidden}`)
  },
  "npx sluice --version": () => {
    const answer = run(project, "npx", "--no", "--", "sluice", "--version").trim()
    expect(answer === `sluice ${version}`, `it answered ${answer}`)
  },
  "npx sluice --help": () => {
    const answer = run(project, "npx", "--no", "--", "sluice", "--help")
    expect(answer.includes("sluice"), `it answered ${answer}`)
  }
}

const tarball = () => path.join(packed, `sluice-${version}.tgz`)

try {
  for (const [name, step] of Object.entries(steps)) {
    try {
      step()
      console.log(`ok      ${name}`)
    } catch (error) {
      console.log(`failed  ${name}\n${error.stdout || ""}${error.message}`)
      process.exitCode = 1
      break
    }
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
