/**
 * What goes through the contract as JSON text and back, exactly: also what JSON leaves out or has no word for.
 * `undefined`, the numbers beside the finite ones, `Map` and `Set` are each an object with the one key `~`; an object
 * that has that key by itself is wrapped.
 */
const mark = "~"

/** Told apart by the value of the mark. */
const words: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [undefined, "-"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "Infinity"],
  [Number.NEGATIVE_INFINITY, "-Infinity"]
])
const minusZero = "-0"
const named: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  ...[...words].map(([value, word]) => [word, value] as const),
  [minusZero, -0]
])

const marked = (text: string): string => `{"${mark}":${text}}`
const word = (name: string): string => marked(JSON.stringify(name))
/** By far the most frequent. */
const undefinedText = word(words.get(undefined)!)

const list = (values: Iterable<unknown>): string => {
  let text = ""
  for (const value of values) text += text === "" ? write(value) : `,${write(value)}`
  return `[${text}]`
}

const write = (value: unknown): string => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value)
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return String(value)
      return word(words.get(value) ?? minusZero)
    case "undefined":
      return undefinedText
    case "object":
      if (value === null) return "null"
      if (Array.isArray(value)) return list(value)
      if (value instanceof Map) return marked(`{"map":${list(value)}}`)
      if (value instanceof Set) return marked(`{"set":${list(value)}}`)
      return writeObject(value as Readonly<Record<string, unknown>>)
    default:
      throw new TypeError(`A ${typeof value} cannot be written as text`)
  }
}

const writeObject = (value: Readonly<Record<string, unknown>>): string => {
  let text = ""
  for (const key of Object.keys(value)) {
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${write(value[key])}`
  }
  return Object.hasOwn(value, mark) ? marked(`{"object":{${text}}}`) : `{${text}}`
}

/** In place: what was parsed belongs to nobody else. */
const revive = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (typeof value[i] === "object") value[i] = revive(value[i])
    return value
  }
  return Object.hasOwn(value, mark) ? unmark((value as Record<string, unknown>)[mark]) : reviveFields(value)
}

const reviveFields = (value: object): object => {
  const fields = value as Record<string, unknown>
  // `__proto__` too is a field of its own in what was parsed, and stays one.
  for (const key of Object.keys(fields)) if (typeof fields[key] === "object") fields[key] = revive(fields[key])
  return fields
}

const isListOf = (value: unknown, is: (item: unknown) => boolean = () => true): value is Array<unknown> =>
  Array.isArray(value) && value.every(is)

const unmark = (value: unknown): unknown => {
  if (named.has(value)) return named.get(value)
  if (typeof value === "object" && value !== null) {
    if ("map" in value && isListOf(value.map, Array.isArray))
      return new Map(revive(value.map) as Array<[unknown, unknown]>)
    if ("set" in value && isListOf(value.set)) return new Set(revive(value.set) as Array<unknown>)
    if ("object" in value && typeof value.object === "object" && value.object !== null)
      return reviveFields(value.object)
  }
  throw new SyntaxError("A value is marked as what nobody knows")
}

/**
 * Throws a `TypeError` for what is no data: functions, symbols, big integers. Other objects are written by their
 * fields.
 */
export const valueToText: (value: unknown) => string = write

/** Throws a `SyntaxError` for what `valueToText` did not write. */
export const valueFromText = (text: string): unknown => revive(JSON.parse(text))
