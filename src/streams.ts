/** `sluice/streams`: streams of any length as jobs, chunk by chunk; `Sluice.layerStreams` runs them. */
export {
  type ChunkAnswer,
  ChunkFailed,
  InvalidStream,
  ItemTooLarge,
  SinkChanged,
  SinkFailed,
  SourceChanged,
  SourceFailed,
  StateFailed,
  StreamBusy,
  StreamError,
  type StreamOptions,
  StreamProcessor,
  type StreamReport,
  type StreamRunner,
  type StreamSettings,
  StreamSink,
  StreamSource,
  StreamTask,
  type StreamTaskContext
} from "./services/Queue/index.ts"
