/** `sluice/profiling`: where the time of a worker's tasks goes; `Sluice.layerWorker` brings the profiler along. */
export {
  AlreadyProfiling,
  Histogram,
  NotProfiling,
  PairedRegression,
  type PerformanceBenchmarks,
  type PerformanceMetrics,
  PerformanceProfiler,
  ProfilerReading,
  type ProfilerReadingShape,
  ProfilerSettings,
  ProfileTree,
  ProfilingReport,
  type ProfilingReportShape,
  Readings,
  type RecordedProfile,
  Regression
} from "./services/Queue/index.ts"
