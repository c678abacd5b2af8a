/** The public surface of the limits. */
export * as LimitLayers from "./layers.ts"
export * from "./Limits.ts"
export * from "./RateLimited.ts"
export type * from "./GroupPolicy.ts"
export * as PolicyEdit from "./policy/PolicyEdit.ts"
export * as PolicyText from "./policy/PolicyText.ts"
export * as Rates from "./policy/Rates.ts"
export type { RetryAfter } from "./policy/RetryAfter.ts"
