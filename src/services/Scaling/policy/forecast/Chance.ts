/**
 * A whole number that looks drawn by chance and is always the same for a step (the finaliser of A. Appleby's
 * MurmurHash3).
 */
export const chance = (step: number): number => {
  let hash = Math.imul(step ^ (step >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
