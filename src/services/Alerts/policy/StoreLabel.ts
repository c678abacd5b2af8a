/**
 * What a store is called where outsiders read it: enough to tell stores apart, no path of this machine, no user and no
 * password.
 */
import { labelOf } from "../../Queue/policy/StoreAddress.ts"
import { safeText } from "./RuleText.ts"

/** `queue.db on web-1` of a file, `postgres://db.example/jobs` of an address, `memory:`. */
export const storeLabel = (location: string, host: string): string => {
  if (/^[a-z][a-z0-9+.-]+:$/i.test(location)) return location
  if (/^(?!file:)[a-z][a-z0-9+.-]+:\/\//i.test(location)) return safeText(labelOf(location))
  return safeText(`${location.split("/").at(-1)} on ${host}`)
}
