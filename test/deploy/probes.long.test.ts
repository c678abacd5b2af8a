import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { Sluice } from "../../src/services/Queue/index.ts"
import { store as wholeStore } from "../../src/services/Store/Store.ts"
import * as CliProcess from "../cli/CliProcess.ts"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { launcher } from "../support/cli/Launcher.ts"
import * as Manifests from "../support/kubernetes/Manifests.ts"

const [container] = Manifests.find("workers.yaml", "Deployment").spec.template.spec.containers
describe("the probes of deploy/kubernetes/workers.yaml", () => {
  it.live(
    "hold once the worker of the pod has joined, and end it when its lease has run out",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const bin = path.join(folder, "bin")
        mkdirSync(bin)
        writeFileSync(path.join(bin, "sluice"), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`)
        chmodSync(path.join(bin, "sluice"), 0o755)
        const store = path.join(folder, "queue.db")
        const env = { SLUICE_STORE: store, SLUICE_WORKER_NAME: "sluice-workers-1" }
        /** The probe's exit code, as the kubelet sees it. */
        const probe = (which: "startupProbe" | "livenessProbe", name = env.SLUICE_WORKER_NAME) => {
          const [program, ...args] = container[which].exec.command
          return spawnSync(program, args, {
            cwd: folder,
            env: { ...env, SLUICE_WORKER_NAME: name, PATH: `${bin}:${process.env.PATH}`, HOME: folder }
          }).status
        }

        assert.notStrictEqual(probe("startupProbe"), 0)
        assert.strictEqual(probe("livenessProbe"), 0)
        const worker = yield* CliProcess.start(folder, container.args, { env })
        yield* worker.shows(/worker sluice-workers-1 serves .* with slots .*network 10/)
        assert.strictEqual(probe("startupProbe"), 0)
        assert.strictEqual(probe("livenessProbe"), 0)
        // Another pod's worker is not this one's.
        assert.notStrictEqual(probe("startupProbe", "sluice-workers-2"), 0)
        yield* worker.kill("SIGTERM")
        assert.strictEqual((yield* worker.ended).code, 0)

        yield* Effect.flatMap(wholeStore, (jobs) =>
          jobs.workers.join(
            { name: "sluice-workers-1", host: "h", pid: 1, version: "1", slots: {}, tasks: [] },
            { now: Date.now(), leaseMs: 1 }
          )
        ).pipe(Effect.provide(Sluice.layerSqlite({ path: store, thread: false })))
        assert.strictEqual(probe("livenessProbe"), 1)
        assert.notStrictEqual(probe("startupProbe"), 0)
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )
})
