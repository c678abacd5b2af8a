/** Handlers of modules that say the other side takes no more for an hour. */
import { Effect } from "effect"
import { RateLimited } from "../../../src/services/Limits/RateLimited.ts"

export const effect = () => Effect.fail(new RateLimited({ retryAfter: "1 hour" }))

export const plain = () => {
  throw { _tag: "sluice/RateLimited", retryAfter: 3_600_000 }
}
