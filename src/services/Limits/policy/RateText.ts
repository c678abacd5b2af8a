/** Rates as people write them. */
import type { Rate } from "../GroupPolicy.ts"

const units: ReadonlyArray<readonly [ms: number, name: string]> = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
  [1, "ms"]
]

/** `5/s`, `100/min`, `300/5min`; the burst where it was said. The command line reads what this writes. */
export const rateText = ({ burst, limit, perMs }: Rate): string => {
  const [ms, name] = units.find(([ms]) => perMs % ms === 0) ?? [1, "ms"]
  const times = perMs / ms
  return `${limit}/${times === 1 ? "" : times}${name}${burst === undefined ? "" : ` (burst ${burst})`}`
}
