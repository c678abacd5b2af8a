import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { PrivateLane, ShellTask, Sluice, TaskQueue } from "../../../../src/services/Queue/index.ts"
import { taskCodec } from "../../../../src/services/Queue/codec/TaskCodec.ts"

const command = (...words: readonly [string, ...Array<string>]) => ({
  command: words,
  cwd: "/",
  env: { PATH: process.env["PATH"] ?? "" },
  umask: 0o022
})

/** Registers before the worker joins, so that its tasks are known at once. */
const serving = (task: ShellTask.ShellTask, listener?: ShellTask.ShellListener) =>
  Sluice.layerWorker().pipe(Layer.provide(Sluice.layerShell(task, listener)), Layer.provideMerge(Sluice.layerMemory()))

const run = (...words: readonly [string, ...Array<string>]) =>
  TaskQueue.use((queue) => queue.run(ShellTask.shell, command(...words), { retries: 0 }))

describe("a shell job", () => {
  it.live("completes with what the command wrote, and finds its job in the environment", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const script = 'echo "$SLUICE_JOB_ID $SLUICE_ATTEMPT $SLUICE_GROUP $SLUICE_STORE"; echo err >&2'
      const handle = yield* queue.enqueue(ShellTask.shell, command("sh", "-c", script), { group: "network" })
      const result = yield* handle.await
      const [id, attempt, group, store] = Buffer.from(result.stdout).toString().trim().split(" ")
      assert.deepStrictEqual([attempt, group, store], ["1", "network", "memory:"])
      assert.match(id!, /^[0-9a-z]{11}$/)
      assert.strictEqual(Buffer.from(result.stderr).toString(), "err\n")
    }).pipe(Effect.provide(serving(ShellTask.shell)))
  )

  it.live("fails with its exit code or signal, and is retried as every task", () =>
    Effect.gen(function* () {
      const code = yield* Effect.flip(run("sh", "-c", "echo no >&2; exit 3"))
      assert.deepInclude(code, { _tag: "CommandFailed", exitCode: 3, signal: null, timedOut: false })
      assert.strictEqual(Buffer.from((code as ShellTask.CommandFailed).stderr).toString(), "no\n")
      assert.deepInclude(yield* Effect.flip(run("sh", "-c", "kill -TERM $$")), {
        exitCode: null,
        signal: "SIGTERM",
        timedOut: false
      })
      const queue = yield* TaskQueue
      const again = yield* queue.enqueue(ShellTask.shell, command("sh", "-c", 'test "$SLUICE_ATTEMPT" = 2'), {
        retries: 1
      })
      yield* again.await
      assert.deepInclude(yield* again.status, { state: "completed", attempt: 2 })
    }).pipe(Effect.provide(serving(ShellTask.shell)))
  )

  it.live("that can never run is not retried", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const handle = yield* queue.enqueue(ShellTask.shell, command("no-such-program"), { retries: 5 })
      assert.deepInclude(yield* Effect.flip(handle.await), { _tag: "ProcessError", exitCode: 127 })
      assert.deepInclude(yield* handle.status, { state: "failed", attempt: 1 })
    }).pipe(Effect.provide(serving(ShellTask.shell)))
  )

  it.live(
    "is sent SIGTERM at its soft limit and says so, and is killed at its hard one",
    () =>
      Effect.gen(function* () {
        const queue = yield* TaskQueue
        const limited = (softLimit: string, hardLimit: string, script: string) =>
          queue.run(ShellTask.shell, command("sh", "-c", script), {
            retries: 0,
            softLimit: softLimit as "1 second",
            hardLimit: hardLimit as "1 second"
          })
        const soft = yield* Effect.flip(
          limited("200 millis", "30 seconds", "trap 'echo bye; exit 9' TERM; sleep 30 & wait")
        )
        assert.deepInclude(soft, { exitCode: 9, timedOut: true })
        assert.strictEqual(Buffer.from((soft as ShellTask.CommandFailed).stdout).toString(), "bye\n")
        const hard = yield* Effect.flip(
          limited("100 millis", "300 millis", "trap '' TERM; while :; do sleep 0.05; done")
        )
        assert.deepInclude(hard, { _tag: "JobFailed", state: "failed" })
      }).pipe(Effect.provide(serving(ShellTask.shell))),
    { timeout: 20_000 }
  )

  it("keeps outputs of any size and kind within what a job may hold", () => {
    const { error, success } = taskCodec(ShellTask.shell, { payloads: "text" })
    const outputs = [
      Buffer.alloc(ShellTask.previewBytes, "a"),
      Buffer.alloc(ShellTask.previewBytes, 0xff),
      Buffer.alloc(ShellTask.previewBytes, 1),
      Buffer.from("ä😀".repeat(ShellTask.previewBytes / 6))
    ]
    for (const output of outputs) {
      const result = { exitCode: 0, signal: null, durationMs: 1, stdoutDropped: 0, stderrDropped: 0, leftovers: false }
      const stored = success.encode({ ...result, stdout: output, stderr: output }) as string
      assert.isBelow(stored.length, 1024 * 1024)
      assert.deepInclude(success.decode(stored), { exitCode: 0 })
      const failed = new ShellTask.CommandFailed({
        exitCode: 1,
        signal: null,
        timedOut: false,
        durationMs: 1,
        stdout: output,
        stderr: output
      })
      const encoded = error.encode(failed)
      assert.isAtMost(JSON.stringify(encoded).length, 16_384)
      assert.instanceOf(error.decode(encoded), ShellTask.CommandFailed)
    }
    const small = {
      exitCode: 0,
      signal: null,
      durationMs: 1,
      stdoutDropped: 0,
      stderrDropped: 0,
      leftovers: false,
      stdout: Buffer.from([0, 255]),
      stderr: Buffer.from("x")
    }
    assert.deepStrictEqual(
      Buffer.from((success.decode(success.encode(small)) as typeof small).stdout),
      Buffer.from([0, 255])
    )
  })
})

describe("a private lane", () => {
  const counter = (task: string, state: "pending" | "completed", count: number) => ({
    group: "computation",
    task,
    state,
    count
  })
  const worker = (session: number, tasks: ReadonlyArray<string>, leaseUntil: number) => ({
    session,
    tasks,
    leaseUntil,
    name: "w",
    host: "h",
    pid: 1,
    version: "1",
    slots: {},
    startedAt: 0,
    lastBeat: 0,
    draining: false,
    load: undefined,
    blocked: undefined
  })

  it("is the first that nobody owns and nothing waits in", () => {
    assert.strictEqual(PrivateLane.freeLane([], [], 0), 1)
    assert.strictEqual(
      PrivateLane.freeLane([counter("shell/1", "pending", 1), counter("shell/2", "completed", 9)], [], 0),
      2
    )
    assert.strictEqual(PrivateLane.freeLane([], [worker(1, ["shell/1"], 10), worker(2, ["shell/2"], 0)], 5), 2)
    // A worker for commands only helps in a lane.
    assert.strictEqual(PrivateLane.ownerOf(1, [worker(1, ["shell", "shell/1"], 10)], 5), undefined)
    assert.strictEqual(PrivateLane.ownerOf(1, [worker(1, ["shell/1"], 10)], 5)?.session, 1)
  })

  it("is named by its task and nothing else is", () => {
    assert.strictEqual(ShellTask.laneOf(ShellTask.laneTask(12).name), 12)
    for (const name of ["shell", "shell/0", "shell/-1", "shell/1.5", "shell/x", "shell/", "resize"])
      assert.isUndefined(ShellTask.laneOf(name), name)
  })
})
