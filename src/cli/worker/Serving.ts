/** What a process needs that serves: loaded when one does, not by commands that look after workers. */
export { scaleActuators } from "./ScaleActuators.ts"
export { serve } from "./Serve.ts"
export * as TaskModule from "./TaskModule.ts"
