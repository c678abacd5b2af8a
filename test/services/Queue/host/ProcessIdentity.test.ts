import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable } from "node:stream"
import * as ProcessIdentity from "../../../../src/services/Queue/host/ProcessIdentity.ts"

type Child = ChildProcessByStdio<null, Readable, null>

const shell = (script: string) =>
  Effect.acquireRelease(
    Effect.sync((): Child => spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const firstLine = (child: Child) =>
  Effect.callback<string>((resume) => {
    child.stdout.setEncoding("utf8").once("data", (text: string) => resume(Effect.succeed(text.trim())))
  })

const until = (state: ProcessIdentity.ProcessState, pid: number, start?: string) =>
  Effect.suspend(() =>
    ProcessIdentity.stateOf(pid, start) === state ? Effect.void : Effect.fail(ProcessIdentity.stateOf(pid, start))
  ).pipe(Effect.retry({ times: 500, schedule: Schedule.spaced("10 millis") }))

describe.skipIf(process.platform === "win32")("what has become of a process", () => {
  it.live("running, stopped, running again, gone", () =>
    Effect.gen(function* () {
      const child = yield* shell("exec sleep 60")
      const start = ProcessIdentity.startOf(child.pid!)
      assert.notStrictEqual(start, "")
      yield* until("running", child.pid!, start)
      child.kill("SIGSTOP")
      yield* until("stopped", child.pid!, start)
      child.kill("SIGCONT")
      yield* until("running", child.pid!, start)
      child.kill("SIGKILL")
      yield* until("gone", child.pid!, start)
    }).pipe(Effect.scoped)
  )

  it.live("a zombie is gone, though its number is taken", () =>
    Effect.gen(function* () {
      // `sleep` knows nothing of the child it got from the shell, and never collects it.
      const child = yield* shell("sleep 0.1 & echo $!; exec sleep 60")
      const zombie = Number(yield* firstLine(child))
      const start = ProcessIdentity.startOf(zombie)
      yield* until("gone", zombie, start)
      assert.doesNotThrow(() => process.kill(zombie, 0))
      assert.isFalse(ProcessIdentity.isAlive(zombie))
    }).pipe(Effect.scoped)
  )

  it("one that began at another time is another", () => {
    const start = ProcessIdentity.startOf(process.pid)
    assert.strictEqual(ProcessIdentity.stateOf(process.pid, start), "running")
    assert.strictEqual(ProcessIdentity.stateOf(process.pid, "1"), "gone")
    assert.strictEqual(ProcessIdentity.stateOf(process.pid, ""), "running")
    assert.strictEqual(ProcessIdentity.stateOf(process.pid, undefined), "running")
  })

  it("numbers that are none name nobody, and no group", () => {
    for (const pid of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      assert.strictEqual(ProcessIdentity.stateOf(pid, ""), "gone")
  })

  it("another user's is there", () => {
    assert.notStrictEqual(ProcessIdentity.stateOf(1, undefined), "gone")
  })

  it("marks are found again; one of another container cannot be looked at, one of before a reboot is gone", () => {
    const mark = ProcessIdentity.markOf(process.pid)
    const [pid, start] = mark.split(" ")
    assert.strictEqual(ProcessIdentity.stateOfMark(mark), "running")
    assert.strictEqual(ProcessIdentity.stateOfMark(`${pid} ${start}`), "running")
    assert.strictEqual(ProcessIdentity.stateOfMark(`${pid} 1 ${ProcessIdentity.machine}`), "gone")
    assert.isUndefined(ProcessIdentity.stateOfMark(`${pid} ${start} ${ProcessIdentity.sharedClock} pid:[1]`))
    assert.strictEqual(ProcessIdentity.stateOfMark(`${pid} ${start} another-boot time:[1] pid:[1]`), "gone")
    for (const half of ["", " ", "x y z", "\0"]) assert.strictEqual(ProcessIdentity.stateOfMark(half), "gone")
  })

  it.live("ps tells the same where there is no /proc", () =>
    Effect.gen(function* () {
      const child = yield* shell("exec sleep 60")
      const { start, state } = ProcessIdentity.fromPs(child.pid!)
      assert.include("SR", state)
      assert.match(start, /^\w{3}_\w{3}_\d+_[\d:]+_\d{4}$/)
      child.kill("SIGSTOP")
      yield* until("stopped", child.pid!)
      assert.deepStrictEqual(ProcessIdentity.fromPs(child.pid!), { state: "T", start })
      assert.deepStrictEqual(ProcessIdentity.fromPs(4_194_303), { state: "", start: "" })
    }).pipe(Effect.scoped)
  )
})
