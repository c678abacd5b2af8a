/** Many jobs in one call: how they are collected, and the size that pays. */
export type * from "./Batch.ts"
export { BatchTuning } from "./BatchTuning.ts"
export * as BatchSize from "./policy/BatchSize.ts"
