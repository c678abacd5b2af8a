/**
 * Names of tasks and groups. They are checked when they are given; a store that others prepared may hold any text, so
 * they are checked again when they are read. What is no name gets one that is: the job stays visible and can be listed,
 * explained, cancelled and removed by it, and no worker serves it. The file keeps what it held.
 */

/** Letters, digits and `. _ - : /`, at most 100: a name is a label of metrics and a word of commands. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/

/** FNV-1a: tells apart what looks alike; others may make two that collide, which then share a line of a list. */
const mark = (text: string): string => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

/**
 * `name` when it is one, else `not-a-name:` with what can be read of it and a mark of the whole. Costs one match for a
 * name.
 */
export const storedName = (name: unknown): string => {
  if (typeof name === "string" && namePattern.test(name)) return name
  const text = name instanceof Uint8Array ? Array.from(name.subarray(0, 1000)).join(" ") : String(name)
  const readable = text
    .slice(0, 200)
    .replace(/[^A-Za-z0-9]+/g, "-")
    .slice(0, 40)
  return `not-a-name:${readable}:${mark(text)}`
}
