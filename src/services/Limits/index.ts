/** The public surface of the limits. */
export * as LimitLayers from "./layers.ts"
export * from "./Limits.ts"
export * from "./RateLimited.ts"
export type * from "./GroupPolicy.ts"
export type { RetryAfter } from "./policy/RetryAfter.ts"
export { opensAt } from "./policy/Holding.ts"
export { type Hours, type HoursWindow, hoursText, parseHours, type Weekday } from "./policy/Hours.ts"
