import { defineConfig } from "vitest/config"
import everyday from "./vitest.config.ts"

/**
 * The long suites: kills, stalls and full disks over minutes, real processes, one file at a time in a process of its own.
 * `SLUICE_LONG=reduced` asks each suite for the shorter run that CI makes.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.long.test.ts"],
    passWithNoTests: true,
    pool: "forks",
    fileParallelism: false,
    env: everyday.test?.env ?? {},
    testTimeout: 15 * 60_000,
    hookTimeout: 2 * 60_000,
    reporters: everyday.test?.reporters ?? ["default"]
  }
})
