/** How long a finished job stays. */
import type { Retention } from "../../../Store/JobStore.ts"

/** Whether it goes that finished at `finishedAt`, `kept` jobs of its state being there. Called for the oldest first. */
export const goes = ({ ageMs, count }: Retention, finishedAt: number, kept: number, now: number): boolean =>
  now - finishedAt > ageMs || kept > count
