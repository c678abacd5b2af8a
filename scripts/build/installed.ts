/** The package as npm installs it, from what `npm run build` made. */
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs"
import path from "node:path"
import { root } from "../../src/files/Package.ts"

/** Whether there is something to install. */
export const isBuilt = existsSync(path.join(root, "dist/bundle/main.js"))

/** Installs into a new folder and answers the launcher. Dependencies are those of this checkout. */
export const install = (folder: string): string => {
  mkdirSync(folder, { recursive: true })
  for (const name of ["bin", "dist", "package.json"])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"))
  return path.join(folder, "bin/sluice.mjs")
}
