/** Sources, sinks and chunks of the stream processor. */
export * as StreamSink from "./StreamSink.ts"
export * as StreamSource from "./StreamSource.ts"
export * as StreamTask from "./run/StreamTask.ts"
