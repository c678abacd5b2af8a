/**
 * What a person pressed, from the bytes a terminal in raw mode sends. A sequence may arrive in pieces: `pending` holds
 * what is no key yet, and `flushed` says what it was when nothing followed, an Escape above all.
 */

const names = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "[H": "home",
  "[F": "end",
  "[1~": "home",
  "[4~": "end",
  "[5~": "page up",
  "[6~": "page down",
  "[7~": "home",
  "[8~": "end",
  "[Z": "back tab",
  OA: "up",
  OB: "down",
  OC: "right",
  OD: "left",
  OH: "home",
  OF: "end",
  OM: "enter"
} as const

const controls = {
  3: "interrupt",
  8: "backspace",
  9: "tab",
  10: "enter",
  12: "redraw",
  13: "enter",
  26: "suspend",
  127: "backspace"
} as const

export type KeyName = (typeof names)[keyof typeof names] | (typeof controls)[keyof typeof controls] | "escape"

export type Key =
  | { readonly _tag: "Named"; readonly name: KeyName }
  /** One character, whole. */
  | { readonly _tag: "Character"; readonly character: string }

export interface Decoded {
  readonly keys: ReadonlyArray<Key>
  readonly pending: Uint8Array
}

const escape = 0x1b
/** No terminal sends a longer sequence for a key; what is longer is noise and passed over. */
const longestSequence = 32

export const named = (name: KeyName): Key => ({ _tag: "Named", name })
export const character = (text: string): Key => ({ _tag: "Character", character: text })

/** Bytes of the sequence that begins at `from`; undefined: its end has not come. */
const sequenceLength = (bytes: Uint8Array, from: number): number | undefined => {
  const second = bytes[from + 1]
  if (second === undefined) return undefined
  // `ESC O` and one more; `ESC [`, parameters, and a final byte; else Alt and a key.
  if (second === 0x4f) return from + 2 < bytes.length ? 3 : undefined
  if (second !== 0x5b) return second === escape ? 1 : 2
  for (let i = from + 2; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte < 0x20 || byte > 0x7e) return i - from
    if (byte >= 0x40 || i - from === longestSequence) return i - from + 1
  }
  return undefined
}

/** Bytes of the UTF-8 character that `lead` begins; 0: none can begin with it. */
const characterLength = (lead: number): number =>
  lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const characterOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** Keys in `pending` and then `bytes`; what is no key of ours is passed over. */
export const decode = (pending: Uint8Array, bytes: Uint8Array): Decoded => {
  const all = pending.length === 0 ? bytes : Uint8Array.from([...pending, ...bytes])
  const keys: Array<Key> = []
  let at = 0
  while (at < all.length) {
    const byte = all[at]!
    if (byte === escape) {
      const length = sequenceLength(all, at)
      if (length === undefined) break
      const name = names[String.fromCharCode(...all.subarray(at + 1, at + length)) as keyof typeof names]
      if (length === 1) keys.push(named("escape"))
      else if (name !== undefined) keys.push(named(name))
      at += length
      continue
    }
    if (byte < 0x20 || byte === 0x7f) {
      const name = controls[byte as keyof typeof controls]
      if (name !== undefined) keys.push(named(name))
      at++
      continue
    }
    const length = characterLength(byte)
    if (at + length > all.length) break
    const text = length === 0 ? undefined : characterOf(all.subarray(at, at + length))
    if (text !== undefined) keys.push(character(text))
    at += text === undefined ? 1 : length
  }
  return { keys, pending: all.slice(at) }
}

/** What was pending when nothing followed in time: Escape by itself is a key, the rest of something lost is none. */
export const flushed = (pending: Uint8Array): ReadonlyArray<Key> =>
  pending.length === 1 && pending[0] === escape ? [named("escape")] : []
