/**
 * The addresses of stores. They may hold who connects, and with which password, so nothing but the store itself gets to
 * see one whole.
 */

const scheme = /^([a-z][a-z0-9+.-]+:\/\/)/i

/**
 * `postgres://db.example/jobs` of such an address, without user, password and parameters; a path stays as it is. Where
 * it cannot be told what is what, only the scheme is left.
 */
export const labelOf = (address: string): string => {
  const [start] = scheme.exec(address) ?? []
  if (start === undefined) return address
  const unclear = `${start}…`
  try {
    const { host, pathname } = new URL(address)
    // A password that was not escaped ends where the path seems to begin.
    return pathname.includes("@") ? unclear : `${start}${host}${pathname}`
  } catch {
    return unclear
  }
}
