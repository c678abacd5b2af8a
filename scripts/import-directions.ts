// Who may import whom in src/.
//
//   node scripts/import-directions.ts        (part of npm run check)
//
// Prints one line per import against the rules below and exits 1 when there is any.

import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

/** What a file is, by its place. The first pattern that fits decides. A room is a folder of src/services. */
const kinds = [
  { kind: "index", files: /^src\/(services\/[^/]+|http)\/index\.ts$/ },
  { kind: "layers", files: /^src\/services\/[^/]+\/(layers|storeLayers)\.ts$/ },
  { kind: "policy", files: /^src\/services\/[^/]+\/policy\// },
  { kind: "upkeep", files: /^src\/services\/[^/]+\/upkeep\// },
  { kind: "implementation", files: /^src\/services\/[^/]+\/(.+\/)?[^/]+Live\.ts$/ },
  { kind: "implementation", files: /^src\/services\/Store\/[^/]+\/JobStore[^/]+\.ts$/ },
  { kind: "store part", files: /^src\/services\/Store\/[^/]+\// },
  { kind: "memory part", files: /^src\/services\/Memory\/heap\// },
  { kind: "profile part", files: /^src\/services\/Profiling\/measure\// },
  { kind: "scaler part", files: /^src\/services\/Scaling\/(rounds|act)\// },
  { kind: "run part", files: /^src\/services\/(Queue|Streams|Pipelines)\/run\// },
  { kind: "contract", files: /^src\/services\/Queue\/(codec|attempt)\// },
  { kind: "outputs part", files: /^src\/services\/Queue\/outputs\// },
  { kind: "queue part", files: /^src\/services\/Queue\/queue\// },
  { kind: "watch part", files: /^src\/services\/[^/]+\/watch\// },
  { kind: "host part", files: /^src\/services\/[^/]+\/host\// },
  { kind: "sink part", files: /^src\/services\/[^/]+\/sinks\// },
  { kind: "contract", files: /^src\/services\/[^/]+\/[^/]+\.ts$/ },
  { kind: "files", files: /^src\/files\// },
  { kind: "api", files: /^src\/api\// },
  { kind: "cli words", files: /^src\/cli\/(Failure\.ts$|terminal\/|plot\/)/ },
  { kind: "cli", files: /^src\/cli\// },
  { kind: "trial", files: /^src\/(bench|soak)\// },
  { kind: "http", files: /^src\/http\// },
  { kind: "testing", files: /^src\/testing\// },
  { kind: "package", files: /^src\/[^/]+\.ts$/ }
] as const

type Kind = (typeof kinds)[number]["kind"]

interface Rule {
  /** Kinds it may import. */
  readonly may: ReadonlyArray<Kind>
  /** Kinds of which it may import types only (`import type`). */
  readonly types?: ReadonlyArray<Kind>
  /** Packages it may import; all of them unless said. */
  readonly packages?: RegExp
  /** The rule in words, for the message. */
  readonly says: string
}

const onlyEffect = /^effect(\/|$)/
const onlyNode = /^node:/

const rules: Record<Kind, Rule> = {
  policy: {
    may: ["policy"],
    types: ["contract"],
    packages: onlyEffect,
    says: "a policy imports only policies and the types of contracts"
  },
  contract: {
    may: ["contract", "policy"],
    packages: onlyEffect,
    says: "a contract imports only contracts, policies (for defaults and checks), and effect"
  },
  upkeep: {
    may: ["contract", "policy", "upkeep", "outputs part", "scaler part", "host part"],
    says: "an upkeep loop imports only contracts, policies, what all loops share, host/, outputs/ and parts of the scaler"
  },
  implementation: {
    may: [
      "contract",
      "policy",
      "host part",
      "queue part",
      "run part",
      "outputs part",
      "store part",
      "memory part",
      "profile part",
      "scaler part",
      "watch part",
      "sink part",
      "files"
    ],
    says: "an implementation imports contracts, policies, the parts of its folder and src/files, never another implementation"
  },
  "store part": {
    may: ["contract", "policy", "store part", "host part", "files"],
    says: "a part of stores/ imports contracts, policies, stores/, host/ and src/files"
  },
  "memory part": {
    may: ["contract", "policy", "memory part"],
    says: "a part of memory/ imports contracts, policies and memory/"
  },
  "queue part": {
    may: ["contract", "policy", "memory part", "queue part"],
    says: "a part of queue/ imports contracts, policies, memory/ and queue/"
  },
  "run part": {
    may: ["contract", "policy", "run part", "host part", "files"],
    says: "a part of run/ imports contracts, policies, run/, host/ and src/files"
  },
  "outputs part": {
    may: ["contract", "policy", "outputs part", "files"],
    says: "a part of outputs/ imports contracts, policies, outputs/ and src/files"
  },
  "host part": { may: ["host part"], says: "a part of host/ asks the machine, and imports nothing but host/" },
  "profile part": {
    may: ["contract", "policy", "profile part", "files"],
    says: "a part of profile/ imports contracts, policies, profile/ and src/files"
  },
  "scaler part": {
    may: ["contract", "policy", "run part", "scaler part"],
    says: "a part of scaler/ imports contracts, policies, run/ and scaler/"
  },
  "watch part": {
    may: ["contract", "policy", "watch part"],
    says: "a part of watch/ imports contracts, policies and watch/"
  },
  "sink part": {
    may: ["contract", "policy", "sink part"],
    says: "a part of sinks/ imports contracts, policies and sinks/"
  },
  layers: {
    may: [
      "index",
      "layers",
      "contract",
      "policy",
      "upkeep",
      "implementation",
      "run part",
      "outputs part",
      "store part",
      "profile part",
      "scaler part"
    ],
    says: "layers.ts puts services together; it does not know the command line, the API or the test kit"
  },
  index: {
    may: ["index", "layers", "contract", "policy", "run part", "profile part", "scaler part", "host part", "http"],
    says: "an index.ts shows contracts, policies and layers"
  },
  api: { may: ["index", "api"], says: "the shapes of what leaves the process import only index.ts files" },
  files: { may: ["files"], packages: onlyNode, says: "src/files imports only Node and its own folder" },
  cli: {
    may: ["index", "api", "cli", "cli words", "trial", "files"],
    says: "the command line imports only index.ts files, src/api, src/bench, src/soak, src/files and its own folder"
  },
  "cli words": {
    may: ["index", "api", "cli", "cli words", "files"],
    says: "what the terminal is told and shown imports only index.ts files, src/files and the command line"
  },
  trial: {
    may: ["index", "cli words", "trial", "files"],
    says: "src/bench and src/soak import index.ts files, src/files, each other, and of the command line figures, tables and pictures"
  },
  http: {
    may: ["index", "api", "http"],
    says: "the API imports only index.ts files, src/api and its own folder"
  },
  testing: {
    may: ["index", "layers", "contract", "policy", "testing"],
    says: "the test kit imports the public surface, contracts and its own folder"
  },
  package: { may: ["index"], says: "the package entry imports only index.ts files" }
}

/** Whose parts a room uses beside its own: the five services stand in Queue, and what runs commands and jobs too. */
const borrowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  Queue: ["Memory", "Profiling", "Scaling", "Streams"],
  Scaling: ["Queue"],
  Streams: ["Queue"],
  Pipelines: ["Queue"]
}

/** Parts belong to their room; those of a store to itself and to the layers. */
const isForeignPart = (from: string, to: string): boolean => {
  const [, , fromRoom = "", fromFolder] = from.split("/")
  const [, , toRoom = "", toFolder] = to.split("/")
  if (toRoom === "Store")
    return (fromRoom !== "Store" || fromFolder !== toFolder) && !/\/(index|layers|storeLayers)\.ts$/.test(from)
  return fromRoom !== toRoom && borrowed[fromRoom]?.includes(toRoom) !== true
}

export interface Import {
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
  /** Loaded when it is called: `import()`, or the file of a thread. */
  readonly isLate: boolean
}

const names = String.raw`(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?|[\w$]+(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+[\w$]+))?)`
const statement = new RegExp(String.raw`^(?:import|export)(\s+type)?\s*${names}\s*from\s*["']([^"']+)["']`, "gm")
const sideEffect = /^import\s*["']([^"']+)["']/gm
const dynamic = /\bimport\(\s*["']([^"']+)["']/g
const byUrl = /\bnew URL\(\s*["'](\.[^"']+)["'],\s*import\.meta\.url/g

/** The imports of a source text, dynamic ones and `new URL("./x.ts", import.meta.url)` included, comments left out. */
export const importsIn = (source: string): ReadonlyArray<Import> => {
  const lineAt = (index: number) => source.slice(0, index).split("\n").length
  const isComment = (index: number) => /^\s*(\/\/|\/?\*)/.test(source.slice(source.lastIndexOf("\n", index - 1) + 1))
  const found: Array<Import> = []
  for (const match of source.matchAll(statement)) {
    found.push({ line: lineAt(match.index), specifier: match[2]!, typeOnly: match[1] !== undefined, isLate: false })
  }
  for (const pattern of [sideEffect, dynamic, byUrl]) {
    for (const match of source.matchAll(pattern)) {
      if (isComment(match.index)) continue
      found.push({
        line: lineAt(match.index),
        specifier: match[1]!,
        typeOnly: false,
        isLate: pattern !== sideEffect
      })
    }
  }
  return found.sort((a, b) => a.line - b.line)
}

const kindOf = (file: string): Kind | undefined => kinds.find(({ files }) => files.test(file))?.kind

/**
 * The imports of one file (its path from the repository's root, with `/`) that break a rule, each as a line to print.
 */
export const violations = (file: string, source: string): ReadonlyArray<string> => {
  const from = kindOf(file)
  if (from === undefined)
    return [`${file}:1 has no place in the house: name its folder in scripts/import-directions.ts`]
  const rule = rules[from]
  return importsIn(source).flatMap(({ line, specifier, typeOnly }) => {
    const broken = (what: string, says: string) => [`${file}:${line} imports ${what}: ${says}`]
    if (!specifier.startsWith(".")) {
      return rule.packages === undefined || rule.packages.test(specifier) ? [] : broken(specifier, rule.says)
    }
    const to = path.posix.join(path.posix.dirname(file), specifier)
    if (to === "package.json") return []
    const target = kindOf(to)
    if (target === undefined) return broken(to, "src/ imports nothing outside the house but package.json")
    const allowed = rule.may.includes(target) || (typeOnly && rule.types?.includes(target) === true)
    const foreign =
      (target === "queue part" ||
        target === "run part" ||
        target === "store part" ||
        target === "memory part" ||
        target === "watch part" ||
        target === "sink part") &&
      isForeignPart(file, to)
    return allowed && !foreign ? [] : broken(to, rule.says)
  })
}

/**
 * The circles among files, each as the files in the order in which they import each other, beginning with the first by
 * name. What is imported for its types only closes none, nor does what is loaded when it is called: neither is there
 * when a file is loaded.
 */
export const circles = (files: ReadonlyMap<string, string>): ReadonlyArray<ReadonlyArray<string>> => {
  const importedBy = (file: string) =>
    importsIn(files.get(file)!)
      .filter(({ isLate, specifier, typeOnly }) => !typeOnly && !isLate && specifier.startsWith("."))
      .map(({ specifier }) => path.posix.join(path.posix.dirname(file), specifier))
      .filter((to) => files.has(to))
  const found: Array<ReadonlyArray<string>> = []
  const done = new Set<string>()
  const visit = (file: string, trail: ReadonlyArray<string>): void => {
    const begun = trail.indexOf(file)
    if (begun >= 0) found.push([...trail.slice(begun), file])
    if (begun >= 0 || done.has(file)) return
    for (const to of importedBy(file)) visit(to, [...trail, file])
    done.add(file)
  }
  for (const file of [...files.keys()].sort()) visit(file, [])
  return found
}

if (import.meta.main) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
  const files = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => path.posix.join("src", file.split(path.sep).join("/")))
    .filter((file) => file.endsWith(".ts"))
    .sort()
  const sources = new Map(files.map((file) => [file, readFileSync(path.join(root, file), "utf8")]))
  const found = [
    ...[...sources].flatMap(([file, source]) => violations(file, source)),
    ...circles(sources).map((circle) => `${circle.join(" imports ")}: a circle`)
  ]
  for (const line of found) console.error(line)
  console.error(`Import directions: ${files.length} files, ${found.length} against the rules`)
  process.exitCode = found.length === 0 ? 0 : 1
}
