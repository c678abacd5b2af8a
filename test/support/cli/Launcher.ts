/**
 * The command line as npm installs it, for tests that start processes: the bundle starts in a third of the CPU time that
 * the sources take. It is made of the sources as they are now, by the test that needs it first, and kept for as long as
 * they stay the same. Calls that run code of a project's go to the sources, so that a test's module of tasks shares its
 * modules with them.
 */
import { createHash } from "node:crypto"
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { bundle, root } from "../../../scripts/build/bundle.ts"

/** Whatever changes what is installed. */
const madeOf = ["bin", "src", "package.json", "package-lock.json", "scripts/build", "test/support/cli/Launcher.ts"]

const filesOf = (name: string): ReadonlyArray<string> =>
  statSync(path.join(root, name)).isFile()
    ? [name]
    : readdirSync(path.join(root, name), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
        .sort()

const stateOfSources = (): string => {
  const hash = createHash("sha256")
  for (const file of madeOf.flatMap(filesOf))
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(path.join(root, file)))
  return hash.digest("hex").slice(0, 16)
}

// Packages are found from here as from the checkout.
const installations = path.join(root, "node_modules/.cache/sluice-installed")
const dayMs = 86_400_000

const removeOld = (): void => {
  for (const name of readdirSync(installations)) {
    const folder = path.join(installations, name)
    if (Date.now() - statSync(folder).mtimeMs > dayMs) rmSync(folder, { recursive: true, force: true })
  }
}

const install = async (folder: string): Promise<void> => {
  mkdirSync(path.join(folder, "dist/bundle"), { recursive: true })
  mkdirSync(path.join(folder, "dist/cli"))
  for (const name of ["bin", "package.json"])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  await bundle(path.join(folder, "dist/bundle"))
  const [wrappers, main] = ["scripts/wasm-wrappers.mjs", "src/cli/main.ts"].map((name) =>
    JSON.stringify(pathToFileURL(path.join(root, name)))
  )
  writeFileSync(path.join(folder, "dist/cli/main.js"), `import ${wrappers}\nexport * from ${main}\n`)
}

/** Of two that make it at once, the one that is done first stays. */
const installed = async (): Promise<string> => {
  const folder = path.join(installations, stateOfSources())
  if (existsSync(folder)) return folder
  const fresh = path.join(installations, `${process.pid}-${crypto.randomUUID()}`)
  await install(fresh)
  removeOld()
  try {
    renameSync(fresh, folder)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

const installation = await installed()

/** What `sluice` is on a user's PATH. */
export const launcher = path.join(installation, "bin/sluice.mjs")

/** Where it keeps what it has compiled, as `XDG_CACHE_HOME`: a user has called most commands before. */
export const cacheHome = path.join(installation, "cache")
