/** The public surface of the limits. */
export { RateLimited } from "./RateLimited.ts"
