/**
 * Signs webhooks as the Standard Webhooks specification 1.0.0 says (standardwebhooks.com): HMAC-SHA-256 over `id.timestamp.body`. The timestamp
 * is a part of what is signed, so that an old message cannot be sent again as a new one; the id is the same in every try.
 */
import { createHmac } from "node:crypto"
import { Redacted } from "effect"

const prefix = "whsec_"

/** Shorter secrets can be guessed. */
const bytesLeast = 24

const keyOf = (secret: Redacted.Redacted<string>): Buffer => {
  const text = Redacted.value(secret)
  return text.startsWith(prefix) ? Buffer.from(text.slice(prefix.length), "base64") : Buffer.from(text, "utf8")
}

export const isStrongSecret = (secret: Redacted.Redacted<string>): boolean => keyOf(secret).length >= bytesLeast

export const signedHeaders = (
  secret: Redacted.Redacted<string>,
  id: string,
  now: number,
  body: string
): Readonly<Record<string, string>> => {
  const timestamp = String(Math.floor(now / 1000))
  const signature = createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64")
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` }
}
