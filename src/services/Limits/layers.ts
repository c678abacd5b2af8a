/** Limits over a queue's store; the queue's own layers bring them along. */
export { layer } from "./LimitsLive.ts"
