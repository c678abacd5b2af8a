/**
 * Signs webhooks as the Standard Webhooks specification 1.0.0 says (standardwebhooks.com): HMAC-SHA-256 over
 * `id.timestamp.body`. The timestamp is a part of what is signed, so that an old message cannot be sent again as a new
 * one; the id is the same in every try.
 */
import { createHmac } from "node:crypto"
import { Redacted } from "effect"
import * as StrictBase64 from "../../Queue/policy/StrictBase64.ts"

const prefix = "whsec_"

/** Shorter secrets can be guessed. */
const bytesLeast = 24

/** Undefined: `whsec_` and something that is no base64. */
const keyOf = (secret: Redacted.Redacted<string>): Uint8Array | undefined => {
  const text = Redacted.value(secret)
  return text.startsWith(prefix) ? StrictBase64.decode(text.slice(prefix.length)) : Buffer.from(text, "utf8")
}

/** What is wrong with a secret, without a word of it; undefined: nothing. */
export const secretFault = (secret: Redacted.Redacted<string>): string | undefined => {
  const key = keyOf(secret)
  if (key === undefined)
    return `the webhooks' secret begins with ${prefix} and goes on with something that is no base64 (A-Z, a-z, 0-9, +, /, and = at the end)`
  if (key.length < bytesLeast) return `the webhooks' secret is short; expected at least ${bytesLeast} bytes`
  return undefined
}

export const signedHeaders = (
  secret: Redacted.Redacted<string>,
  id: string,
  now: number,
  body: string
): Readonly<Record<string, string>> => {
  const timestamp = String(Math.floor(now / 1000))
  const signature = createHmac("sha256", keyOf(secret)!).update(`${id}.${timestamp}.${body}`).digest("base64")
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` }
}
