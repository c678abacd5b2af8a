/** How a key and what it is unique among become one text, the same on every store. */

/**
 * Names may hold the mark that ends them here. Those that do not stand as they are, as stores have always kept them.
 */
const closed = (name: string): string => (name.includes(":") ? name.replaceAll(":", "%3A") : name)

/**
 * No two pairs of scope and key have the same text: no scope's name holds a colon any more, and none holds a `%`
 * before.
 */
export const uniqueKey = (scope: "task" | "group" | "store", task: string, group: string, key: string): string =>
  scope === "store" ? `store:${key}` : `${scope}:${closed(scope === "task" ? task : group)}:${key}`
