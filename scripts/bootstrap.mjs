// Installs what is missing in this checkout, then gives way: every npm script that needs dependencies runs it first.
//
//   node scripts/bootstrap.mjs
//
// Plain ES2020, because a fresh clone runs it on whatever Node is there (20 or later). It does nothing, in a few
// milliseconds, when node_modules is as new as package-lock.json. Messages go to stderr. Scripts started at once in one
// clone take turns.

import { spawn } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { isSupported } from "../bin/supported-node.mjs"

const say = (message) => process.stderr.write(`sluice: ${message}\n`)

const isOlder = (file, than) => !fs.existsSync(file) || fs.statSync(file).mtimeMs < fs.statSync(than).mtimeMs

/** The npm step that `root` needs next: its packages, or the Node that an install without scripts left out. */
const missingStep = (root) => {
  if (isOlder(path.join(root, "node_modules/.package-lock.json"), path.join(root, "package-lock.json"))) {
    return { args: ["ci", "--include=dev"], says: "installing dependencies (once, 15 to 45 s)" }
  }
  const node = path.join(root, "node_modules/node")
  const hasRuntime = ["bin/node", "bin/node.exe"].some((file) => fs.existsSync(path.join(node, file)))
  return fs.existsSync(node) && !hasRuntime && !isSupported(process.versions.node)
    ? { args: ["rebuild", "node", "--ignore-scripts=false", "--foreground-scripts"], says: "fetching Node 24" }
    : undefined
}

/** npm must not run on the Node inside the node_modules it is about to replace. */
const pathWithoutBin = () =>
  (process.env.PATH || "")
    .split(path.delimiter)
    .filter((folder) => !folder.endsWith(path.join("node_modules", ".bin")))
    .join(path.delimiter)

/** Runs npm and returns undefined, or how it failed. `onStart` gets its process id. What npm says goes to stderr. */
const npm = (root, args, onStart) =>
  new Promise((resolve) => {
    const child = spawn("npm", [...args, "--loglevel=error", "--no-progress", "--no-fund", "--no-audit"], {
      cwd: root,
      env: { ...process.env, PATH: pathWithoutBin() },
      shell: process.platform === "win32",
      stdio: ["ignore", "ignore", "inherit"]
    })
    child.on("spawn", () => onStart(child.pid))
    child.on("error", (error) => resolve(`did not start: ${error.message}`))
    child.on("exit", (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal || code}`))
  })

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === "EPERM"
  }
}

const removeIfEmpty = (folder) => {
  try {
    fs.rmdirSync(folder)
  } catch {
    // Somebody's file is in it, or it is gone already.
  }
}

const tryToRename = (from, to) => {
  try {
    fs.renameSync(from, to)
    return true
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) return false
    throw error
  }
}

/**
 * Runs `work` while no other process does so for the same `lock`, a folder that holds one file per process that keeps
 * it: this one, and any that `work` adds because it would live on if this one were killed. The lock appears by a
 * rename, which fails while a file is in the way, so two never hold it; the file of a dead process is removed by its
 * own name, so a newer owner's is never taken away.
 */
const exclusively = async (lock, work) => {
  const own = `${lock}.${process.pid}`
  fs.mkdirSync(own, { recursive: true })
  fs.writeFileSync(path.join(own, String(process.pid)), "")
  const added = [process.pid]
  let waiting = false
  while (!tryToRename(own, lock)) {
    const owners = fs.existsSync(lock) ? fs.readdirSync(lock) : []
    const alive = owners.filter((pid) => isAlive(Number(pid)))
    for (const pid of owners) if (!alive.includes(pid)) fs.rmSync(path.join(lock, pid), { force: true })
    if (alive.length > 0) {
      if (!waiting) say(`waiting for process ${alive.join(", ")} (if it is no install of ours, delete ${lock})`)
      waiting = true
      await sleep(200)
    }
    removeIfEmpty(lock) // Windows does not rename over an empty folder either
  }
  const addOwner = (pid) => {
    added.push(pid)
    fs.writeFileSync(path.join(lock, String(pid)), "")
  }
  try {
    return await work(addOwner)
  } finally {
    for (const pid of added) fs.rmSync(path.join(lock, String(pid)), { force: true })
    removeIfEmpty(lock)
  }
}

/** Brings `root` up to its lockfile. Returns false, having said why on stderr, when that could not be done. */
export const bootstrap = async (root) => {
  const lock = path.join(root, ".bootstrap-lock")
  if (missingStep(root) === undefined && !fs.existsSync(lock)) return true
  return exclusively(lock, async (addOwner) => {
    for (let step = missingStep(root); step !== undefined; step = missingStep(root)) {
      say(`${step.says} …`)
      const started = Date.now()
      const failure = await npm(root, step.args, addOwner)
      if (failure !== undefined || missingStep(root)?.says === step.says) {
        say(
          `\`npm ${step.args.join(" ")}\` in ${root} ${failure || "changed nothing"}. It needs the npm registry or its cache.`
        )
        return false
      }
      say(`done in ${((Date.now() - started) / 1000).toFixed(0)} s`)
    }
    return true
  }).catch((error) => {
    say(`could not install in ${root}: ${error.message}`)
    return false
  })
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = (await bootstrap(path.dirname(path.dirname(fileURLToPath(import.meta.url))))) ? 0 : 1
}
