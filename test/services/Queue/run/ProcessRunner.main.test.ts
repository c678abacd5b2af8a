import * as ProcessRunnerLive from "../../../../src/services/Queue/run/ProcessRunnerLive.ts"
import { runnerSuite } from "./runnerSuite.ts"

// Runs in a main thread (vitest.config.ts), where outputs are named pipes and commands may have spawners.
runnerSuite("ProcessRunner, commands started by itself", ProcessRunnerLive.layerWith({ spawners: 0 }))
runnerSuite(
  "ProcessRunner, commands started by a spawner",
  ProcessRunnerLive.layerWith({ spawners: 1, spawnFirst: true })
)
runnerSuite(
  "ProcessRunner, commands started by two spawners",
  ProcessRunnerLive.layerWith({ spawners: 2, spawnFirst: true })
)
