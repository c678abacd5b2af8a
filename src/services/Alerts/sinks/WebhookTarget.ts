/** Whether a webhook may go where its URL points, before anything is resolved. */
import { isIP } from "node:net"
import { isLoopbackAddress, isPublicAddress } from "./PublicAddress.ts"

export interface TargetRules {
  readonly hosts: ReadonlyArray<string>
  readonly allowLoopback: boolean
}

const matchesHost = (pattern: string, host: string, port: string): boolean => {
  // One colon is before a port; more are an address of IPv6.
  const [, name = pattern.toLowerCase(), allowedPort = "443"] = /^([^:]+):(\d+)$/.exec(pattern.toLowerCase()) ?? []
  if (allowedPort !== port) return false
  return name.startsWith("*.") ? host.endsWith(name.slice(1)) && host.length > name.length - 1 : host === name
}

/** The host as an address would be written, without the brackets of IPv6. */
export const hostOf = (url: URL): string =>
  url.hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")

/** The URL, or what is wrong with it in one line. Its path and query are never shown: they may hold a secret. */
export const readTarget = (text: string, { allowLoopback, hosts }: TargetRules): URL | string => {
  if (!URL.canParse(text)) return "a webhook is no URL; expected https://host/path"
  const url = new URL(text)
  const host = hostOf(url)
  if (url.username !== "" || url.password !== "")
    return `the webhook to ${host} carries a user or password; put a secret into the signature instead`
  const isLoopback = isLoopbackAddress(host) || host === "localhost"
  if (allowLoopback && isLoopback && url.protocol === "http:") return url
  if (url.protocol !== "https:") return `the webhook to ${host} is ${url.protocol}//; expected https://`
  if (!hosts.some((pattern) => matchesHost(pattern, host, url.port === "" ? "443" : url.port)))
    return `the webhook's host ${url.host} is not on the allow-list; add it to SLUICE_ALERT_WEBHOOK_HOSTS`
  if (isIP(host) !== 0 && !isPublicAddress(host)) return `the webhook's address ${host} is not on the open internet`
  return url
}
