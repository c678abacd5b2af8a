/**
 * What stands in braces in the command of `sluice map`, with the meaning GNU parallel gives it:
 *
 * | placeholder | becomes | `dir/photo.tar.gz` |
 * |---|---|---|
 * | `{}` | the input | `dir/photo.tar.gz` |
 * | `{.}` | without its extension: the last `.` after the last `/`, and what follows it | `dir/photo.tar` |
 * | `{/}` | what follows the last `/` | `photo.tar.gz` |
 * | `{//}` | its folder, as `dirname` says; `.` when there is none | `dir` |
 * | `{/.}` | `{/}` without extension | `photo.tar` |
 * | `{2}` `{2.}` `{2/}` `{2//}` `{2/.}` | the same of the second input of the job: of its second source, column, or of `-N` | |
 * | `{name}` `{user.name}` `{name/.}` | the same of a field of the record | |
 * | `{#}` | the number of the job, from 1 | `7` |
 * | `{%}` | the number of its slot, from 1: no two commands that run together have the same | `2` |
 * | `{##}` | how many jobs there are | `300` |
 */

/** What of a text is wanted. */
export type Form = "" | "." | "/" | "//" | "/."

export type Placeholder =
  | { readonly kind: "input"; readonly written: string; readonly form: Form }
  | { readonly kind: "position"; readonly written: string; readonly position: number; readonly form: Form }
  | { readonly kind: "field"; readonly written: string; readonly name: string; readonly form: Form }
  | { readonly kind: "sequence" | "slot" | "total"; readonly written: string }
  /** Of GNU parallel, and not understood here. */
  | { readonly kind: "unknown"; readonly written: string }

const grammar =
  /\{(?:(##?|%)|([1-9]\d{0,5}|[\p{L}_][\p{L}\p{N}_-]*(?:\.[\p{L}\p{N}_-]+)*)?(\/\/|\/\.|\/|\.)?|(\+[./]*|-?\d+[./]*|=[^{}]*=))\}/uy

const numbers = { "#": "sequence", "##": "total", "%": "slot" } as const

/** The placeholder that begins at `index`. `names`: whether words in braces are one, or text. */
export const at = (text: string, index: number, names: boolean): Placeholder | undefined => {
  if (text[index] !== "{") return undefined
  grammar.lastIndex = index
  const found = grammar.exec(text)
  if (found === null) return undefined
  const [written, number, of, form = "", unknown] = found
  if (unknown !== undefined) return { kind: "unknown", written }
  if (number !== undefined) return { kind: numbers[number as keyof typeof numbers], written }
  if (of === undefined) return { kind: "input", written, form: form as Form }
  if (/^\d/.test(of)) return { kind: "position", written, position: Number(of), form: form as Form }
  return names ? { kind: "field", written, name: of, form: form as Form } : undefined
}

/** Whether it is digits, whatever the inputs hold. */
export const isNumber = ({ kind }: Placeholder): boolean => kind === "sequence" || kind === "slot" || kind === "total"

const withoutExtension = (path: string): string => path.replace(/\.[^/.]*$/, "")

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** Without the slashes at its end; the first character stays. */
const withoutTrailingSlashes = (path: string): string => {
  let end = path.length
  while (end > 1 && path[end - 1] === "/") end--
  return path.slice(0, end)
}

const folder = (path: string): string => {
  const named = withoutTrailingSlashes(path)
  const slash = named.lastIndexOf("/")
  return slash < 0 ? "." : withoutTrailingSlashes(named.slice(0, slash)) || "/"
}

/** `form` of a text. */
export const formed = (form: Form, text: string): string => {
  switch (form) {
    case "":
      return text
    case ".":
      return withoutExtension(text)
    case "/":
      return baseName(text)
    case "//":
      return folder(text)
    case "/.":
      return withoutExtension(baseName(text))
  }
}
