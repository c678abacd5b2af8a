// What an installed Sluice consists of, as CycloneDX on standard output, with the reason for each package that Sluice
// itself never imports.
//
//   node scripts/sbom.ts > sluice.cdx.json        (npm run --silent sbom; from package-lock.json, without the network)
//
// Exit code 1 when a package is neither imported by src/ nor has a reason here.

import { execFileSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { importsIn } from "./import-directions.ts"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** Packages that come with those we import, and why they are there. */
export const reasons: Readonly<Record<string, string>> = {
  "@effect/platform-node-shared": "what @effect/platform-node is made of",
  ws: "the WebSockets of @effect/platform-node-shared; loaded with its sockets",
  undici: "the other HTTP client of @effect/platform-node; never loaded",
  "@types/ws": "types of @effect/platform-node-shared; no code",
  "@types/node": "types of @types/ws; no code",
  "undici-types": "types of @types/node; no code",
  redis:
    "a peer that @effect/platform-node demands for its module NodeRedis, which nothing imports; npm installs it by itself, never loaded",
  "@redis/bloom": "a part of redis; never loaded",
  "@redis/client": "a part of redis; never loaded",
  "@redis/json": "a part of redis; never loaded",
  "@redis/search": "a part of redis; never loaded",
  "@redis/time-series": "a part of redis; never loaded"
}

/** `@scope/name` or `name` of what a specifier leads into. */
const packageOf = (specifier: string): string => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")

/** The packages that `src/` imports, at once or when needed, or reads files of (fonts, WebAssembly). */
export const imported = (): ReadonlySet<string> => {
  const files = fs
    .readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
  const specifiers = files.flatMap((file) => {
    const source = fs.readFileSync(path.join(root, "src", file), "utf8")
    const read = [...source.matchAll(/["'`](@[\w.-]+\/[\w.-]+\/[^"'`]+\.\w+)["'`]/g)].map(([, name]) => name!)
    return [...importsIn(source).map(({ specifier }) => specifier), ...read]
  })
  return new Set(specifiers.filter((each) => !each.startsWith(".") && !each.startsWith("node:")).map(packageOf))
}

const read = (name: string) => JSON.parse(fs.readFileSync(path.join(root, name), "utf8"))

interface Component {
  readonly "bom-ref": string
  readonly group?: string
  readonly name: string
  readonly version: string
  readonly hashes: ReadonlyArray<{ readonly alg: string; readonly content: string }>
  readonly properties: ReadonlyArray<{ readonly name: string; readonly value: string }>
}

/** As far as it is looked into (CycloneDX 1.5). */
interface Bom {
  readonly metadata: { readonly component: { readonly "bom-ref": string; name: string } }
  components: ReadonlyArray<Component>
  dependencies: ReadonlyArray<{ readonly ref: string; readonly dependsOn: ReadonlyArray<string> }>
}

interface LockEntry {
  readonly version: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
}

/** An installation as npm tells it from the lock file, each component with its reason. */
export const sbom = (): Bom => {
  const text = execFileSync("npm", ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024
  })
  const bom: Bom = JSON.parse(text)
  // npm names the root after its folder.
  bom.metadata.component.name = read("package.json").name
  // npm's own --omit=dev leaves out what is a development dependency as well as a part of an installation.
  const packages: Readonly<Record<string, LockEntry>> = read("package-lock.json").packages
  const installed = new Set(
    Object.entries(packages)
      .filter(([place, { dev, devOptional, optional }]) => place !== "" && !dev && !devOptional && !optional)
      .map(([place, { version }]) => `${place.replace(/^.*node_modules\//, "")}@${version}`)
  )
  const own = imported()
  const nameOf = ({ group, name }: Component) => (group === undefined ? name : `${group}/${name}`)
  bom.components = bom.components
    .filter((component) => installed.has(`${nameOf(component)}@${component.version}`))
    .map((component) => {
      const name = nameOf(component)
      const why = reasons[name] ?? (own.has(name) ? "imported by src/" : undefined)
      if (why === undefined) throw new Error(`${name} is neither imported by src/ nor has a reason in scripts/sbom.ts`)
      return { ...component, properties: [...component.properties, { name: "sluice:reason", value: why }] }
    })
  const known = new Set([bom.metadata.component["bom-ref"], ...bom.components.map((each) => each["bom-ref"])])
  bom.dependencies = bom.dependencies
    .filter(({ ref }) => known.has(ref))
    .map(({ dependsOn, ref }) => ({ ref, dependsOn: dependsOn.filter((each) => known.has(each)) }))
  return bom
}

if (import.meta.main) {
  try {
    process.stdout.write(`${JSON.stringify(sbom(), null, 2)}\n`)
  } catch (error) {
    process.stderr.write(`sbom: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
