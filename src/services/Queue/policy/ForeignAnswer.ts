/**
 * What another server answers, as far as it is let in: so many bytes of it, and of those one line without anything a
 * terminal or a log obeys and without what it was told in confidence. A server that echoes its requests, or a proxy's
 * page about one, would else write our token into logs, decisions and alerts.
 */
import { Effect, RegExp as Pattern, Stream } from "effect"

export interface Answer {
  readonly text: string
  /** False: there was more. */
  readonly isWhole: boolean
}

/** Reads at most about `most` bytes and leaves the rest unread. Bytes that are no UTF-8 become U+FFFD. */
export const read = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>, most: number): Effect.Effect<Answer, E, R> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let length = 0
    return bytes.pipe(
      Stream.takeUntil((chunk) => {
        text += decoder.decode(chunk.subarray(0, most - length), { stream: true })
        length += chunk.length
        return length > most
      }),
      Stream.runDrain,
      Effect.map(() => ({ text: text + decoder.decode(), isWhole: length <= most }))
    )
  })

/** Shorter ones would be found everywhere. */
const shortest = 6
/** Together, in UTF-16 units: as much as Node takes of a request's headers. A pattern of more may be too large. */
const mostSought = 16 * 1024

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;"
}

/**
 * A pattern for the character as it is, percent-encoded, in HTML, in JSON or in a form. Letters and digits are
 * themselves everywhere.
 */
const spelt = (character: string): string => {
  if (/^\w$/.test(character)) return character
  const code = character.codePointAt(0)!
  const [hex, units] = [
    code.toString(16),
    [...Buffer.from(character, "utf16le").swap16().toString("hex").matchAll(/..../g)]
  ]
  const fixed = [
    character,
    encodeURIComponent(character.toWellFormed()),
    `%${hex.padStart(2, "0")}`,
    units.map(([unit]) => `\\u${unit}`).join(""),
    `\\${character}`,
    entities[character]
  ]
  const patterns = fixed.filter((text) => text !== undefined).map(Pattern.escape)
  return `(?:${[...patterns, `&#x0*${hex};`, `&#0*${code};`, ...(character === " " ? ["\\+"] : [])].join("|")})`
}

/**
 * A text in base64 wherever in the encoded bytes it begins: without the characters that it shares with its neighbours.
 */
const inBase64 = (secret: Uint8Array): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), secret])
    const whole = Math.floor(bytes.length / 3) * 4
    const encoded = bytes.toString("base64").slice(before === 0 ? 0 : before + 1, whole)
    return [encoded, encoded.replaceAll("+", "-").replaceAll("/", "_")]
  })

const encodings = (secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret)
  return [bytes.toString("hex"), ...inBase64(bytes)].filter(({ length }) => length >= shortest)
}

/**
 * The text with `***` for each of the secrets: in letters of either case, each character as servers write it, in base64
 * and in hex. Meant for servers that are careless: one that means harm knows ways to write that nobody thinks of, and
 * knows the secret anyway.
 */
export const masked = (text: string, secrets: ReadonlyArray<string>): string => {
  // The longest first, since one may be a part of another.
  const known = [...new Set(secrets)].filter(({ length }) => length >= shortest).sort((a, b) => b.length - a.length)
  if (known.length === 0) return text
  if (known.reduce((sum, { length }) => sum + length, 0) > mostSought) return "***"
  const patterns = known.flatMap((secret) => [
    [...secret].map(spelt).join(""),
    ...encodings(secret).map((encoded) => Pattern.escape(encoded))
  ])
  try {
    return text.replaceAll(new RegExp(patterns.join("|"), "giu"), "***")
  } catch {
    // The pattern is too large.
    return "***"
  }
}

/** Of the server's own words, in a message; in characters. */
const mostSaid = 200

/** The beginning of what was said, fit for a message: empty when it is nothing. */
export const told = ({ isWhole, text }: Answer, secrets: ReadonlyArray<string>): string => {
  // A secret that the end was cut through is not recognised. No spelling of a character takes more than twelve.
  const longest = Math.max(0, ...secrets.map(({ length }) => length)) * 12
  const known = isWhole ? text : text.slice(0, Math.max(0, text.length - longest))
  // What nobody sees may not hide one either, and cleaning may not put one together.
  const visible = masked(known.replaceAll(/\p{Cf}/gu, ""), secrets)
  const line = visible.replaceAll(/\s+/g, " ").replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Cn}\p{Co}]/gu, "\ufffd")
  return masked(line, secrets).trim().slice(0, mostSaid).toWellFormed()
}
