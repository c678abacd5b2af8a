/**
 * Whether an address is one on the open internet: not of this host, a private network, a link, a carrier's inside, a
 * tunnel, a test range or a group. From the IANA special-purpose address registries (RFC 6890 and its updates), and
 * ranges that look public and are the inside of somebody's cloud; most clouds keep their metadata service in a range of
 * the registries (169.254.169.254, 100.100.100.200, 192.0.0.192, fd00:ec2::254).
 */
import { BlockList, isIP } from "node:net"

const special = new BlockList()
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  // IBM Cloud's own services.
  ["161.26.0.0", 16],
  ["166.8.0.0", 14],
  // Azure's host, which hands out the machine's settings.
  ["168.63.129.16", 32],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3]
] as const)
  special.addSubnet(network, prefix, "ipv4")
// Within 2000::/3; tunnels (Teredo, 6to4) carry any IPv4 address inside.
for (const [network, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20]
] as const)
  special.addSubnet(network, prefix, "ipv6")

const global6 = new BlockList()
global6.addSubnet("2000::", 3, "ipv6")

const loopback = new BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

export const isPublicAddress = (address: string): boolean => {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, "ipv4")
    case 6:
      return global6.check(address, "ipv6") && !special.check(address, "ipv6")
    default:
      return false
  }
}

export const isLoopbackAddress = (address: string): boolean => {
  const family = isIP(address)
  return family !== 0 && loopback.check(address, family === 4 ? "ipv4" : "ipv6")
}
