/** Tasks one after the other, a job for each item of each stage. */
export * as Pipeline from "./Pipeline.ts"
export type { Pipeline as PipelineDefinition } from "./Pipeline.ts"
export { Pipelines, StageFailed, type PipelineRun, type StageStatus } from "./Pipeline.ts"
