import * as Sanitize from "../terminal/Sanitize.ts"

/** Longer input is no slip of the fingers, and comparing costs the product of both lengths. */
const longestInput = 64

/**
 * Edit distance with swapped neighbours counting as one slip (optimal string alignment, after Damerau 1964), or
 * `undefined` as soon as it is certain to exceed `limit`.
 */
const distanceWithin = (a: string, b: string, limit: number): number | undefined => {
  if (Math.abs(a.length - b.length) > limit) return undefined
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const slip = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + slip)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    if (Math.min(...row) > limit && Math.min(...last) > limit) return undefined
    beforeLast = last
    last = row
  }
  const distance = last[b.length]!
  return distance <= limit ? distance : undefined
}

/**
 * The candidate that `input` most likely meant, or `undefined` when none is near: up to one slip per three characters,
 * one at least and three at most, case aside. Among equals the earliest candidate wins.
 */
export const nearest = (input: string, candidates: Iterable<string>): string | undefined => {
  const typed = input.toLowerCase()
  if (typed.length === 0 || typed.length > longestInput) return undefined
  const limit = Math.min(3, Math.max(1, Math.floor(typed.length / 3)))
  let best: { readonly candidate: string; readonly distance: number } | undefined
  for (const candidate of candidates) {
    const distance = distanceWithin(typed, candidate.toLowerCase(), limit)
    if (distance !== undefined && (best === undefined || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate
}

/** The end of an error line: ` Did you mean "pending"?`, or nothing when no candidate is near. */
export const didYouMean = (input: string, candidates: Iterable<string>): string => {
  const candidate = nearest(input, candidates)
  return candidate === undefined ? "" : ` Did you mean "${Sanitize.line(candidate)}"?`
}
