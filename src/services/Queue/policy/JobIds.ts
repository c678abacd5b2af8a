/** The arithmetic of job ids and their text. */
import type { JobId } from "../Job.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

/** Ids per millisecond before the sequence runs ahead of the clock. */
export const idsPerMillisecond = 1024

/** The smallest id a job enqueued at `millis` can have. */
export const jobIdFloor = (millis: number): JobId =>
  Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.floor(millis)) * idsPerMillisecond) as JobId

/** When the job was enqueued, in milliseconds since 1970 by the clock of the enqueuing process. */
export const enqueuedAt = (id: JobId): number => Math.floor(id / idsPerMillisecond)

/** The id as people see it: eleven characters of Crockford's base 32, which sort like the ids. */
export const formatJobId = (id: JobId): string => {
  let rest: number = id
  let text = ""
  for (let i = 0; i < 11; i++) {
    text = alphabet[rest % 32]! + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** The id a text names, or `undefined` when it names none. Accepts capitals and the look-alikes o, i and l. */
export const parseJobId = (text: string): JobId | undefined => {
  if (!/^[0-9a-z]{11}$/i.test(text)) return undefined
  let id = 0
  for (const character of text.toLowerCase().replaceAll("o", "0").replaceAll(/[il]/g, "1")) {
    const digit = alphabet.indexOf(character)
    if (digit < 0) return undefined
    id = id * 32 + digit
  }
  return Number.isSafeInteger(id) ? (id as JobId) : undefined
}
