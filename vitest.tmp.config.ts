import { defineConfig } from "vitest/config"
export default defineConfig({ test: { include: ["test/**/*.test.ts"], pool: "forks", isolate: false, setupFiles: ["/tmp/scratch-suite/psetup.ts"], testTimeout: 600000 } })
