/**
 * What a store is called where outsiders read it: enough to tell stores apart, no path of this machine, no user and no
 * password.
 */
import { safeText } from "./RuleText.ts"

/** `queue.db on web-1` of a file, `postgres://db.example/jobs` of an address, `memory:`. */
export const storeLabel = (location: string, host: string): string => {
  if (/^[a-z][a-z0-9+.-]+:$/i.test(location)) return location
  const address = /^([a-z][a-z0-9+.-]+:\/\/)(?:[^/?#]*@)?([^?#]*)/i.exec(location)
  if (address !== null && address[1]!.toLowerCase() !== "file://") return safeText(`${address[1]}${address[2]}`)
  return safeText(`${location.split("/").at(-1)} on ${host}`)
}
