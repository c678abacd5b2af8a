/**
 * Faults: the disk under the store fails syncs and writes of its log, at times or from some moment on (EIO, ENOSPC,
 * injected with strace), or is really full (a small tmpfs that another file fills; needs root).
 *
 * Invariants: no acknowledged job is missing afterwards and the file is sound; what is not stored is refused with a
 * typed error; a worker's completions land once writing works, also on a full disk; no process ends, nor spins: its log
 * stays within two lines a second.
 *
 * Bound: ten seconds after there is room again new jobs are taken.
 *
 * Where strace cannot trace, its part is named as not run, and fails with `CI=true`. Reduced: 100 jobs instead of
 * 1,000, the store on its own thread.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schedule } from "effect"
import { execFile } from "node:child_process"
import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import path from "node:path"
import { type JobId, TaskQueue } from "../../src/services/Queue/index.ts"
import { faultFolder, type FaultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { hosts, isReduced } from "../support/faults/FaultSettings.ts"
import { Nap } from "../support/faults/FaultTasks.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { settled } from "../support/faults/Storm.ts"
import { canTrace, failing, readCalls } from "../support/faults/Strace.ts"
import { judge, records } from "../support/faults/Verdict.ts"
import { start } from "../support/faults/WorkerProcess.ts"

const jobs = isReduced ? 100 : 1000
const cannotTrace = !canTrace && process.env.CI !== "true"

const faults = [
  { fault: "every seventh sync fails with EIO", calls: ["fdatasync", "fsync"], error: "EIO", when: "12+7" },
  // A turn is some thirty writes: one in two or three fails.
  { fault: "every 61st write fails with ENOSPC", calls: ["pwrite64"], error: "ENOSPC", when: "60+61" },
  { fault: "every 61st write fails with EIO", calls: ["pwrite64"], error: "EIO", when: "60+61" }
] as const

const integrity = (folder: FaultFolder): string => {
  const db = new DatabaseSync(folder.store, { timeout: 5000 })
  try {
    return db
      .prepare("PRAGMA integrity_check")
      .all()
      .map((row) => row.integrity_check)
      .join("; ")
  } finally {
    db.close()
  }
}

/** Lines beyond those of its start, per second of its life. */
const linesPerSecond = (output: string, forMs: number) =>
  output.split("\n").filter((line) => /level=|^\[.*(WARN|ERROR)/.test(line)).length / Math.max(1, forMs / 1000)

const created = (folder: FaultFolder) =>
  readLedger(folder.ledger)
    .filter(({ kind }) => kind === "created")
    .map(({ id }) => id as JobId)

describe.each(isReduced ? hosts.slice(0, 1) : hosts)("a disk that fails at times, the store on $host", ({ thread }) => {
  for (const { calls, error, fault, when } of faults) {
    it.live.skipIf(cannotTrace)(
      `${fault} for a producer: what was acknowledged is there, the rest had a typed error`,
      () =>
        Effect.gen(function* () {
          assert(canTrace, "not run: strace is missing or may not trace")
          const folder = yield* faultFolder
          const log = path.join(folder.path, "calls")
          yield* Effect.flatMap(TaskQueue, (queue) => queue.stats).pipe(withQueue(folder), Effect.scoped)
          const enqueuer = yield* start(
            { name: "enqueuer", store: folder.store, ledger: folder.ledger, thread, jobs, producers: 2 },
            { program: "enqueuer.ts", under: failing({ log, path: `${folder.store}-wal`, calls, error, when }) }
          )
          const end = yield* Deferred.await(enqueuer.ended)
          assert.strictEqual(end.code, 0, enqueuer.output.slice(-2000))
          const injected = readCalls(log).filter(({ text }) => text.includes("(INJECTED)")).length
          const acknowledged = created(folder)
          const refused = readLedger(folder.ledger).filter(({ kind }) => kind === "notStored")
          console.log(
            `${fault}: ${injected} injected, ${acknowledged.length} acknowledged, ${refused.length} refused (${[...new Set(refused.map(({ detail }) => detail))]})`
          )
          assert.isAbove(injected, 1)
          assert.strictEqual(acknowledged.length, jobs)
          for (const { detail } of refused) assert.include(["StoreUnavailable", "StoreFull"], detail)
          assert.strictEqual(integrity(folder), "ok")
          yield* Effect.gen(function* () {
            const found = yield* records(acknowledged)
            assert.deepStrictEqual(
              acknowledged.filter((id) => !found.has(id)),
              []
            )
            assert.strictEqual(found.size, acknowledged.length)
          }).pipe(withQueue(folder))
        })
    )

    it.live.skipIf(cannotTrace)(`${fault} for a worker: every completion lands once, nobody exits`, () =>
      Effect.gen(function* () {
        assert(canTrace, "not run: strace is missing or may not trace")
        const folder = yield* faultFolder
        const log = path.join(folder.path, "calls")
        yield* Effect.gen(function* () {
          const queue = yield* TaskQueue
          const handles = yield* queue.enqueueMany(
            Nap,
            Array.from({ length: jobs }, (_, version) => ({ ms: 1 + (version % 20), version }))
          )
          const fleet = new Fleet(
            folder,
            { thread },
            { under: failing({ log, path: `${folder.store}-wal`, calls, error, when }) }
          )
          const begun = performance.now()
          const worker = yield* fleet.add
          yield* settled(60_000)
          const verdict = yield* judge(
            handles.map(({ id }) => id),
            readLedger(folder.ledger),
            fleet
          )
          const injected = readCalls(log).filter(({ text }) => text.includes("(INJECTED)")).length
          console.log(`${fault}, worker: ${injected} injected, ${JSON.stringify({ ...verdict, slowest: "" })}`)
          assert.isTrue(worker.isAlive, worker.output.slice(-2000))
          assert.isAbove(injected, 1)
          assert.deepStrictEqual(
            { lost: verdict.lost, stuck: verdict.stuck, twice: verdict.acceptedTwice },
            { lost: [], stuck: [], twice: [] }
          )
          assert.isAtMost(linesPerSecond(worker.output, performance.now() - begun), 2)
          worker.kill()
        }).pipe(withQueue(folder))
        assert.strictEqual(integrity(folder), "ok")
      }).pipe(Effect.scoped)
    )
  }
})

const run = (command: string, args: ReadonlyArray<string>) =>
  Effect.callback<void>((resume) => {
    execFile(command, args, (error, _, stderr) =>
      resume(error === null ? Effect.void : Effect.die(new Error(`${command}: ${stderr}`)))
    )
  })

/** Takes all the room there is. */
const fill = (file: string): void => {
  const descriptor = openSync(file, "w")
  try {
    for (const size of [1024 * 1024, 4096, 1]) {
      try {
        for (;;) writeSync(descriptor, Buffer.alloc(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error
      }
    }
  } finally {
    closeSync(descriptor)
  }
}

describe.each(isReduced ? hosts.slice(0, 1) : hosts)("a full disk, the store on $host", ({ thread }) => {
  it.live.skipIf(process.getuid?.() !== 0)(
    "running jobs complete, new ones are refused, and are taken again when there is room",
    () =>
      Effect.gen(function* () {
        const folder = yield* faultFolder
        const disk = path.join(folder.path, "disk")
        yield* run("mkdir", [disk])
        yield* Effect.acquireRelease(run("mount", ["-t", "tmpfs", "-o", "size=24m,mode=0700", "none", disk]), () =>
          run("umount", ["-l", disk])
        )
        const onDisk: FaultFolder = { ...folder, store: path.join(disk, "queue.db") }
        const filler = path.join(disk, "filler")
        yield* Effect.gen(function* () {
          const queue = yield* TaskQueue
          const fleet = new Fleet(onDisk, { thread })
          const worker = yield* fleet.addReady
          const running = yield* queue.enqueueMany(
            Nap,
            Array.from({ length: 24 }, (_, version) => ({ ms: 1500 + 50 * version, version }))
          )
          const waiting = yield* queue.enqueueMany(
            Nap,
            Array.from({ length: 200 }, (_, version) => ({ ms: 10, version }))
          )
          yield* Effect.forEach(running, ({ id }) => queue.waitFor(id, ["running"]))
          fill(filler)
          const begun = performance.now()
          const ids = [...running, ...waiting].map(({ id }) => id)
          const acknowledged: Array<JobId> = []
          const refused = new Map<string, number>()
          const trying = yield* Effect.forkScoped(
            queue.enqueue(Nap, { ms: 1, version: 0 }).pipe(
              Effect.match({
                onSuccess: ({ id }) => void acknowledged.push(id),
                onFailure: ({ reason }) => void refused.set(reason._tag, (refused.get(reason._tag) ?? 0) + 1)
              }),
              Effect.andThen(Effect.sleep("20 millis")),
              Effect.forever
            )
          )
          yield* Effect.forEach(running, ({ id }) => queue.waitFor(id)).pipe(Effect.timeout("30 seconds"))
          yield* Effect.sleep("3 seconds")
          const wasRefused = new Map(refused)
          const whileFull = acknowledged.length
          rmSync(filler)
          const freed = performance.now()
          yield* Effect.suspend(() =>
            acknowledged.length > whileFull ? Effect.void : Effect.fail("not yet" as const)
          ).pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.timeout("10 seconds"))
          const takenAfterMs = performance.now() - freed
          trying.interruptUnsafe()
          yield* settled(30_000)
          const verdict = yield* judge([...ids, ...acknowledged], readLedger(onDisk.ledger), fleet)
          console.log(
            `full disk, own thread ${thread}: refused ${JSON.stringify([...wasRefused])}, ${whileFull} taken meanwhile, taken again after ${Math.round(takenAfterMs)} ms, ` +
              `${JSON.stringify({ ...verdict, slowest: "" })}`
          )
          assert.isTrue(worker.isAlive, worker.output.slice(-2000))
          assert.isAbove(wasRefused.get("StoreFull") ?? 0, 0)
          assert.deepStrictEqual(
            [...wasRefused.keys()].filter((reason) => reason !== "StoreFull"),
            []
          )
          assert.deepStrictEqual(
            { lost: verdict.lost, stuck: verdict.stuck, twice: verdict.acceptedTwice, repeated: verdict.repeated },
            { lost: [], stuck: [], twice: [], repeated: 0 }
          )
          assert.isAtMost(linesPerSecond(worker.output, performance.now() - begun), 2)
          const end = yield* worker.stopGently
          assert.strictEqual(end.code, 0)
        }).pipe(withQueue(onDisk, { thread }))
        assert.strictEqual(integrity(onDisk), "ok")
      }).pipe(Effect.scoped),
    120_000
  )
})
