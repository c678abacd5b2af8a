/** Every variant, in the order of a round: a raw limit stands between what is divided by it. */
import * as BatchBench from "./BatchBench.ts"
import * as DrainBench from "./DrainBench.ts"
import * as EnqueueBench from "./EnqueueBench.ts"
import * as LatencyBench from "./LatencyBench.ts"
import * as LimitsBench from "./LimitsBench.ts"
import * as LookupBench from "./LookupBench.ts"
import * as MemoryBench from "./MemoryBench.ts"
import * as ProcessBench from "./ProcessBench.ts"
import * as TierBench from "./TierBench.ts"
import type { Variant } from "./Variant.ts"

export const variants: ReadonlyArray<Variant> = [
  ...MemoryBench.variants,
  ...LimitsBench.variants,
  ...EnqueueBench.variants,
  ...DrainBench.variants,
  ...BatchBench.variants,
  ...LatencyBench.variants,
  ...LookupBench.variants,
  ...ProcessBench.variants,
  ...TierBench.variants
]

/**
 * The variants in one of `families`, as `sqlite` or `sqlite/drain`, and those they are divided by. None named: all but
 * those measured on request.
 */
export const selected = (families: ReadonlyArray<string>): ReadonlyArray<Variant> => {
  if (families.length === 0) return variants.filter(({ onRequest }) => onRequest !== true)
  const named = variants.filter(({ name }) => families.some((family) => `${name}/`.startsWith(`${family}/`)))
  const divisors = new Set(named.flatMap(({ figures }) => Object.values(figures).map(({ against }) => against)))
  return variants.filter((variant) => named.includes(variant) || divisors.has(variant.name))
}
