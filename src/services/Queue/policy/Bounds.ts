/**
 * What every door takes in: library, command line, settings, environment and documents of the store ask here, once, and
 * what passed is not looked at again further in. Each function answers the value as the queue keeps it and throws
 * `OutOfBounds` with one line that says what was given and what was expected; the door makes its own error of that.
 *
 * The bounds hold for every store: whole numbers stay exact in a double and in an integer column, times stay within
 * what `Date` can show, and text is the same when it comes back from UTF-8. Those of durations are in `Durations.ts`:
 * what is here loads nothing of Effect, which the store's thread does without.
 */
import type { JobId } from "../Job.ts"
import { numberFormat } from "../../Text/policy/EnglishNumber.ts"
import { namePattern } from "./StoredName.ts"

/** A value outside what a door takes. */
export class OutOfBounds extends RangeError {
  override readonly name = "OutOfBounds"
}

/** The last time that `Date` knows, in milliseconds since 1970: 13 September 275760. */
export const lastTime = 8.64e15
/** The longest duration, in milliseconds: a hundred years of 365 days, so that now plus a duration is always a time. */
export const longestMs = 36_500 * 86_400_000
/** Retries of one job. At the standard policy's cap of five minutes a million takes nine years. */
export const mostRetries = 1_000_000
/**
 * Characters (UTF-16 units) of a label: tag, owner, team, partition key, batch key. At most three bytes of UTF-8 each.
 */
export const longestLabel = 200
/** Characters (UTF-16 units) of a unique key. */
export const longestKey = 1000
/** Tags of one job. Each is an entry of an index. */
export const mostTags = 100
/** Jobs that one job waits for by name. */
export const mostParents = 10_000
/** Headers of one job, names and values together, in characters. They travel with every claim. */
export const longestHeaders = 16_384
/** Slots of one worker in one group. Each may be a running handler. */
export const mostSlots = 100_000
/** Units of a rate that one start takes, or a rate allows. */
export const mostUnits = 1_000_000_000
/** Threads of one worker. Each has a heap of its own. */
export const mostThreads = 1024

export const nameRule = "letters, digits and . _ - : /, at most 100"

const longestShown = 60

/** As it may stand in a message: short, in one line, and never throwing, whatever it is. */
export const shown = (value: unknown): string => {
  const cut = (text: string) => (text.length <= longestShown ? text : `${text.slice(0, longestShown - 1)}…`)
  switch (typeof value) {
    case "string":
      return cut(JSON.stringify(value.slice(0, longestShown)))
    case "number":
      return Object.is(value, -0) ? "-0" : String(value)
    case "bigint":
      return cut(`${value}n`)
    case "boolean":
    case "undefined":
      return String(value)
    case "symbol":
      return "a symbol"
    case "function":
      return "a function"
    case "object":
      break
  }
  if (value === null) return "null"
  try {
    if (value instanceof Date) return `a Date (${String(value.getTime())})`
    return cut(JSON.stringify(value) ?? "an object")
  } catch {
    return "an object"
  }
}

/** Throws `OutOfBounds`. */
export const refuse = (name: string, value: unknown, expected: string): never => {
  throw new OutOfBounds(`${name} is ${shown(value)}; expected ${expected}`)
}

const grouped = numberFormat({ maximumFractionDigits: 3 })

/** What `read` answers; what it throws is put down to the value of this name. */
export const orRefuse = <A>(name: string, read: () => A): A => {
  try {
    return read()
  } catch (error) {
    throw new OutOfBounds(`${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A whole number; −0 is 0. */
export const whole = (name: string, value: unknown, least: number, most: number): number => {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) return value + 0
  return refuse(
    name,
    value,
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${grouped(least)}`
      : `a whole number from ${grouped(least)} to ${grouped(most)}`
  )
}

/** A number with fractions; −0 is 0. */
export const real = (name: string, value: unknown, least: number, most: number): number => {
  if (typeof value === "number" && value >= least && value <= most) return value + 0
  return refuse(name, value, `a number from ${grouped(least)} to ${grouped(most)}`)
}

/** Units of a rate that a start takes: more than 0, with fractions. */
export const cost = (name: string, value: unknown): number =>
  typeof value === "number" && value > 0 && value <= mostUnits
    ? value
    : refuse(name, value, `a number above 0, at most ${grouped(mostUnits)}`)

/** A time in milliseconds since 1970. Fractions are rounded up: nothing happens before its time. */
export const time = (name: string, value: unknown): number => {
  if (typeof value === "number" && value >= 0 && value <= lastTime) return Math.ceil(value) + 0
  return refuse(name, value, `milliseconds since 1970, at most ${lastTime} (the last time that Date knows)`)
}

/**
 * When an attempt that asked for `delayMs` runs again. What handlers and policies of a program answer at run time is
 * bent, never refused.
 */
export const dueAfter = (now: number, delayMs: number): number =>
  now + (delayMs > 0 ? Math.ceil(Math.min(delayMs, longestMs)) : 0)

/** A name of a task, group or stream. */
export const name = (what: string, value: unknown): string =>
  typeof value === "string" && namePattern.test(value) ? value : refuse(what, value, nameRule)

/** Text that is kept as UTF-8, is the same when it comes back, and is a whole word to the tools that read it. */
const isText = (value: unknown, most: number): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= most && !value.includes("\0") && value.isWellFormed()

const text = (what: string, value: unknown, most: number): string => {
  if (isText(value, most)) return value
  const expected = `1 to ${grouped(most)} characters of well-formed Unicode without NUL`
  return typeof value === "string" && value.length > most
    ? refuse(`${what}, ${grouped(value.length)} characters long,`, value, expected)
    : refuse(what, value, expected)
}

export const label = (what: string, value: unknown): string => text(what, value, longestLabel)

export const key = (what: string, value: unknown): string => text(what, value, longestKey)

/** Characters of a text for people. */
const longestNote = 4096

/** What is said to people: never refused, but cut and made whole Unicode, so that it is the same when it comes back. */
export const note = (value: unknown): string => {
  const said = typeof value === "string" ? value : shown(value)
  const whole = said.isWellFormed() ? said : said.toWellFormed()
  return whole.length <= longestNote ? whole : `${whole.slice(0, longestNote - 1).toWellFormed()}…`
}

export const isJobId = (value: unknown): value is JobId =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0

export const jobId = (what: string, value: unknown): JobId =>
  isJobId(value) ? value : refuse(what, value, "a job's id, a number; Job.parseJobId makes one of its text")

/** One of a few words. */
export const oneOf = <const A extends string>(what: string, value: unknown, known: ReadonlyArray<A>): A =>
  known.includes(value as A) ? (value as A) : refuse(what, value, known.join(", "))

export const boolean = (what: string, value: unknown): boolean =>
  typeof value === "boolean" ? value : refuse(what, value, "true or false")

/** What is called later. */
export const callback = <A>(what: string, value: A): A =>
  typeof value === "function" ? value : refuse(what, value, "a function")

const list = <A>(
  what: string,
  value: unknown,
  most: number,
  is: (item: unknown) => item is A,
  refused: (what: string, item: unknown) => A
): ReadonlyArray<A> => {
  if (!Array.isArray(value) || value.length > most) return refuse(what, value, `a list of at most ${grouped(most)}`)
  for (let i = 0; i < value.length; i++) if (!is(value[i])) refused(`${what}[${i}]`, value[i])
  return value.slice() as Array<A>
}

const isLabel = (item: unknown): item is string => isText(item, longestLabel)
const isWord = (item: unknown): item is string => typeof item === "string" && !item.includes("\0")
const isName = (item: unknown): item is string => typeof item === "string" && namePattern.test(item)

export const labels = (what: string, value: unknown, most: number): ReadonlyArray<string> =>
  list(what, value, most, isLabel, label)
/** Of any length, as programs are given them. */
export const words = (what: string, value: unknown, most: number): ReadonlyArray<string> =>
  list(what, value, most, isWord, (each, item) => refuse(each, item, "text without NUL"))
export const names = (what: string, value: unknown, most: number): ReadonlyArray<string> =>
  list(what, value, most, isName, name)
export const jobIds = (what: string, value: unknown, most: number): ReadonlyArray<JobId> =>
  list(what, value, most, isJobId, jobId)
/** Some of a few words. */
export const someOf = <const A extends string>(
  what: string,
  value: unknown,
  known: ReadonlyArray<A>
): ReadonlyArray<A> =>
  list(
    what,
    value,
    known.length,
    (item): item is A => known.includes(item as A),
    (each, item) => oneOf(each, item, known)
  )

/** Refuses fields that nobody reads: a misspelt one would be passed over, and what it says not be done. */
export const fields = (what: string, value: unknown, known: ReadonlySet<string>): void => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(what, value, "an object")
  for (const field of fieldsOf(what, value)) {
    if (!known.has(field))
      throw new OutOfBounds(`${shown(field)} is no field of ${what}; known are ${[...known].join(", ")}`)
  }
}

/** Those that a reader sees, inherited ones too. */
const fieldsOf = (what: string, value: object): ReadonlyArray<string> => {
  const found: Array<string> = []
  try {
    for (const field in value) found.push(field)
  } catch (error) {
    throw new OutOfBounds(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return found
}

/** Names and values of a plain object. A `Map` would look empty. */
export const entries = (
  what: string,
  value: unknown,
  expected = "a plain object"
): ReadonlyArray<readonly [name: string, value: unknown]> => {
  const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined
  return prototype === Object.prototype || prototype === null
    ? orRefuse(what, () => Object.entries(value as object))
    : refuse(what, value, expected)
}

/** Names and values that travel with a job: a copy. A `Map` or `Headers` would look empty. */
export const headers = (what: string, value: unknown): Readonly<Record<string, string>> => {
  const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined
  if (prototype !== Object.prototype && prototype !== null) return refuse(what, value, "a plain object of texts")
  const entries = orRefuse(what, () => Object.entries(value as object))
  let length = 0
  for (const [header, each] of entries) {
    if (typeof each !== "string") return refuse(`${what}[${shown(header)}]`, each, "text")
    length += header.length + each.length
  }
  if (length > longestHeaders)
    throw new OutOfBounds(`${what} are ${grouped(length)} characters long; expected at most ${grouped(longestHeaders)}`)
  return Object.fromEntries(entries)
}
