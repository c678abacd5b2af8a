import { availableParallelism } from "node:os"
import { configDefaults, defineConfig } from "vitest/config"
import everyday from "./vitest.config.ts"

/**
 * Files whose outcome does not hang on how long anything takes: on a virtual clock, of random values, or of processes
 * that are waited for. They run beside each other; the others measure time, memory or load, or count on leases of a few
 * seconds by the wall clock, and each has the machine to itself. A new file does, until it is named here.
 */
const besideOthers = [
  "test/cli/{doors,hostileInput,hostileStore,map,mapLeft,strangers}.long.test.ts",
  "test/cli/peers/*.long.test.ts",
  "test/faults/{crash-points,pipeline-crash-points}.long.test.ts",
  "test/performance/Fleets.long.test.ts",
  "test/scripts/pictures.long.test.ts",
  "test/services/Alerts/*.long.test.ts",
  "test/services/Queue/doorProperties.long.test.ts",
  "test/services/Queue/policy/*.long.test.ts",
  "test/services/{Memory,Scaling,Store}/**/*.long.test.ts",
  "test/simulation/*.long.test.ts"
]

/**
 * The long suites: kills, stalls and full disks over minutes, real processes, each file in a process of its own.
 * `SLUICE_LONG=reduced` asks each suite for the shorter run that CI makes.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "beside-others",
          include: besideOthers,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ["test/**/*.long.test.ts"],
          exclude: [...configDefaults.exclude, ...besideOthers],
          maxWorkers: 1,
          sequence: { groupOrder: 1 }
        }
      }
    ],
    passWithNoTests: true,
    pool: "forks",
    env: everyday.test?.env ?? {},
    testTimeout: 15 * 60_000,
    hookTimeout: 2 * 60_000,
    reporters: everyday.test?.reporters ?? ["default"]
  }
})
