// Runs the bundle with the functions compiled that the last start of the same command has called. Plain ES2020, as the
// launcher.
//
// Node's own compile cache is made before a file runs, and so holds none of its inner functions: those were compiled
// anew at each start, a fifth of its time. What is kept here is made when a command has ended well, one file for each
// (1 to 2 MB), and made again when the bundle is another. It is used only as far as it is whole and of the very source
// that lies there. Why: docs/decisions/0028-start-up.md.

import fs from "node:fs"
import module from "node:module"
import path from "node:path"
import vm from "node:vm"
import { crc32 } from "node:zlib"

const lengthBytes = 4

/** Compiled code by name of its file, with the checksum of its source; nothing where the file is missing or damaged. */
const read = (file) => {
  try {
    const all = fs.readFileSync(file)
    const code = all.subarray(lengthBytes + all.readUInt32LE(0))
    const { checksum, parts } = JSON.parse(all.toString("utf8", lengthBytes, all.length - code.length))
    if (crc32(code) !== checksum) return new Map()
    let at = 0
    return new Map(
      parts.map(([name, source, length]) => {
        at += length
        return [name, { source, data: code.subarray(at - length, at) }]
      })
    )
  } catch {
    return new Map()
  }
}

/** With what was kept and not used this time, as long as its file is there. Whole or not at all. */
const write = (file, folder, kept, scripts) => {
  const parts = [...scripts].map(([name, { script, source }]) => ({ name, source, data: script.createCachedData() }))
  for (const [name, code] of kept) {
    if (!scripts.has(name) && fs.existsSync(path.join(folder, name))) parts.push({ name, ...code })
  }
  const code = Buffer.concat(parts.map(({ data }) => data))
  const index = { checksum: crc32(code), parts: parts.map(({ name, source, data }) => [name, source, data.length]) }
  const head = Buffer.from(JSON.stringify(index))
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32LE(head.length)
  const fresh = `${file}.${process.pid}`
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    fs.writeFileSync(fresh, Buffer.concat([length, head, code]), { flag: "wx", mode: 0o600 })
    fs.renameSync(fresh, file)
  } catch {
    // No room, or a folder that has gone: slower to start, nothing else.
    fs.rmSync(fresh, { force: true })
  }
}

/** What `main` exports. `file`: where its compiled code is kept; undefined: nowhere. */
export const runBundle = (main, file) => {
  const folder = path.dirname(main)
  const outside = module.createRequire(main)
  const kept = file === undefined ? new Map() : read(file)
  const scripts = new Map()
  const modules = new Map()
  let isFresh = false

  const load = (name) => {
    const known = modules.get(name)
    if (known !== undefined) return known.exports
    const filename = path.join(folder, name)
    const text = fs.readFileSync(filename, "utf8")
    const source = crc32(text)
    const code = kept.get(name)
    const cachedData = code !== undefined && code.source === source ? code.data : undefined
    const script = new vm.Script(module.wrap(text), {
      filename,
      cachedData,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
    })
    if (cachedData === undefined || script.cachedDataRejected) isFresh = true
    scripts.set(name, { script, source })
    const loaded = { exports: {} }
    modules.set(name, loaded)
    const require = (id) => (id.startsWith("./") ? load(id.slice(2)) : outside(id))
    script.runInThisContext().call(loaded.exports, loaded.exports, require, loaded, filename, folder)
    return loaded.exports
  }

  process.on("exit", (exitCode) => {
    if (file !== undefined && isFresh && exitCode === 0) write(file, folder, kept, scripts)
  })
  return load(path.basename(main))
}
