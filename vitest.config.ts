import "./scripts/wasm-wrappers.mjs"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"

// `SLUICE_TEST_REPORT=FILE` also writes the results as JSON; .ci/run adds them up.
const report = process.env.SLUICE_TEST_REPORT
const reporters = report === undefined ? ["default"] : ["default", ["json", { outputFile: report }] as const]

/** What a thread cannot do: tests that have a main thread to themselves. */
const mainThread = "test/**/*.main.test.ts"

/** The everyday suite: every test but the long ones. */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "everyday",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, "test/**/*.long.test.ts", mainThread],
          pool: "threads"
        }
      },
      { extends: true, test: { name: "main-thread", include: [mainThread], pool: "forks" } }
    ],
    // A worker keeps the modules it has loaded for its next files: a fifth less CPU. No test changes what a module holds.
    isolate: false,
    // Much of the time goes by in waiting for processes and disks: one file more at a time than there are cores.
    maxWorkers: availableParallelism() + 1,
    // Processes and threads that tests start find their modules compiled: half of the CPU of a worker's start.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/sluice-tests", import.meta.url)) },
    testTimeout: 60_000,
    reporters
  }
})
