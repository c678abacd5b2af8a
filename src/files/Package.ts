/** This package, found from wherever this module runs: the sources, dist/ or the bundle. */
import { readFileSync } from "node:fs"
import { findPackageJSON } from "node:module"
import path from "node:path"

const manifest = findPackageJSON(import.meta.url)!

/** Its folder. */
export const root = path.dirname(manifest)

/** Its version. */
export const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }
