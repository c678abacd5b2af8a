#!/usr/bin/env node
// The launcher of the command line. Plain ES2020, so that a Node too old for Sluice reaches the line that says so.
//
// What it starts: in a checkout (scripts/ is there; the npm package leaves it out) the sources, so that a stale dist/
// cannot mislead; in an installed package dist/, the bundle of it where that will do (program.mjs). What it starts it
// on: this Node when it is new enough, else the `node` package that npm finds from here (node_modules/node, own or
// hoisted), to which it hands signals and from which it takes the exit code. `--version` and completions are answered
// here, without loading anything else.

import fs from "node:fs"
import module from "node:module"
import os from "node:os"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { isOwn, kindOf, readyMade } from "./program.mjs"
import { isSupported, oldestSupported } from "./supported-node.mjs"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const isCheckout = fs.existsSync(path.join(root, "scripts"))
const args = process.argv.slice(2)
const built = () => (isOwn(args, process.env) ? "dist/bundle/main.cjs" : "dist/cli/main.js")
const main = path.join(root, isCheckout ? "src/cli/main.ts" : built())
const answer = isCheckout ? undefined : readyMade(args)

const readVersion = (packageJson) => JSON.parse(fs.readFileSync(packageJson, "utf8")).version

/** Paths and messages in it are not ours: what a terminal might obey or not show is escaped. */
const fail = (message) => {
  const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
  const line = message.replace(hidden, (character) => `\\u{${character.codePointAt(0).toString(16)}}`)
  process.stderr.write(`sluice: ${line}\n`)
  process.exitCode = 1
}

/** The Node runtime that npm installed for this package, when there is one and it is new enough. */
const findRuntime = () => {
  try {
    const packageJson = module.createRequire(import.meta.url).resolve("node/package.json")
    const runtime = path.join(path.dirname(packageJson), "bin", process.platform === "win32" ? "node.exe" : "node")
    return isSupported(readVersion(packageJson)) && fs.existsSync(runtime) ? runtime : undefined
  } catch {
    return undefined
  }
}

/** Ctrl-C reaches the whole foreground group of a terminal: passing it on as well would make the child count two. */
const terminalSignalsChild = () => {
  try {
    const fields = fs
      .readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
    const [group, foregroundGroup] = [fields[2], fields[5]]
    return group === foregroundGroup
  } catch {
    return process.stdin.isTTY === true || process.stderr.isTTY === true
  }
}

const handOver = async (runtime) => {
  const { spawn } = await import("node:child_process")
  const child = spawn(runtime, [fileURLToPath(import.meta.url), ...args], { stdio: "inherit" })
  const forward = (signal) => {
    if (signal === "SIGTERM" || !terminalSignalsChild()) child.kill(signal)
  }
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
  for (const signal of signals) process.on(signal, forward)
  child.on("error", (error) => fail(`could not start ${runtime}: ${error.message}`))
  child.on("exit", (code, signal) => {
    for (const name of signals) process.off(name, forward)
    if (signal === null) process.exitCode = code
    else process.kill(process.pid, signal)
  })
}

/**
 * Compiled code is run without being looked at, so it is kept in a folder that only this user can read or write, itself
 * in one that only this user can write; without such folders, or when NODE_DISABLE_COMPILE_CACHE says so, it is
 * compiled anew each time.
 */
const compiledFolder = () => {
  if (process.env.NODE_DISABLE_COMPILE_CACHE) return undefined
  const caches =
    process.env.XDG_CACHE_HOME ||
    (process.platform === "win32" && process.env.LOCALAPPDATA) ||
    path.join(os.homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache")
  const folder = path.join(caches, "sluice", "compiled")
  const isOurs = (name, others) => {
    const stats = fs.lstatSync(name)
    if (process.geteuid === undefined) return stats.isDirectory()
    return stats.isDirectory() && stats.uid === process.geteuid() && (stats.mode & others) === 0
  }
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    return isOurs(path.dirname(folder), 0o022) && isOurs(folder, 0o077) ? folder : undefined
  } catch {
    // A read-only or missing home: slower to start, nothing else.
    return undefined
  }
}

/** Each installation, and each Node it runs on, has its own. */
const compiledFile = (folder) => {
  const { crc32 } = process.getBuiltinModule("node:zlib")
  const runtime = `${process.version}-${process.arch}`
  return path.join(folder, `bundle-${runtime}-${crc32(root).toString(16)}`, kindOf(args))
}

/** Says what is ready, and ends as the command line itself does: ExitCode.ts. */
const say = (text) => {
  process.stdout.on("error", (error) => {
    if (error.code === "EPIPE") return
    process.stderr.write(`sluice: stdout could not be written: ${error.message}\n`)
    process.exitCode = 9
  })
  process.stdout.write(text)
}

if (args[0] === "--version" || args[0] === "-V" || (args[0] === "version" && args.length === 1)) {
  say(`sluice ${readVersion(path.join(root, "package.json"))}\n`)
} else if (answer !== undefined && fs.existsSync(path.join(root, answer))) {
  say(fs.readFileSync(path.join(root, answer)))
} else if (!isSupported(process.versions.node)) {
  const runtime = findRuntime()
  if (runtime) await handOver(runtime)
  else
    fail(
      `needs Node ${oldestSupported} or later, this is ${process.versions.node}. Install it from nodejs.org, or beside sluice with \`npm install node@24\`.`
    )
} else if (!fs.existsSync(main)) {
  fail(`${main} is missing: the installation is incomplete. Install sluice again.`)
} else {
  const compiled = compiledFolder()
  if (compiled !== undefined) module.enableCompileCache(compiled)
  if (isCheckout) await import(pathToFileURL(path.join(root, "scripts/wasm-wrappers.mjs")).href)
  if (main.endsWith(".cjs")) {
    const { runBundle } = await import("./bundle.mjs")
    await runBundle(main, compiled && compiledFile(compiled)).ended
  } else await (await import(pathToFileURL(main).href)).ended
}
