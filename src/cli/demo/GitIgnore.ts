/**
 * The rules of `.gitignore` files (gitignore(5)), nested ones included. The `ignore` package knows the rules of one
 * file; here each pattern of a nested file is rewritten to say which folder it holds for, so that all rules stand in
 * one list and git's own order decides: the last pattern that matches, the deepest file last. Upper and lower case
 * differ, as on Linux.
 */
import ignore, { type Ignore } from "ignore"
import * as fs from "node:fs"
import * as path from "node:path"

const fileName = ".gitignore"

/**
 * Whose file it is nobody knows, and `ignore` makes regular expressions of its lines, which cost a power of the path's
 * length: as many as a line has stars. What goes beyond these is passed over: such a line names nothing, such a file
 * counts as unreadable, such a path is not asked for.
 */
const mostBytes = 1_048_576
const mostCharacters = 4096
const mostStars = 4
const mostFolderStars = 2
const mostParts = 64

/** Without its trailing spaces; one that is escaped stays. */
const withoutTrailingSpaces = (line: string): string => {
  let end = line.length
  while (end > 0 && line[end - 1] === " ") end--
  let backslashes = 0
  while (line[end - 1 - backslashes] === "\\") backslashes++
  return backslashes % 2 === 1 && end < line.length ? line.slice(0, end + 1) : line.slice(0, end)
}

/**
 * Whether a line is cheap enough, and a regular expression can be made of it. Folders of any depth after each other are
 * one.
 */
const isUsable = (line: string): boolean => {
  if (line.length > mostCharacters) return false
  const stars = line.replaceAll(/(?:\*\*\/){2,}/g, "**/").match(/\*+/g) ?? []
  if (stars.length > mostStars || stars.filter((run) => run.length > 1).length > mostFolderStars) return false
  try {
    ignore({ ignorecase: false }).add({ pattern: line }).ignores("a")
    return true
  } catch {
    return false
  }
}

/**
 * One line of the `.gitignore` in `folder` (relative to where the rules are applied, empty for there), as a pattern
 * that matches the same from above; `undefined` for a line without a pattern.
 */
export const rebase = (line: string, folder: string): string | undefined => {
  const text = withoutTrailingSpaces(line.endsWith("\r") ? line.slice(0, -1) : line)
  // No path has an empty part, so a pattern with one never matches.
  if (text === "" || text.startsWith("#") || /^!?\/?$|\/\//.test(text)) return undefined
  if (folder === "") return text
  const negated = text.startsWith("!")
  const pattern = negated ? text.slice(1) : text
  const anchored = pattern.slice(0, -1).includes("/")
  const above = folder.replace(/[\\*?[\]!# ]/g, "\\$&")
  return `${negated ? "!" : ""}/${above}${anchored ? "/" : "/**/"}${pattern.replace(/^\//, "")}`
}

/**
 * `inherited` and, after them, the rules of the `.gitignore` in `directory`, which is `folder` seen from where the
 * rules are applied. A file that cannot be read adds nothing, as with git, nor does one of more than a megabyte.
 */
export const extend = (inherited: Ignore | undefined, directory: string, folder: string): Ignore | undefined => {
  let text: string
  try {
    const file = path.join(directory, fileName)
    if (fs.statSync(file).size > mostBytes) return inherited
    text = fs.readFileSync(file, "utf8").replace(/^\ufeff/, "")
  } catch {
    return inherited
  }
  const rules = ignore({ ignorecase: false, allowRelativePaths: false })
  if (inherited !== undefined) rules.add(inherited)
  for (const line of text.split("\n")) {
    const pattern = isUsable(line) ? rebase(line, folder) : undefined
    if (pattern !== undefined) rules.add({ pattern })
  }
  return rules
}

/** Whether the rules leave out what is at `at`, a folder with `/` at its end. */
export const ignores = (rules: Ignore | undefined, at: string): boolean =>
  rules !== undefined && at.split("/", mostParts + 1).length <= mostParts && rules.ignores(at)

/** Rules that hold in a folder from above it, and how to name its entries to them: `prefix + path in the folder`. */
export interface Above {
  readonly rules: Ignore | undefined
  readonly prefix: string
}

/**
 * The rules that the repository around `directory` (an absolute path without links) holds for it. None outside a
 * repository, and none when they name `directory` itself: whoever starts in a build folder means that folder.
 */
export const above = (directory: string): Above => {
  const none: Above = { rules: undefined, prefix: "" }
  let root = directory
  while (!fs.existsSync(path.join(root, ".git"))) {
    const parent = path.dirname(root)
    if (parent === root) return none
    root = parent
  }
  if (root === directory) return none
  const parts = path.relative(root, directory).split(path.sep)
  let rules: Ignore | undefined
  for (const depth of parts.keys()) {
    const folder = parts.slice(0, depth)
    if (isPlainFile(path.join(root, ...folder, fileName)))
      rules = extend(rules, path.join(root, ...folder), folder.join("/"))
  }
  const prefix = `${parts.join("/")}/`
  return ignores(rules, prefix) ? none : { rules, prefix }
}

/** Git does not follow a `.gitignore` that is a symbolic link. */
const isPlainFile = (file: string): boolean => fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() === true
