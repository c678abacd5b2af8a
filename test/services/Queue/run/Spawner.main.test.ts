import { readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { ShellTask, Sluice, TaskQueue } from "../../../../src/services/Queue/index.ts"
import * as JobControl from "../../../../src/services/Queue/run/JobControl.ts"
import * as ProcessGroup from "../../../../src/services/Queue/run/ProcessGroup.ts"
import { ProcessRunner, type RunOptions } from "../../../../src/services/Queue/run/ProcessRunner.ts"
import * as ProcessRunnerLive from "../../../../src/services/Queue/run/ProcessRunnerLive.ts"
import * as Umask from "../../../../src/services/Queue/run/Umask.ts"
import { eventually } from "./runnerSuite.ts"

const sh = (script: string) => ({
  command: ["sh", "-c", script] as const,
  cwd: tmpdir(),
  env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
  umask: Umask.current()
})

const run = (script: string, options?: RunOptions) =>
  ProcessRunner.use((runner) => runner.run(sh(script), options)).pipe(
    Effect.map(({ stdout }) => Buffer.from(stdout).toString())
  )

const stateOf = (pid: number) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]

/** The spawners of this process that live. */
const spawners = (): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("SpawnerEntry") &&
          readFileSync(`/proc/${pid}/status`, "utf8").includes(`PPid:\t${process.pid}\n`)
        )
      } catch {
        return false
      }
    })
    .map(Number)

const one = ProcessRunnerLive.layerWith({ spawners: 1, spawnFirst: true })

/** A command that runs until it is ended, told once it does. */
const running = Effect.gen(function* () {
  let group = 0
  let isReady = false
  const fiber = yield* Effect.forkChild(
    run("echo ready; sleep 1000", { onStart: (pid) => (group = pid), onOutput: () => (isReady = true) })
  )
  yield* eventually("the command runs", () => isReady)
  return { fiber, group }
})

/** Timers stand until they are told to go on; processes and their pipes do not wait for them. */
const timersStand = Effect.acquireRelease(
  Effect.sync(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })),
  () => Effect.sync(() => vi.useRealTimers())
)

/** Looks again and again, without a timer. */
const soon = (what: string, holds: () => boolean) =>
  Effect.promise(async () => {
    for (const until = performance.now() + 20_000; !holds(); await new Promise((go) => setImmediate(go)))
      if (performance.now() > until) throw new Error(`still not so: ${what}`)
  })

describe("a spawner", () => {
  it.live("is there from the second command on, and goes with the runner", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* run("true")
        assert.deepStrictEqual(spawners(), [])
        assert.strictEqual(yield* run("echo $PPID"), `${spawners()[0]}\n`)
        assert.lengthOf(spawners(), 1)
      }).pipe(Effect.provide(ProcessRunnerLive.layer))
      yield* eventually("it has ended", () => spawners().length === 0)
    })
  )

  it.live("that is killed takes its commands along, which is said, and another one takes its place", () =>
    Effect.gen(function* () {
      const commands = [yield* running, yield* running, yield* running]
      const [killed] = spawners()
      process.kill(killed!, "SIGKILL")
      for (const { fiber, group } of commands) {
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(error.reason._tag, "CommandLost")
        assert.isFalse(ProcessGroup.isAlive(group))
      }
      assert.strictEqual(yield* run("echo again"), "again\n")
      assert.lengthOf(spawners(), 1)
      assert.notStrictEqual(spawners()[0], killed)
    }).pipe(Effect.provide(one))
  )

  it.live("that is killed before it answered leaves nothing of what it may have started", () =>
    Effect.gen(function* () {
      yield* run("true")
      const [killed] = spawners()
      process.kill(killed!, "SIGSTOP")
      const fiber = yield* Effect.forkChild(run("sleep 999.25"))
      yield* Effect.forkChild(run("sleep 999.25"))
      yield* Effect.sleep("20 millis")
      process.kill(killed!, "SIGKILL")
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber))).reason._tag, "CommandLost")
      assert.isFalse(
        readdirSync("/proc").some((pid) => {
          try {
            return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("999.25")
          } catch {
            return false
          }
        })
      )
    }).pipe(Effect.provide(one))
  )

  it.live("is deaf to what ends a whole tree of processes: its commands end in peace", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(run("sleep 0.3; echo done"))
      yield* eventually("it is there", () => spawners().length === 1)
      yield* run("true")
      for (const name of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGTSTP"] as const)
        process.kill(spawners()[0]!, name)
      assert.strictEqual(yield* Fiber.join(fiber), "done\n")
    }).pipe(Effect.provide(one))
  )

  it.live("that cannot be had is done without", () =>
    Effect.gen(function* () {
      const { execPath } = process
      process.execPath = "/no/such/node"
      const said = yield* Effect.ensuring(
        run("echo $PPID"),
        Effect.sync(() => {
          process.execPath = execPath
        })
      )
      assert.strictEqual(said, `${process.pid}\n`)
    }).pipe(Effect.provide(one))
  )

  it.live("stops and continues its commands with this process, one that is just being started too", () =>
    Effect.gen(function* () {
      const { fiber, group } = yield* running
      let late = 0
      const starting = yield* Effect.forkChild(
        run("echo went on; exec sleep 0.1", { onStart: (pid) => (late = pid) }),
        {
          startImmediately: true
        }
      )
      JobControl.stopAll()
      yield* eventually("all stand still", () => JobControl.isStill())
      assert.strictEqual(stateOf(group), "T")
      assert.isAbove(late, 0)
      assert.strictEqual(stateOf(late), "T")
      JobControl.continueAll()
      assert.strictEqual(yield* Fiber.join(starting), "went on\n")
      assert.strictEqual(stateOf(group), "S")
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(one))
  )

  it.live("that is killed costs a job an attempt and is put down to its worker, not to the command", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      // The first command of a process has no spawner.
      yield* queue.run(ShellTask.shell, sh("true"))
      const spawned = (script: string, retries: number) => queue.enqueue(ShellTask.shell, sh(script), { retries })
      const kill = "kill -s KILL $PPID; sleep 1000"
      const again = yield* spawned(`test "$SLUICE_ATTEMPT" = 2 || { ${kill}; }`, 1)
      yield* again.await
      assert.deepInclude(yield* again.status, { state: "completed", attempt: 2 })
      const once = yield* spawned(kill, 0)
      yield* Effect.flip(once.await)
      const { failure } = yield* once.status
      assert.deepInclude(failure, {
        cause: "WorkerLost",
        message: "the process that started the command died, and the command was ended with it"
      })
    }).pipe(
      Effect.provide(
        Sluice.layerWorker().pipe(
          Layer.provide(Sluice.layerShell(ShellTask.shell)),
          Layer.provideMerge(Sluice.layerMemory())
        )
      )
    )
  )

  it.live("ends when nothing was started for a minute, and the next command has another one", () =>
    Effect.gen(function* () {
      yield* run("true")
      const [first] = spawners()
      assert.isDefined(first)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* timersStand
          yield* run("true")
          vi.advanceTimersByTime(59_999)
          assert.strictEqual(yield* run("echo $PPID"), `${first}\n`, "it is there, and the minute begins anew")
          vi.advanceTimersByTime(59_999)
          assert.deepStrictEqual(spawners(), [first])
          vi.advanceTimersByTime(1)
          yield* soon("it has ended", () => spawners().length === 0)
        })
      )
      assert.notStrictEqual(yield* run("echo $PPID"), `${first}\n`)
      assert.lengthOf(spawners(), 1)
    }).pipe(Effect.provide(one))
  )

  it.live("that answers no start for a minute and a second look is taken for lost, and replaced", () =>
    Effect.gen(function* () {
      yield* run("true")
      const [hung] = spawners()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* timersStand
          process.kill(hung!, "SIGSTOP")
          yield* soon("it stands", () => stateOf(hung!) === "T")
          const fiber = yield* Effect.forkChild(Effect.flip(run("echo never")), { startImmediately: true })
          vi.advanceTimersByTime(60_000)
          assert.strictEqual(stateOf(hung!), "T", "its second look is to come")
          vi.advanceTimersByTime(999)
          assert.strictEqual(stateOf(hung!), "T")
          vi.advanceTimersByTime(1)
          const error = yield* Fiber.join(fiber)
          assert.match(error.message, /the process that started the command died/)
          yield* soon("it has ended", () => !spawners().includes(hung!))
        })
      )
      assert.notStrictEqual(yield* run("echo $PPID"), `${hung}\n`)
    }).pipe(Effect.provide(one))
  )
})
