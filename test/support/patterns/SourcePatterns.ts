/** Every regular expression of the sources: the literals, and what `new RegExp` makes while the modules load. */
import { type Node, parse } from "acorn"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import path from "node:path"
import { fileURLToPath } from "node:url"

export interface SourcePattern {
  /** `src/cli/Hint.ts:12`. */
  readonly at: string
  readonly source: string
  readonly flags: string
}

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** The program as JavaScript, each character where it was. */
const programOf = (file: string): string => {
  const text = readFileSync(path.join(root, file), "utf8").replace(/^#!.*/, "")
  return file.endsWith(".ts") ? stripTypeScriptTypes(text) : text
}

const walk = (node: unknown, visit: (node: Node & Record<string, any>) => void): void => {
  if (Array.isArray(node)) for (const child of node) walk(child, visit)
  else if (typeof node === "object" && node !== null && "type" in node) {
    visit(node as Node)
    for (const child of Object.values(node)) if (typeof child === "object") walk(child, visit)
  }
}

const files = ["src", "bin"].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|mjs)$/.test(file))
    .map((file) => path.posix.join(folder, file))
)

/** All literals, and how many patterns are put together in which files. */
export const inSources = (): {
  readonly literals: ReadonlyArray<SourcePattern>
  readonly made: Readonly<Record<string, number>>
} => {
  const literals: Array<SourcePattern> = []
  const made: Record<string, number> = {}
  for (const file of files) {
    const text = programOf(file)
    walk(parse(text, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true }), (node) => {
      if (node.type === "Literal" && node.regex !== undefined) {
        const line = text.slice(0, node.start).split("\n").length
        literals.push({ at: `${file}:${line}`, source: node.regex.pattern, flags: node.regex.flags })
      }
      if ((node.type === "NewExpression" || node.type === "CallExpression") && node.callee.name === "RegExp")
        made[file] = (made[file] ?? 0) + 1
    })
  }
  return { literals, made }
}

/**
 * What `new RegExp` is given in these files, in a process of its own: here their modules may have been loaded before.
 */
export const madeIn = (files: ReadonlyArray<string>): ReadonlyArray<SourcePattern> =>
  JSON.parse(
    execFileSync(process.execPath, [fileURLToPath(new URL("MadePatterns.ts", import.meta.url)), ...files], {
      encoding: "utf8"
    })
  )
