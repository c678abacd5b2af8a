import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { Sluice, ShellTask, TaskQueue } from "../../../../src/services/Queue/index.ts"
import { ProcessRunner } from "../../../../src/services/Queue/run/ProcessRunner.ts"
import * as ProcessRunnerLive from "../../../../src/services/Queue/run/ProcessRunnerLive.ts"
import { ThreadPool } from "../../../../src/services/Queue/run/ThreadPool.ts"
import * as ThreadPoolLive from "../../../../src/services/Queue/run/ThreadPoolLive.ts"
import * as CommandHook from "../../../../src/services/Scaling/act/CommandHook.ts"
import { commandSink } from "../../../../src/services/Alerts/sinks/CommandSink.ts"
import { defaults } from "../../../../src/services/Alerts/AlertSettings.ts"

const secrets: Readonly<Record<string, string>> = {
  SLUICE_ALERT_WEBHOOK_SECRET: "CANARY-secret",
  SLUICE_ALERT_WEBHOOK_SECRET_FILE: "/run/CANARY",
  SLUICE_ALERT_WEBHOOKS: "https://hooks.example.com/CANARY",
  SLUICE_TOKEN: "CANARY-token",
  SLUICE_TOKEN_FILE: "/run/CANARY-token",
  SLUICE_STORE_PASSWORD: "CANARY-password",
  SLUICE_API_KEY: "CANARY-key",
  SLUICE_LEDGER: "postgres://app:CANARY@db/app"
}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-secrets-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** This process has all of them, as a worker has that sends alerts. */
const surrounded = Effect.acquireRelease(
  Effect.sync(() => {
    for (const [name, value] of Object.entries({ ...secrets, WITNESS: "there" })) vi.stubEnv(name, value)
    return { ...process.env } as Record<string, string>
  }),
  () => Effect.sync(() => vi.unstubAllEnvs())
)

/** What a library's user passes on when they pass on everything. */
const command = (env: Readonly<Record<string, string>>) => ({ command: ["env"] as const, cwd: "/", env, umask: 0o022 })

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

const places: Readonly<
  Record<string, (env: Record<string, string>, at: string) => Effect.Effect<string, unknown, never>>
> = {
  "a command of ProcessRunner": (env) =>
    ProcessRunner.use((runner) => runner.run(command(env), { env })).pipe(
      Effect.map(({ stdout }) => text(stdout)),
      Effect.provide(ProcessRunnerLive.layer)
    ),
  "a shell job, however it was recorded and whatever its listener adds": (env) =>
    TaskQueue.use((queue) => queue.run(ShellTask.shell, command(env), { retries: 0 })).pipe(
      Effect.map(({ stdout }) => text(stdout)),
      Effect.provide(
        Sluice.layerWorker().pipe(
          Layer.provide(Sluice.layerShell(ShellTask.shell, { env })),
          Layer.provideMerge(Sluice.layerMemory())
        )
      )
    ),
  "a command that scales": (env, at) =>
    CommandHook.make({ run: { shell: `env > ${at}/said` }, cwd: at, env }).pipe(
      Effect.flatMap((hook) =>
        hook.apply([{ group: "mail", desired: 2, current: 1, reason: "load", decidedAt: 0, validUntil: 1 } as never])
      ),
      Effect.andThen(
        Effect.suspend(() =>
          existsSync(`${at}/said`) && readFileSync(`${at}/said`, "utf8").includes("SLUICE_SCALE_DESIRED")
            ? Effect.succeed(readFileSync(`${at}/said`, "utf8"))
            : Effect.fail("not yet")
        ).pipe(Effect.retry({ times: 500, schedule: Schedule.spaced("10 millis") }))
      ),
      Effect.provide(ProcessRunnerLive.layer),
      Effect.scoped
    ),
  "a command that is told alerts": (_, at) =>
    Effect.gen(function* () {
      const sink = commandSink(["sh", "-c", `env > ${at}/said`], { sendTimeout: defaults.sendTimeout })
      yield* sink.send({ id: "n", at: 0, store: "memory:", alerts: [] })
      return readFileSync(`${at}/said`, "utf8")
    }),
  "a handler in a thread": () =>
    ThreadPool.use((pool) =>
      pool.run({
        module: new URL("./threadHandlers.ts", import.meta.url),
        export: "environment",
        payload: { value: null }
      })
    ).pipe(Effect.map(String), Effect.provide(ThreadPoolLive.layer({ maxThreads: 1 })))
}

describe("Sluice's own secrets", () => {
  for (const [place, said] of Object.entries(places)) {
    it.live(`are not found by ${place}`, () =>
      Effect.gen(function* () {
        const env = yield* surrounded
        const found = yield* said(env, yield* folder)
        assert.include(found, "WITNESS=there")
        assert.notInclude(found, "CANARY")
        for (const name of Object.keys(secrets)) assert.notInclude(found, `${name}=`)
      })
    )
  }

  it("are thought of wherever a process or a thread is started", () => {
    const root = path.join(import.meta.dirname, "../../../../src")
    /** Sluice's own code, which needs them or lets nothing of a user's in. */
    const ours = new Set([
      "services/Store/sqlite/ThreadHost.ts",
      "services/Scaling/act/ProcessPool.ts",
      // With the environment it is told, by ProcessRunnerLive.
      "services/Queue/run/spawner/SpawnerEntry.ts"
    ])
    const starts =
      /\b(?:spawn|spawnSync|execFile|execFileSync|promisify\(execFile\))\(\s*(?=["'`/\w])|new Worker\(|ChildProcess\.make\(/
    const found = readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !ours.has(name))
      .map((name) => ({ name, source: readFileSync(path.join(root, name), "utf8") }))
      .filter(({ source }) => /node:child_process|node:worker_threads|process\/ChildProcess"/.test(source))
      .filter(({ source }) => starts.test(source))
    assert.isAtLeast(found.length, 7)
    const careless = found.filter(({ source }) => !/withoutOwnSecrets\(|env: \{ PATH:|env: options\.env,/.test(source))
    assert.deepStrictEqual(
      careless.map(({ name }) => name),
      []
    )
  })
})
