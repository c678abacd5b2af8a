// Writes docs/api from the doc comments of what the package exports: a page for each entry of package.json.
//
//   node scripts/api-reference.ts [FOLDER]
//
// FOLDER has the declarations of src/, as `npm run build` leaves them in dist/; without one they are made in a folder
// of their own. `npm run check:package` says when the pages have to be written anew.

import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "rolldown/utils"

const root = fileURLToPath(new URL("..", import.meta.url))
export const target = path.join(root, "docs/api")

type Node = { readonly type: string; readonly start: number; readonly end: number } & Readonly<Record<string, any>>

/** One declaration: all its overloads, and its doc comment in plain text. */
interface Declared {
  readonly file: string
  readonly name: string
  readonly doc: string
  readonly text: string
}

/** A file as a namespace, in the order of its declarations. */
interface Namespace {
  readonly file: string
  readonly doc: string
  readonly members: ReadonlyMap<string, Declared>
}

type Exported = Declared | Namespace
const isNamespace = (exported: Exported): exported is Namespace => "members" in exported

/** The text of a doc comment without its stars. */
const plain = (comment: string): string =>
  comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim()

/** The doc comment that ends right before the place. */
const docBefore = (source: string, place: number): string => {
  const before = source.slice(0, place).trimEnd()
  if (!before.endsWith("*/")) return ""
  const from = before.lastIndexOf("/**")
  return from < 0 ? "" : plain(before.slice(from))
}

/** The comment above everything else in a file. */
const headOf = (source: string): string => {
  const [head] = /^\s*\/\*\*[\s\S]*?\*\//.exec(source) ?? []
  return head === undefined ? "" : plain(head.trim())
}

/** What the files of a folder of declarations export. */
class Declarations {
  private readonly folder: string
  private readonly known = new Map<string, ReadonlyMap<string, Exported>>()

  constructor(folder: string) {
    this.folder = folder
  }

  source(file: string): string {
    return readFileSync(path.join(this.folder, file), "utf8")
  }

  private namespace(file: string): Namespace {
    const members = [...this.exportsOf(file)].flatMap(([name, it]) => (isNamespace(it) ? [] : [[name, it] as const]))
    return { file, doc: headOf(this.source(file)), members: new Map(members) }
  }

  /** By name, in their order. */
  exportsOf(file: string): ReadonlyMap<string, Exported> {
    const done = this.known.get(file)
    if (done !== undefined) return done
    const found = new Map<string, Exported>()
    this.known.set(file, found)
    const source = this.source(file)
    const body = parseSync(file, source).program.body as unknown as ReadonlyArray<Node>
    const targetOf = (node: Node) =>
      path.posix.join(path.posix.dirname(file), String(node.source.value)).replace(/\.[jt]s$/, ".d.ts")
    for (const node of body) {
      if (node.type === "ExportAllDeclaration") {
        const to = targetOf(node)
        if (node.exported !== null) found.set(node.exported.name, this.namespace(to))
        else for (const [name, exported] of this.exportsOf(to)) if (!found.has(name)) found.set(name, exported)
      } else if (node.type === "ExportNamedDeclaration" && node.source !== null) {
        const there = this.exportsOf(targetOf(node))
        for (const { exported, local } of node.specifiers as ReadonlyArray<Node>) {
          const it = there.get(local.name)
          if (it !== undefined) found.set(exported.name, it)
        }
      } else if (node.type === "ExportNamedDeclaration" && node.declaration !== null) {
        const { declaration } = node
        const names: ReadonlyArray<string> =
          declaration.type === "VariableDeclaration"
            ? declaration.declarations.map(({ id }: Node) => id.name)
            : [declaration.id.name]
        const text = source.slice(node.start, node.end)
        for (const name of names) {
          const before = found.get(name)
          const doc = docBefore(source, node.start)
          if (before === undefined || isNamespace(before)) found.set(name, { file, name, doc, text })
          else found.set(name, { ...before, doc: before.doc || doc, text: `${before.text}\n${text}` })
        }
      }
    }
    return found
  }
}

/** Paths of a package say nothing to who reads a page: an imported type stands by its name alone. */
const readable = (text: string): string =>
  text
    .replace(/import\("[^"]*"\)\./g, "")
    .replace(/^export declare /gm, "")
    .replace(/^export /gm, "")

const fenced = (text: string) => `\`\`\`ts\n${readable(text)}\n\`\`\``

const anchorOf = (title: string) =>
  title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-")

export interface Page {
  readonly file: string
  readonly text: string
}

/** The entry of a program and its page: `sluice/store` is `store.md`. */
const pageOf = (entry: string) => (entry === "sluice" ? "sluice.md" : `${entry.slice("sluice/".length)}.md`)

/** The pages of all entries, and one that lists them. What stands on an earlier page is linked from the later ones. */
export const pagesOf = (folder: string): ReadonlyArray<Page> => {
  const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, { readonly types?: string } | string | null>>
  }
  const entries = Object.entries(exports).flatMap(([name, places]) =>
    typeof places === "object" && places?.types !== undefined
      ? [{ entry: path.posix.join("sluice", name), file: places.types.replace("./dist/", "") }]
      : []
  )
  const declarations = new Declarations(folder)
  /** Where a declaration stands, as a link. */
  const places = new Map<string, string>()
  const pages = entries.map(({ entry, file }): Page => {
    const page = pageOf(entry)
    const sections: Array<string> = []
    const contents: Array<string> = []
    const section = (title: string, level: number, it: Declared): void => {
      const identity = `${it.file} ${it.name}`
      const there = places.get(identity)
      if (there === undefined) places.set(identity, `[${title}](${page}#${anchorOf(title)})`)
      const body = there === undefined ? [it.doc, fenced(it.text)] : [`See ${there}.`]
      sections.push([`${"#".repeat(level)} ${title}`, ...body.filter((part) => part !== "")].join("\n\n"))
    }
    const exported = [...declarations.exportsOf(file)].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [name, it] of exported) {
      contents.push(`[${name}](#${anchorOf(name)})`)
      if (!isNamespace(it)) section(name, 2, it)
      else {
        sections.push([`## ${name}`, it.doc].filter((part) => part !== "").join("\n\n"))
        for (const [member, declared] of it.members) section(`${name}.${member}`, 3, declared)
      }
    }
    const head = headOf(declarations.source(file))
    return {
      file: page,
      text: `# ${entry}\n\nWritten by \`scripts/api-reference.ts\` from the doc comments.\n\n${head}\n\n${contents.join(" · ")}\n\n${sections.join("\n\n")}\n`
    }
  })
  const list = entries.map(({ entry, file }) => {
    const [first = ""] = headOf(declarations.source(file)).split("\n\n")
    return `- [\`${entry}\`](${pageOf(entry)}): ${first.replaceAll("\n", " ").replace(/^`[^`]+`: /, "")}`
  })
  return [
    {
      file: "README.md",
      text: `# API reference\n\nWritten by \`scripts/api-reference.ts\` from the doc comments: a page for each entry of the package.\n\n${list.join("\n")}\n`
    },
    ...pages
  ]
}

/** The pages in docs/api that are not as they would be written; those that should not be there too. */
export const stalePages = (folder: string): ReadonlyArray<string> => {
  const pages = pagesOf(folder)
  const there = (file: string) => {
    try {
      return readFileSync(path.join(target, file), "utf8")
    } catch {
      return undefined
    }
  }
  return [
    ...pages.filter(({ file, text }) => there(file) !== text).map(({ file }) => file),
    ...readdirSync(target).filter((file) => pages.every((page) => page.file !== file))
  ]
}

const declared = (write: (folder: string) => void): void => {
  const folder = mkdtempSync(path.join(tmpdir(), "sluice-declarations-"))
  try {
    execFileSync("tsc", ["-p", "tsconfig.build.json", "--emitDeclarationOnly", "--declaration", "--outDir", folder], {
      cwd: root,
      stdio: "inherit"
    })
    write(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const write = (folder: string): void => {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  for (const { file, text } of pagesOf(folder)) writeFileSync(path.join(target, file), text)
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) declared(write)
  else write(path.resolve(folder))
}
